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
    /// taken. The twin is a writer, which may both.
    @Test(arguments: [MemberRole.agent, .writer])
    func whatARoleDoesNotAllowCountsNowhere(_ role: MemberRole) throws {
        let (owner, member, other) = try team(role)
        let task = try #require(member.vault.read { try $0.tasks(TaskFilter()).items.first })
        try member.makeTasks(["allowed"])
        let hostile = try member.withoutRules()
        let sneaking = SneakingStore(store: scene.remote) {
            try hostile.write { try $0.deleteTask(task.id) }
        }
        #expect(try member.sync(at: sneaking).failure == nil)
        try hostile.close()
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
        guard let late = try owner.vault.read({ try $0.voidChanges(of: member.keys.device) }).first else {
            return
        }
        try owner.vault.write { try $0.take(late) }
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
        // Shown the roster, it takes back what counts nowhere.
        #expect(try member.sync().failure == nil)
        #expect(try member.titles() == ["one", "sent"])
        #expect(try member.root() == owner.root())
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

    /// The same database for a program that knows no rules.
    func withoutRules() throws -> Vault {
        try Vault.open(
            at: home.databasePath, keys: keys, home: home,
            blobs: BlobStore(directory: home.documentsDirectory, keys: BlobKeys(keys)),
            origin: Origin(device: keys.device.bytes, incarnation: keys.incarnation), surroundings: .system)
    }
}

/// A remote at which something happens while a round reads the roster, once.
private final class SneakingStore: ForwardingStore, @unchecked Sendable {
    // SAFETY: the roster is read by one request at a time.
    let store: any ObjectStore
    private var body: (() throws -> Void)?

    init(store: any ObjectStore, _ body: @escaping () throws -> Void) {
        self.store = store
        self.body = body
    }

    func get(
        _ name: ObjectName, range: Range<UInt64>?, unless: ETag?,
        _ sink: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> ObjectInfo? {
        if name.text.hasPrefix(SyncName.root + "r/") {
            let sneak = body
            body = nil
            try sneak?()
        }
        return try store.get(name, range: range, unless: unless, sink)
    }
}
