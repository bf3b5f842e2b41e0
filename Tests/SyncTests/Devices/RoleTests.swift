import Cryptography
import FileSystem
import KeyRing
import ObjectStorage
import Sync
import TestSupport
import Testing
import Vault

/// What a role allows is held against every change, on every device alike (A21).
struct RoleTests {
    private let scene: SyncScene

    init() throws { scene = try SyncScene() }

    /// An owner, a device of some role, and another owner, all of whom have synced.
    private func team(_ role: MemberRole) throws -> (owner: SyncDevice, member: SyncDevice, other: SyncDevice)
    {
        let owner = try scene.firstDevice().0
        let member = try scene.join("member", as: role, by: owner)
        let other = try scene.join("other", by: owner)
        try owner.makeTasks(["one"])
        for device in [owner, member, other] { try device.sync() }
        return (owner, member, other)
    }

    /// An agent's program that knows no rules: what it may not is set aside by all others, and what it may is
    /// taken, out of one transaction. The twin is a writer, which may both.
    @Test(arguments: [MemberRole.agent, .writer])
    func whatARoleDoesNotAllowCountsNowhere(_ role: MemberRole) throws {
        let (owner, member, other) = try team(role)
        let task = try #require(member.vault.read { try $0.tasks(TaskFilter()).items.first })
        try member.forge { dot in
            let deletion = FieldChange(100, .integer(1))
            let title = FieldChange(2, .text("allowed"))
            return [
                RecordChange(collection: 1, id: task.id, dot: dot, fields: [deletion]),
                RecordChange(collection: 1, id: "task-new", dot: dot, fields: [title]),
            ]
        }
        for device in [owner, other] {
            let report = try device.sync(looksAtAll: true)
            #expect(report.failure == nil && report.alarms.isEmpty, "\(report)")
            #expect(try device.titles() == (role == .agent ? ["allowed", "one"] : ["allowed"]))
            let void = try device.vault.read { try $0.voidChanges(of: member.keys.device) }
            #expect(void.count == (role == .agent ? 1 : 0))
            #expect(void.allSatisfy { $0.reason.contains("agent") && $0.change.id == task.id })
        }
        #expect(try owner.root() == other.root())
        // A person may want it all the same.
        let void = try owner.vault.read { try $0.voidChanges(of: member.keys.device) }
        for change in void { try owner.vault.write { try $0.take(change) } }
        for device in [owner, other] { try device.sync() }
        #expect(try other.titles() == ["allowed"])
    }

    /// What a device may not it refuses itself, and says so.
    @Test func aDeviceRefusesWhatItsRoleDoesNotAllow() throws {
        let (owner, reader, _) = try team(.reader)
        let error = #expect(throws: VaultError.self) { try reader.makeTasks(["two"]) }
        #expect(error?.code == .guardRefused && error?.message.contains("reader") == true)
        // Once its role is wider it may, in the same life.
        try owner.setRole(.agent, of: reader)
        try owner.sync()
        try reader.sync()
        try reader.makeTasks(["two"])
        let task = try #require(reader.vault.read { try $0.tasks(TaskFilter()).items.first })
        let refused = #expect(throws: VaultError.self) {
            try reader.vault.write { try $0.deleteTask(task.id) }
        }
        #expect(refused?.code == .guardRefused)
        #expect(try reader.sync().pushedSegments == 1 && reader.keys.incarnation == 0)
        try owner.sync()
        #expect(try owner.titles() == ["one", "two"])
        let nobody = #expect(throws: KeyError.self) { try reader.setRole(.writer, of: owner) }
        #expect(nobody?.code == .guardRefused)
    }

    /// A narrower role: what was sent before counts, what waited and is not allowed any more is set aside,
    /// and the device goes on in a new life.
    @Test func aNarrowerRoleEndsALife() throws {
        let (owner, member, other) = try team(.writer)
        try member.makeTasks(["sent"])
        try member.sync()
        try owner.sync()
        let task = try #require(member.vault.read { try $0.tasks(TaskFilter()).items.first })
        try member.vault.write { try $0.deleteTask(task.id) }
        try member.makeTasks(["waits"])
        try owner.setRole(.agent, of: member)
        try owner.sync()
        let report = try member.sync()
        #expect(report.failure == nil && report.alarms.isEmpty, "\(report)")
        #expect(report.notices.contains { $0.contains("set aside") }, "\(report.notices)")
        #expect(member.keys.incarnation != 0 && !member.keys.isReplaced)
        try owner.sync()
        try other.sync()
        for device in [owner, member, other] { #expect(try device.titles() == ["one", "sent", "waits"]) }
        #expect(try owner.root() == other.root() && owner.root() == member.root())
        #expect(try member.vault.read { try $0.voidChanges(of: member.keys.device) }.count == 1)
    }

    /// Who hides the new role from itself writes under the old one, and nothing of it counts.
    @Test func anOldRoleIsNotBelieved() throws {
        let (owner, member, other) = try team(.writer)
        try member.makeTasks(["sent"])
        try member.sync()
        try owner.sync()
        try owner.setRole(.reader, of: member)
        let old = member.keys.roster
        try owner.sync()
        try member.makeTasks(["backdated"])
        try member.sync(pulls: false, at: StandingStore(scene.remote, roster: old))
        #expect(try scene.remote.head(scene.segment(of: member, 2)) != nil)
        for device in [owner, other] {
            #expect(try device.sync(looksAtAll: true).alarms.isEmpty)
            #expect(try device.titles() == ["one", "sent"])
        }
        #expect(try owner.root() == other.root())
        // Shown the roster, it takes back what counts nowhere. It has rung the bell last, so it has to look.
        #expect(try member.sync(looksAtAll: true).failure == nil)
        #expect(try member.titles() == ["one", "sent"])
        #expect(try member.root() == owner.root())
    }

    /// Nor does it help to begin a new life and to say that the one before went further. Where nobody has
    /// ended it, a device's word counts.
    @Test(arguments: [true, false])
    func noDeviceMovesTheEndOfALifeThatWasEnded(isNarrowed: Bool) throws {
        let (owner, member, other) = try team(.writer)
        try member.makeTasks(["sent"])
        try member.sync()
        try owner.sync()
        if isNarrowed { try owner.setRole(.reader, of: member) }
        let old = member.keys.roster
        try owner.sync()
        try member.makeTasks(["backdated"])
        try member.sync(pulls: false, at: StandingStore(scene.remote, roster: old))
        var bytes: [UInt8] = []
        _ = try scene.remote.get(scene.segment(of: member, 2), range: nil, unless: nil) {
            bytes.append(contentsOf: $0)
        }
        let position = try SignedObject(bytes, name: "s").position
        let pin = Pin(
            incarnation: 0, kind: .segments, stream: SyncStream.tasks, sequence: 2, hash: position.hash)
        try member.change { (directory, keys) in
            let followed = try KeyRing.follow(
                owner.keys.roster.records.dropFirst(keys.roster.records.count).map(\.bytes), in: directory,
                keys: keys, time: 3)
            return try KeyRing.reincarnate(in: directory, keys: followed, as: 7, pins: [pin], time: 4)
        }
        let record = try #require(member.keys.roster.records.last)
        _ = try scene.remote.put(
            SyncName.record(record.sequence).objectName(vault: member.keys.vaultID), .bytes(record.bytes),
            .ifAbsent)
        for device in [owner, other] {
            #expect(try device.sync(looksAtAll: true).failure == nil)
            #expect(device.keys.roster.headHash == member.keys.roster.headHash)
            #expect(try device.titles() == (isNarrowed ? ["one", "sent"] : ["backdated", "one", "sent"]))
        }
        #expect(try owner.root() == other.root())
    }

    /// With three owners a removal is proposed, and carried out by a second one's word; what has gone on in
    /// between makes it void.
    @Test func twoOwnersRemoveAThird() throws {
        let (owner, third, other) = try team(.owner)
        let alone = #expect(throws: KeyError.self) { try owner.remove(third.keys.device) }
        #expect(alone?.code == .guardRefused)
        func propose() throws -> KeyRing.Proposal {
            let sync = try VaultSync(vault: owner.vault, home: owner.home, keys: owner.keys, now: { 1 })
            let proposal = try sync.propose(nil, of: third.keys.device, manifests: [])
            try Proposals(vault: owner.vault, store: scene.remote).put(proposal, keys: owner.keys)
            return proposal
        }
        func look(_ device: SyncDevice, time: UInt64 = 2) throws -> [KeyRing.Proposal] {
            try Proposals(vault: device.vault, store: scene.remote).look(keys: device.keys, time: time)
        }
        func approve(_ proposal: KeyRing.Proposal, by device: SyncDevice) throws {
            let sync = try VaultSync(vault: device.vault, home: device.home, keys: device.keys, now: { 3 })
            defer { device.keys = sync.keys }
            try sync.approve(proposal, with: nil, time: 3)
        }
        let stale = try propose()
        #expect(try look(other) == [stale] && look(other, time: 8 * 86_400_000).isEmpty)
        #expect(try Proposals.known(to: other.vault, keys: other.keys, time: 2).isEmpty)
        for device in [owner, third] {
            let error = #expect(throws: KeyError.self) { try approve(stale, by: device) }
            #expect(error?.code == .guardRefused)
        }
        try other.rename("another name")
        let late = #expect(throws: KeyError.self) { try approve(stale, by: other) }
        #expect(late?.code == .conflict && (try? look(other))?.isEmpty == true)
        try other.sync()
        try owner.sync()
        let proposal = try propose()
        try approve(#require(look(other).first), by: other)
        #expect(other.keys.roster.member(third.keys.device) == nil && other.keys.hasWaitingEpoch)
        try other.sync()
        try owner.sync()
        #expect(owner.keys.roster.chain == other.keys.roster.chain && owner.keys.currentEpoch == 2)
        #expect(try look(owner).isEmpty && proposal.subject == third.keys.device)
        let gone = #expect(throws: KeyError.self) { try third.sync() }
        #expect(gone?.code == .deviceRevoked)
    }

    /// Rights are canonical bytes, and no record gives what no agent may have.
    @Test func noAgentDeletesFromTheKnowledgeBase() throws {
        let (owner, member, _) = try team(.writer)
        #expect(throws: KeyError.self) { try AgentRights([5: .delete]) }
        #expect(throws: KeyError.self) { try AgentRights([1: []]) }
        let rights = try AgentRights([1: .write, 4: [.write, .delete]])
        try owner.setRole(.agent, of: member, rights: rights)
        let chain = owner.keys.roster.chain
        #expect(try Roster(verifying: chain).member(member.keys.device)?.rights == rights)
        let rules = WriteRules(role: .agent, rights: .standard)
        func change(_ collection: UInt32, _ field: UInt32) -> RecordChange {
            RecordChange(
                collection: collection, id: "x",
                dot: Dot(origin: Origin(device: [], incarnation: 0), counter: 1),
                fields: [FieldChange(field, .integer(1))])
        }
        #expect(rules.objection(to: change(1, 2)) == nil && rules.objection(to: change(5, 3)) == nil)
        for (collection, field) in [(1, 100), (1, 101), (5, 100), (6, 101), (4, 1), (50, 1), (77, 1)] {
            #expect(rules.objection(to: change(UInt32(collection), UInt32(field))) != nil)
        }
        #expect(WriteRules(role: .writer, rights: nil).objection(to: change(5, 101)) == nil)
        #expect(WriteRules(role: .reader, rights: nil).objection(to: change(1, 1)) != nil)
    }
}

extension SyncDevice {
    /// Gives a member another role as `device role` does, up to where its record is sent.
    func setRole(_ role: MemberRole, of device: SyncDevice, rights: AgentRights? = nil) throws {
        let sync = try VaultSync(vault: vault, home: home, keys: keys, now: { 1_800_000_000_000 })
        defer { keys = sync.keys }
        try sync.setRole(role, of: device.keys.device, rights: rights, manifests: [])
    }

    /// Sends a segment with these changes, and a head that speaks of it, signed by this device's keys and
    /// made by no program of ours.
    func forge(_ changes: (Dot) -> [RecordChange]) throws {
        let state = try VaultSync(vault: vault, home: home, keys: keys, now: { 1_800_000_000_000 }).state
        let origin = Origin(device: keys.device.bytes, incarnation: keys.incarnation)
        let dot = Dot(origin: origin, counter: 1_000_000)
        let stamp = HybridTime(rawValue: Self.now() << 16)
        let batch = ChangeBatch(
            sequence: 0, stamp: stamp, origin: origin, actor: "forger", changes: changes(dot))
        let lane = Lane(author: state.author, stream: SyncStream.tasks)
        let before = state.positions[lane] ?? .start
        let segment = try object(.segment, lane, before.sequence + 1, before.hash, OpBatch.encode([batch]))
        let position = try SignedObject(segment, name: "s").position
        let place = SyncName.segment(lane, position.sequence).objectName(vault: keys.vaultID)
        _ = try remote.put(place, .bytes(segment), .none)
        let seen = state.observed.filter { $0.lane != lane } + [Observation(lane: lane, position: position)]
        let body = HeadBody(observed: seen.sorted { $0.lane < $1.lane }, logs: state.logs.range)
        let times = HeadTimes(
            issuedAt: UInt64(Self.now()), validUntil: UInt64(Self.now()) + 1_000_000,
            oldestLog: state.logs.range.oldest)
        let number = (state.head?.position.sequence ?? 0) + 1
        let head = try object(
            .head, Lane(author: state.author, stream: 0), number, times.link, body.encoded)
        _ = try remote.put(SyncName.head(state.author).objectName(vault: keys.vaultID), .bytes(head), .none)
    }

    private func object(
        _ kind: ObjectKind, _ lane: Lane, _ number: UInt64, _ link: [UInt8], _ content: [UInt8]
    ) throws -> [UInt8] {
        let draft = ObjectDraft(
            kind: kind, vaultID: keys.vaultID, lane: lane, epoch: keys.currentEpoch, sequence: number,
            link: link, rosterSequence: keys.roster.headSequence, rosterHash: keys.roster.headHash)
        let key = try keys.key(kind.purpose, epoch: keys.currentEpoch)
        return try draft.seal(content) { plain, context in
            try Cobblestone.seal(key: key, context: context, plain)
        } sign: { bytes in
            try keys.sign(bytes, domain: "ai-team/\(kind)/v1")
        }
    }
}
