public import Cryptography

/// The keys of an open vault. Immutable, so any thread may use it; a change of the ring makes a new value.
/// Who keeps a vault open for long follows the ring by `LiveKeys`.
public final class UnlockedKeys: Sendable {
    let state: RingState
    let opener: Opener

    init(_ state: RingState, opener: Opener) {
        self.state = state
        self.opener = opener
    }

    /// The slot that opened the ring; nil when the key agent did, or when it was removed since.
    public var openedSlot: SlotID? {
        opener.slot.flatMap { id in state.slots.contains { $0.id == id } ? id : nil }
    }

    /// The vault's name.
    public var vaultID: VaultID { state.vaultID }
    /// This device's name.
    public var device: DeviceID { state.device }
    /// The incarnation that this copy of the device goes on in: 0 at first.
    public var incarnation: UInt32 { state.incarnation }
    /// Whether another copy of this device has taken over, by an incarnation that the roster names later.
    public var isReplaced: Bool { state.isReplaced }
    /// The ring's generation; it grows with every change, and a lower one than the database knows is
    /// `rollback`.
    public var ringGeneration: UInt64 { state.generation }
    /// The epoch under which new data is written.
    public var currentEpoch: UInt32 { state.epochInUse }
    /// Whether the roster's newest epoch waits for its record to reach the remote before anything is written
    /// under it.
    public var hasWaitingEpoch: Bool { state.epochInUse < state.roster.currentEpoch }
    /// All epochs, oldest first.
    public var epochs: [UInt32] { state.epochs.map(\.number) }
    /// The verified chain of roster records.
    public var roster: Roster { state.roster }
    /// The slots that open the ring.
    public var slots: [SlotInfo] { state.slots.map(SlotInfo.init) }
    /// This device's public keys.
    public var publicKeys: PublicKeys { state.identity.publicKeys }

    /// The key of a purpose in an epoch, 32 bytes; `notFound` for an epoch that the vault does not have.
    public func key(_ purpose: KeyPurpose, epoch: UInt32) throws(KeyError) -> SecretBytes {
        try state.epochs.key(purpose, epoch: epoch, vault: vaultID)
    }

    /// The key of object names: from epoch 1, the same for ever.
    public func nameKey() throws(KeyError) -> SecretBytes { try key(.name, epoch: 1) }

    /// A key of this home alone, which no rotation changes: for the seal, the anchor and the journal.
    public func homeKey(_ purpose: KeyPurpose) throws(KeyError) -> SecretBytes {
        try orKeyError(.failed, purpose.rawValue) { () throws(CryptoError) in
            try purpose.expand(state.home.bytes, vault: vaultID, epoch: 0)
        }
    }

    /// This device's Ed25519 signature (64 bytes) of `domain` NUL `bytes`.
    public func sign(_ bytes: [UInt8], domain: String) throws(KeyError) -> [UInt8] {
        try orKeyError(.failed, "signature") { () throws(CryptoError) in
            try state.identity.signing.sign(bytes, domain: domain)
        }
    }

    /// The private backup key of an epoch, which opens what packs' keys are wrapped to.
    public func backupKey(epoch: UInt32) throws(KeyError) -> AgreementKey {
        try state.epochs.backupKey(epoch, vault: vaultID)
    }

    /// The public half of an epoch's backup key, from the signed roster.
    public func backupPublicKey(epoch: UInt32) throws(KeyError) -> [UInt8] {
        guard let key = roster.backupPublicKey(epoch: epoch) else {
            throw KeyError(.notFound, "this vault has no epoch \(epoch)")
        }
        return key
    }

    /// The name that a member gave itself.
    public func label(of member: Roster.Member) throws(KeyError) -> String {
        try state.epochs.label(of: member, vault: vaultID)
    }

    /// A copy of the root key, for the key agent alone.
    public func rootKey() -> SecretBytes { state.root.bytes.copy() }
}

/// What may be shown of a slot.
public struct SlotInfo: Sendable, Hashable {
    /// Its name.
    public let id: SlotID
    /// What opens it.
    public let kind: SlotKind
    /// Milliseconds since 1970.
    public let createdAt: UInt64

    init(_ slot: Slot) {
        id = slot.id
        kind = slot.kind
        createdAt = slot.createdAt
    }
}
