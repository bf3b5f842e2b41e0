import Cryptography

/// The verified chain of roster records and what follows from it: members, epochs, recovery pairs.
///
/// A value exists only if every record links to the one before, is signed as its kind demands by keys that
/// counted at that place, and keeps the rules of docs/FORMAT.md, "Roster".
public struct Roster: Sendable {
    /// A device that belongs to the vault.
    public struct Member: Sendable, Hashable {
        /// Its name, which stays when keys change.
        public let id: DeviceID
        /// What it may do.
        public let role: MemberRole
        /// Its present public keys.
        public internal(set) var keys: PublicKeys
        /// Its present incarnation.
        public internal(set) var incarnation: UInt32
        /// All incarnations it had, in order; the first is 0.
        public internal(set) var incarnations: [UInt32]
        /// All signing keys it had, with the number of the record that introduced each.
        public internal(set) var signingKeys: [SigningEra]
        /// What its ended incarnations are believed to have written.
        public internal(set) var pins: [Pin]
        let label: [UInt8]
        let labelEpoch: UInt32
    }

    /// A signing key of a member and since which record it counts, until the next one.
    public struct SigningEra: Sendable, Hashable {
        /// The first record that may be signed with it.
        public let since: UInt64
        /// Ed25519, 32 bytes.
        public let key: [UInt8]
    }

    struct Epoch: Sendable {
        let record: NewEpoch
        let prevHash: [UInt8]
    }

    /// The vault's name.
    public let vaultID: VaultID
    /// The records, oldest first.
    public private(set) var records: [RosterRecord]
    /// The members, in the order in which they joined.
    public private(set) var members: [Member]
    private(set) var recovery: [RecoveryPair]
    private(set) var epochs: [Epoch]
    /// Every key that a member has or had: none may come a second time.
    private var usedKeys: Set<[UInt8]>

    /// The number of the newest record.
    public var headSequence: UInt64 { UInt64(records.count - 1) }
    /// SHA-256 of the newest record.
    public var headHash: [UInt8] { records[records.count - 1].hash }
    /// The canonical bytes of each record: what backups and sync carry.
    public var chain: [[UInt8]] { records.map(\.bytes) }
    /// The newest epoch's number.
    public var currentEpoch: UInt32 { UInt32(epochs.count) }

    /// The member of that id.
    public func member(_ id: DeviceID) -> Member? { members.first { $0.id == id } }

    /// The public half of an epoch's backup key: writers without epoch keys wrap to it.
    public func backupPublicKey(epoch: UInt32) -> [UInt8]? {
        epoch >= 1 && epoch <= currentEpoch ? epochs[Int(epoch) - 1].record.backupKey : nil
    }

    /// Whether this chain is `other` or begins with all of it.
    public func extends(_ other: Roster) -> Bool {
        records.count >= other.records.count
            && records[other.records.count - 1].bytes == other.records[other.records.count - 1].bytes
    }
}

extension Roster {
    /// The longest chain that a vault can have here.
    static let recordLimit = 1 << 16

    /// Verifies a whole chain. Throws `invalidRoster` naming the record that breaks a rule, `newerFormat` for
    /// one that this program does not know.
    public init(verifying chain: [[UInt8]]) throws(KeyError) {
        guard let first = chain.first, chain.count <= Roster.recordLimit else {
            throw KeyError(.invalidRoster, "the roster has no records, or too many")
        }
        try self.init(genesis: RosterRecord(first))
        for bytes in chain.dropFirst() { try append(RosterRecord(bytes)) }
    }

    /// Begins a chain with its genesis.
    init(genesis record: RosterRecord) throws(KeyError) {
        guard case .genesis(let core, let label, let epoch) = record.body, record.sequence == 0,
            record.prevHash.allSatisfy({ $0 == 0 })
        else { throw KeyError(.invalidRoster, "the roster does not begin with a genesis record") }
        guard core.vaultID == record.vaultID, core.device.id == record.author else {
            throw KeyError(.invalidRoster, "the genesis record does not lead to its vault id")
        }
        try core.device.validate()
        vaultID = record.vaultID
        records = [record]
        recovery = []
        epochs = []
        usedKeys = [core.device.signing, core.device.agreement]
        members = [
            Member(
                id: core.device.id, role: .owner, keys: core.device, incarnation: 0, incarnations: [0],
                signingKeys: [SigningEra(since: 0, key: core.device.signing)], pins: [], label: label,
                labelEpoch: 1)
        ]
        try record.verify(0, .author, by: record.author, key: core.device.signing)
        try adopt(core.recovery, in: record, firstSignature: 1)
        try begin(epoch, in: record)
    }

    /// Adds the next record after checking it.
    mutating func append(_ record: RosterRecord) throws(KeyError) {
        guard record.vaultID == vaultID, record.sequence == headSequence + 1, record.prevHash == headHash
        else { throw Roster.broken(record, "does not continue the chain") }
        var next = self
        try next.apply(record)
        next.records.append(record)
        self = next
    }

    private mutating func apply(_ record: RosterRecord) throws(KeyError) {
        switch record.body {
        case .genesis:
            throw Roster.broken(record, "is a second genesis")
        case .add(let addition):
            try apply(addition, in: record)
        case .recoveryChange(let pairs, let epoch):
            let author = try author(of: record)
            guard author.role.administers else { throw Roster.broken(record, "exceeds its author's role") }
            try record.verify(0, .author, by: author.id, key: author.keys.signing)
            try adopt(pairs, in: record, firstSignature: 1)
            try begin(epoch, in: record)
        case .rekey(let device, let keys, let epoch):
            let index = try own(device, in: record)
            try keys.validate()
            try requireUnused(keys, in: record)
            try record.verify(0, .author, by: device, key: members[index].keys.signing)
            try record.verify(1, .newKey, by: device, key: keys.signing)
            try requireSignatures(2, in: record)
            members[index].keys = keys
            members[index].signingKeys.append(SigningEra(since: record.sequence + 1, key: keys.signing))
            try begin(epoch, in: record)
        case .reincarnate(let device, let incarnation, let pins):
            let index = try own(device, in: record)
            guard incarnation != 0, !members[index].incarnations.contains(incarnation) else {
                throw Roster.broken(record, "repeats an incarnation")
            }
            try record.verify(0, .author, by: device, key: members[index].keys.signing)
            try requireSignatures(1, in: record)
            members[index].incarnation = incarnation
            members[index].incarnations.append(incarnation)
            members[index].pins += pins
        case .restored(let device, _):
            let index = try own(device, in: record)
            try record.verify(0, .author, by: device, key: members[index].keys.signing)
            try requireSignatures(1, in: record)
        }
    }

    private mutating func apply(
        _ addition: RosterBody.Addition, in record: RosterRecord
    ) throws(KeyError) {
        if let pair = recovery.first(where: { $0.keys.id == record.author }) {
            try record.verify(0, .author, by: record.author, key: pair.keys.signing)
        } else {
            let author = try author(of: record)
            guard author.role.administers else { throw Roster.broken(record, "exceeds its author's role") }
            try record.verify(0, .author, by: author.id, key: author.keys.signing)
        }
        try requireSignatures(1, in: record)
        try addition.keys.validate()
        try requireUnused(addition.keys, in: record)
        let sealedNothing = (addition.box + addition.ephemeral).allSatisfy { $0 == 0 }
        guard addition.epoch == currentEpoch, addition.role.reads != sealedNothing else {
            throw Roster.broken(record, "seals an epoch to the wrong member")
        }
        members.append(
            Member(
                id: addition.keys.id, role: addition.role, keys: addition.keys, incarnation: 0,
                incarnations: [0],
                signingKeys: [SigningEra(since: record.sequence + 1, key: addition.keys.signing)], pins: [],
                label: addition.label, labelEpoch: addition.epoch))
    }
}

extension Roster {
    private func author(of record: RosterRecord) throws(KeyError) -> Member {
        guard let member = member(record.author) else { throw Roster.broken(record, "is by no member") }
        return member
    }

    /// The place of the device that speaks about itself.
    private func own(_ device: DeviceID, in record: RosterRecord) throws(KeyError) -> Int {
        guard device == record.author, let index = members.firstIndex(where: { $0.id == device }) else {
            throw Roster.broken(record, "speaks for another device")
        }
        return index
    }

    private func requireSignatures(_ count: Int, in record: RosterRecord) throws(KeyError) {
        guard record.signatures.count == count else {
            throw Roster.broken(record, "has signatures that its kind does not have")
        }
    }

    /// Takes keys into use.
    private mutating func requireUnused(_ keys: PublicKeys, in record: RosterRecord) throws(KeyError) {
        guard usedKeys.isDisjoint(with: [keys.signing, keys.agreement]) else {
            throw Roster.broken(record, "takes keys that were used before")
        }
        usedKeys.formUnion([keys.signing, keys.agreement])
    }

    /// Takes the list of recovery pairs; each that is new has countersigned the record.
    private mutating func adopt(
        _ pairs: [RecoveryPair], in record: RosterRecord, firstSignature: Int
    ) throws(KeyError) {
        guard !pairs.isEmpty, Set(pairs.map(\.keys.id)).count == pairs.count else {
            throw Roster.broken(record, "names no recovery keys, or one twice")
        }
        var index = firstSignature
        for pair in pairs where !recovery.contains(pair) {
            try pair.keys.validate()
            try record.verify(index, .recovery, by: pair.keys.id, key: pair.keys.signing)
            index += 1
        }
        try requireSignatures(index, in: record)
        recovery = pairs
    }

    private mutating func begin(_ epoch: NewEpoch, in record: RosterRecord) throws(KeyError) {
        let expected = recipients.map(\.id).sorted()
        guard epoch.number == currentEpoch + 1, epoch.sealed.map(\.id) == expected,
            (epoch.previousUnderNew == NewEpoch.noPrevious) == (epoch.number == 1)
        else { throw Roster.broken(record, "seals its epoch to others than the members who read") }
        epochs.append(Epoch(record: epoch, prevHash: record.prevHash))
    }

    /// To whom a new epoch is sealed: the members whose role reads, and the recovery keys.
    var recipients: [(id: DeviceID, key: [UInt8])] {
        members.filter(\.role.reads).map { ($0.id, $0.keys.agreement) }
            + recovery.map { ($0.keys.id, $0.keys.agreement) }
    }

    private static func broken(_ record: RosterRecord, _ how: String) -> KeyError {
        KeyError(.invalidRoster, "record \(record.sequence) of the roster \(how)")
    }

    /// Opens every epoch from the chain alone with a key that the newest one is sealed to.
    ///
    /// Each epoch must be the one its record commits to, with the backup key derived from it.
    func openEpochs(with key: borrowing AgreementKey, as id: DeviceID) throws(KeyError) -> [EpochKey] {
        let newest = epochs[epochs.count - 1]
        var opened = try orKeyError(.invalidRoster, "epoch \(epochs.count)") { () throws(CryptoError) in
            [try newest.record.open(with: key, as: id, vault: vaultID, prevHash: newest.prevHash)]
        }
        for index in (0..<epochs.count - 1).reversed() {
            let (older, newer) = (epochs[index].record, epochs[index + 1].record)
            let above = opened[opened.count - 1]
            let below = try orKeyError(.invalidRoster, "epoch \(index + 1)") { () throws(CryptoError) in
                try older.checked(newer.openPrevious(under: above, vaultID), vaultID)
            }
            opened.append(below)
        }
        return opened.reversed()
    }
}
