public import KeyRing
public import Vault

/// Who belongs to the vault, as the core asks: the verified roster, or a model of it.
public protocol Membership: Sendable {
    /// The vault's name.
    var vaultID: VaultID { get }
    /// The number of the newest record; the genesis has 0.
    var sequence: UInt64 { get }
    /// The newest epoch that a record has begun: what was sealed under an older one and never sent is sealed
    /// anew.
    var epoch: UInt32 { get }
    /// The present lives of the present members, in order.
    var authors: [Author] { get }

    /// The canonical bytes of a record.
    func record(_ sequence: UInt64) -> [UInt8]?

    /// SHA-256 of a record.
    func recordHash(_ sequence: UInt64) -> [UInt8]?

    /// The Ed25519 key that must have signed an object with this header, whose roster record is known here.
    ///
    /// - Throws: `integrity` when nothing that this author signs there counts.
    func signingKey(for header: ObjectHeader, name: String) throws(SyncError) -> [UInt8]

    /// The present incarnation of a device that belongs to the vault.
    func life(of device: DeviceID) -> UInt32?

    /// Whether others believe segments of a device.
    func mayWrite(_ device: DeviceID) -> Bool

    /// Whether others believe checkpoints of a device.
    func mayCheckpoint(_ device: DeviceID) -> Bool

    /// Why a change in a segment does not count, by what its author's role allowed it where the segment says
    /// that it knew the roster; nil when it does. All replicas must come to the same.
    func objection(to change: RecordChange, in header: ObjectHeader) -> String?

    /// Whether a device is to remove what nobody needs any more.
    func mayCollect(_ device: DeviceID) -> Bool

    /// For how many days log objects must stay in the remote.
    var logRetentionDays: Int { get }

    /// All incarnations of a device that belongs to the vault, in their order.
    func lives(of device: DeviceID) -> [UInt32]

    /// Where a lane ends: its last segment that counts. Nil while it goes on; `start` where nothing counts.
    func pin(of lane: Lane) -> Position?
}

extension CheckpointBody {
    /// Whether it speaks of what the roster has cut off.
    func exceeds(_ membership: any Membership) -> Bool {
        vector.contains { seen in
            membership.pin(of: seen.lane).map { $0.sequence < seen.position.sequence } ?? false
        }
    }
}

/// The cryptography that the core needs to read: functions of their arguments alone. Making objects needs
/// randomness and is left to the store, which keeps the final bytes before anything is sent.
public protocol ObjectReading: Sendable {
    /// Whether the object's signature is by `key`.
    func isSigned(_ object: SignedObject, by key: [UInt8]) -> Bool

    /// The padded plaintext of the object's body.
    ///
    /// - Throws: `integrity`.
    func open(_ object: SignedObject, name: String) throws(SyncError) -> [UInt8]
}
