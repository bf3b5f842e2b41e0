internal import Cryptography
internal import KeyRing
internal import Synchronization
internal import Vault

/// The verified roster, as the core asks for it.
struct RosterMembership: Membership {
    let roster: Roster

    var vaultID: VaultID { roster.vaultID }
    var sequence: UInt64 { roster.headSequence }
    var epoch: UInt32 { roster.currentEpoch }
    var logRetentionDays: Int { roster.logRetentionDays }
    var authors: [Author] {
        roster.members.filter(\.role.reads).map { Author(device: $0.id, incarnation: $0.incarnation) }
            .sorted()
    }

    func record(_ sequence: UInt64) -> [UInt8]? {
        sequence < UInt64(roster.records.count) ? roster.records[Int(sequence)].bytes : nil
    }

    func recordHash(_ sequence: UInt64) -> [UInt8]? {
        sequence < UInt64(roster.records.count) ? roster.records[Int(sequence)].hash : nil
    }

    func life(of device: DeviceID) -> UInt32? { roster.member(device)?.incarnation }

    func lives(of device: DeviceID) -> [UInt32] { roster.member(device)?.incarnations ?? [] }

    func mayWrite(_ device: DeviceID) -> Bool { roster.member(device)?.role.writes ?? false }

    func mayCheckpoint(_ device: DeviceID) -> Bool { roster.member(device)?.role.backsUp ?? false }

    func mayCollect(_ device: DeviceID) -> Bool { roster.member(device)?.role.administers ?? false }

    /// Segments are believed of those whose role let them write when they were written (where a role ended is
    /// pinned); checkpoints of owners, admins and writers; heads and bells of all who read. The key is the
    /// one that would sign the record after the newest that the author knew.
    func signingKey(for header: ObjectHeader, name: String) throws(SyncError) -> [UInt8] {
        let author = header.lane.author
        let present = roster.member(author.device)
        guard let member = present ?? roster.former.first(where: { $0.id == author.device }) else {
            throw .integrity(name, "it is by no member of the vault")
        }
        guard member.incarnations.contains(author.incarnation) else {
            throw .integrity(name, "it is by a life of its device that the roster does not know")
        }
        let role = header.kind == .segment ? member.role(at: header.rosterSequence)?.role : member.role
        let isAllowed =
            switch header.kind {
            case .segment, .marks: role?.writes
            case .checkpoint, .chunk: role?.backsUp
            case .head, .bell, .log, .claim: role?.reads
            }
        guard isAllowed ?? false else {
            throw .integrity(name, "its author's role (\(role?.name ?? "none")) does not allow it")
        }
        guard roster.accepts(epoch: header.epoch, knowing: header.rosterSequence) else {
            throw .integrity(name, "it is under epoch \(header.epoch), which was retired before")
        }
        let next = header.rosterSequence + 1
        guard let era = member.signingKeys.last(where: { $0.since <= next }) else {
            throw .integrity(name, "it was written before its author was a member")
        }
        return era.key
    }

    func objection(to change: RecordChange, in header: ObjectHeader) -> String? {
        let device = header.lane.author.device
        let member = roster.member(device) ?? roster.former.first { $0.id == device }
        guard let era = member?.role(at: header.rosterSequence) else { return "its author was no member" }
        return era.rules.objection(to: change).map { "its author's role (\(era.role.name)) \($0)" }
    }

    func pin(of lane: Lane) -> Position? {
        let author = lane.author
        let present = roster.member(author.device)
        guard let member = present ?? roster.former.first(where: { $0.id == author.device }) else {
            return .start
        }
        let pin = member.pins.last {
            $0.kind == .segments && $0.incarnation == author.incarnation && $0.stream == lane.stream
        }
        if let pin { return Position(sequence: pin.sequence, hash: pin.hash) }
        if present != nil, member.endedLives.contains(author.incarnation) { return .start }
        // A life that a restore has ended without looking at the remote counts as far as it goes: cutting it
        // off would lose what it had sent. Of a removed member nothing counts but what was pinned.
        return present == nil ? .start : nil
    }
}

extension Roster.Member {
    /// The role in which whoever knew the roster up to a record wrote.
    fileprivate func role(at sequence: UInt64) -> Roster.RoleEra? { roles.last { $0.since <= sequence } }
}

extension Roster.RoleEra {
    fileprivate var rules: WriteRules { WriteRules(role: role, rights: rights) }
}

/// What opens objects: the keys of the vault, as they are while a round goes on.
final class VaultReading: ObjectReading {
    private let keys: Mutex<UnlockedKeys>
    /// The number of the newest head that was opened of each device, and its epoch.
    private let heads = Mutex<[DeviceID: (sequence: UInt64, epoch: UInt32)]>([:])

    init(_ keys: UnlockedKeys) { self.keys = Mutex(keys) }

    /// The epochs under which devices wrote the heads that were opened.
    var headEpochs: [DeviceID: UInt32] { heads.withLock { $0.mapValues(\.epoch) } }

    /// Goes on with the keys after a change of the ring.
    func use(_ keys: UnlockedKeys) { self.keys.withLock { $0 = keys } }

    func isSigned(_ object: SignedObject, by key: [UInt8]) -> Bool {
        do throws(CryptoError) {
            try Ed25519.verify(
                signature: object.signature, of: object.signedBytes, domain: object.header.kind.domain,
                publicKey: key)
            return true
        } catch { return false }
    }

    func open(_ object: SignedObject, name: String) throws(SyncError) -> [UInt8] {
        do {
            let header = object.header
            let key = try keys.withLock { $0 }.key(header.kind.purpose, epoch: header.epoch)
            let body = try Cobblestone.open(key: key, context: object.context, object.body)
            if header.kind == .head { note(header) }
            return body
        } catch { throw .integrity(name, "it does not decrypt") }
    }

    private func note(_ header: ObjectHeader) {
        heads.withLock { heads in
            let known = heads[header.lane.author.device]
            if known.map({ $0.sequence < header.sequence }) ?? true {
                heads[header.lane.author.device] = (header.sequence, header.epoch)
            }
        }
    }
}
