package import Cryptography

/// What backup and restore need of a vault's keys, so that they can be tried without a home.
package protocol BackupKeys: Sendable {
    /// V, 32 bytes.
    var vaultID: [UInt8] { get }
    /// This device, 16 bytes.
    var deviceID: [UInt8] { get }
    /// This device's incarnation.
    var incarnation: UInt32 { get }
    /// The epoch that new backups stand under.
    var currentEpoch: UInt32 { get }
    /// The roster chain: each record as it was signed.
    var rosterRecords: [[UInt8]] { get }
    /// The public half of an epoch's backup key pair, from the signed roster.
    func backupPublicKey(epoch: UInt32) throws -> [UInt8]
    /// Opens a key sealed to an epoch's backup key pair.
    func openBackupBox(_ box: [UInt8], ephemeral: [UInt8], info: [UInt8], epoch: UInt32) throws -> SecretBytes
    /// Signs with the device's key.
    func sign(_ bytes: [UInt8], domain: String) throws -> [UInt8]
}

/// The fresh key of a pack or of a manifest's encrypted part, and how it is wrapped.
///
///     box = SealedBox(key, to: backupPk, salt: V, info: kind ‖ object id 16 ‖ epoch u32)
///     context of Cobblestone = kind ‖ V ‖ object id 16
///
/// where `kind` is "ai-team/pack/v1" or "ai-team/manifest-body/v1", each with a NUL. A manifest's object id
/// is the backup's id.
package struct ObjectKey: ~Copyable, Sendable {
    /// What the key is for.
    package enum Kind: String, Sendable {
        case pack = "ai-team/pack/v1"
        case body = "ai-team/manifest-body/v1"

        var bytes: [UInt8] { Array(rawValue.utf8) + [0] }

        /// What Cobblestone binds.
        func context(vaultID: [UInt8], id: [UInt8]) -> [UInt8] { bytes + vaultID + id }

        func info(id: [UInt8], epoch: UInt32) -> [UInt8] {
            var writer = CanonicalWriter()
            writer.raw(bytes)
            writer.raw(id)
            writer.u32(epoch)
            return writer.bytes
        }
    }

    let key: SecretBytes
    let context: [UInt8]
    let epoch: UInt32
    let wraps: [WrappedKey]

    /// Draws a key for object `id` and seals it to the current epoch's backup key.
    init(_ kind: Kind, id: [UInt8], keys: some BackupKeys) throws {
        let key = try SecretBytes.random(count: 32)
        let epoch = keys.currentEpoch
        let ephemeral = try AgreementKey.random()
        let box = try SealedBox.seal(
            key, to: keys.backupPublicKey(epoch: epoch), ephemeral: ephemeral, salt: keys.vaultID,
            info: kind.info(id: id, epoch: epoch))
        self.init(
            key: key, context: kind.context(vaultID: keys.vaultID, id: id), epoch: epoch,
            wraps: [
                WrappedKey(
                    kind: 1, recipient: Array(repeating: 0, count: 16), ephemeral: ephemeral.publicKey,
                    box: box)
            ])
    }

    private init(key: consuming SecretBytes, context: [UInt8], epoch: UInt32, wraps: [WrappedKey]) {
        self.key = key
        self.context = context
        self.epoch = epoch
        self.wraps = wraps
    }

    /// Opens the key of object `id` from its wraps.
    ///
    /// - Throws: `.locked` when no wrap is for these keys, `.integrity` when it does not open.
    static func open(
        _ kind: Kind, id: [UInt8], epoch: UInt32, wraps: [WrappedKey], keys: some BackupKeys, object: String
    ) throws -> SecretBytes {
        guard let wrap = wraps.first(where: { $0.kind == 1 }) else {
            throw BackupError(.locked, "not wrapped to the vault's backup key", object: object)
        }
        do {
            return try keys.openBackupBox(
                wrap.box, ephemeral: wrap.ephemeral, info: kind.info(id: id, epoch: epoch), epoch: epoch)
        } catch let error as CryptoError {
            throw BackupError.integrity(object, "its key does not open (\(error))")
        }
    }
}
