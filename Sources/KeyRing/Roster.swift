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
        public internal(set) var role: MemberRole
        /// What it may write as an agent; nil in other roles.
        public internal(set) var rights: AgentRights?
        /// All roles it had, oldest first.
        public internal(set) var roles: [RoleEra]
        /// The lives that a narrower role has ended: what no pin names of them does not count.
        public internal(set) var endedLives: [UInt32] = []
        /// Its present public keys.
        public internal(set) var keys: PublicKeys
        /// Its present incarnation.
        public internal(set) var incarnation: UInt32
        /// All incarnations it had, in order; the first is 0.
        public internal(set) var incarnations: [UInt32]
        /// All signing keys it had, with the number of the record that introduced each.
        public internal(set) var signingKeys: [SigningEra]
        /// Where what its incarnations wrote ends: later things are void.
        public internal(set) var pins: [Pin]
        /// What it wrote and still counts although it was removed or lost its role.
        public internal(set) var kept: [Pin] = []
        var label: [UInt8]
        var labelEpoch: UInt32
    }

    /// A signing key of a member and since which record it counts, until the next one.
    public struct SigningEra: Sendable, Hashable {
        /// The first record that may be signed with it.
        public let since: UInt64
        /// Ed25519, 32 bytes.
        public let key: [UInt8]
    }

    /// From record `sequence` on nothing new counts under epoch `through` and those before.
    struct Retirement: Sendable {
        let through: UInt32
        let sequence: UInt64
    }

    /// A role of a member and since which record it has it, until the next one.
    public struct RoleEra: Sendable, Hashable {
        /// The record that gave it.
        public let since: UInt64
        /// The role.
        public let role: MemberRole
        /// What an agent may write.
        public let rights: AgentRights?
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
    public internal(set) var members: [Member]
    /// Who was removed, in that order.
    public internal(set) var former: [Member] = []
    /// Those outside the vault to whom the keys of backups are wrapped too.
    public internal(set) var backupRecipients: [BackupRecipient] = []
    var recovery: [RecoveryPair]
    var epochs: [Epoch]
    /// Every key that a member has or had: none may come a second time.
    var usedKeys: Set<[UInt8]>
    /// The tags of invitations that brought a member in: each does so once.
    var usedInviteTags: Set<[UInt8]> = []
    /// What `retire` records say, oldest first.
    var retirements: [Retirement] = []
    /// The device that recovery keys added and that epochs are sealed to alone, until it has confirmed the
    /// members by a `rotate`.
    var confinedTo: DeviceID?

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

    /// The device that alone writes the roster at a store which can't see to it that each record is made
    /// once: the vault's first one, or when that was removed the first owner.
    public var registrar: DeviceID {
        let first = records[0].author
        return member(first)?.id ?? members.first { $0.role == .owner }?.id ?? first
    }

    /// Days that logs must stay in the remote, by the policy that every device signed up to with the genesis.
    public var logRetentionDays: Int {
        guard case .genesis(let core, _, _) = records[0].body else { return 0 }
        return Int(core.policy.logRetentionDays)
    }

    /// Whether a person has confirmed the members since recovery keys were last used. Until then new epochs
    /// are sealed to the recovered device and the recovery keys alone.
    public var isConfirmed: Bool { confinedTo == nil }

    /// Whether a passphrase leads to recovery keys of this vault.
    public var hasPassphraseRecovery: Bool { recovery.contains { $0.kind == .passphrase } }

    /// The public half of an epoch's backup key: writers without epoch keys wrap to it.
    public func backupPublicKey(epoch: UInt32) -> [UInt8]? {
        epoch >= 1 && epoch <= currentEpoch ? epochs[Int(epoch) - 1].record.backupKey : nil
    }

    /// Whether an invitation of that tag has brought a member in.
    public func hasUsed(inviteTag: [UInt8]) -> Bool { usedInviteTags.contains(inviteTag) }

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
                id: core.device.id, role: .owner, rights: nil,
                roles: [RoleEra(since: 0, role: .owner, rights: nil)], keys: core.device, incarnation: 0,
                incarnations: [0],
                signingKeys: [SigningEra(since: 0, key: core.device.signing)], pins: [], label: label,
                labelEpoch: 1)
        ]
        try record.verify(0, .author, by: record.author, key: core.device.signing)
        try requireSignatures(1 + core.recovery.count, in: record)
        try adopt(core.recovery, in: record)
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
}
