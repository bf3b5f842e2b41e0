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
    /// Those outside the vault to whom keys are wrapped too: id (16) and X25519 key (32) of each.
    var recipients: [(id: [UInt8], key: [UInt8])] { get }
    /// The public half of an epoch's backup key pair, from the signed roster.
    func backupPublicKey(epoch: UInt32) throws -> [UInt8]
    /// Opens a key sealed to an epoch's backup key pair.
    func openBackupBox(_ box: [UInt8], ephemeral: [UInt8], info: [UInt8], epoch: UInt32) throws -> SecretBytes
    /// Signs with the device's key.
    func sign(_ bytes: [UInt8], domain: String) throws -> [UInt8]
    /// Whether these keys can't open what they wrap. Lists then go to packs of their own, the keys of which
    /// are kept, as those of manifests' encrypted parts are.
    var isBlind: Bool { get }
    /// Keeps the key of an own object.
    func keep(_ key: borrowing SecretBytes, _ kind: ObjectKey.Kind, id: [UInt8]) throws
    /// The key of an own object as it was kept; nil where keys are opened, not kept.
    func kept(_ kind: ObjectKey.Kind, id: [UInt8], object: String) throws -> SecretBytes?
}

extension BackupKeys {
    package var isBlind: Bool { false }
    package func keep(_ key: borrowing SecretBytes, _ kind: ObjectKey.Kind, id: [UInt8]) throws {}
    package func kept(_ kind: ObjectKey.Kind, id: [UInt8], object: String) throws -> SecretBytes? { nil }
}

/// The fresh key of a pack or of a manifest's encrypted part, and how it is wrapped.
///
///     box = SealedBox(key, to: backupPk, salt: V, info: kind ‖ object id 16 ‖ epoch u32)
///     context of Cobblestone = kind ‖ V ‖ object id 16
///
/// where `kind` is "ai-team/pack/v1", "ai-team/manifest-body/v1" or "ai-team/prune-record/v1", each with a
/// NUL. The object id of a manifest or a prune record is its own id.
package struct ObjectKey: ~Copyable, Sendable {
    /// What the key is for.
    package enum Kind: String, Sendable {
        case pack = "ai-team/pack/v1"
        case body = "ai-team/manifest-body/v1"
        case prune = "ai-team/prune-record/v1"

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

    /// Draws a key for object `id` and seals it to the current epoch's backup key and to the recipients.
    ///
    /// - Parameter isKept: whether who can't open it again keeps it.
    init(_ kind: Kind, id: [UInt8], keys: some BackupKeys, isKept: Bool = false) throws {
        let key = try SecretBytes.random(count: 32)
        let epoch = keys.currentEpoch
        let vault = (id: [UInt8](repeating: 0, count: 16), key: try keys.backupPublicKey(epoch: epoch))
        let info = kind.info(id: id, epoch: epoch)
        var wraps = [try Self.wrap(key, 1, to: vault, info, keys)]
        for recipient in keys.recipients { wraps.append(try Self.wrap(key, 2, to: recipient, info, keys)) }
        if isKept { try keys.keep(key, kind, id: id) }
        self.init(
            key: key, context: kind.context(vaultID: keys.vaultID, id: id), epoch: epoch, wraps: wraps)
    }

    /// The wraps that object `id` has in a new manifest: the vault's, and one for each of those who are
    /// recipients now, so that they read what a backup takes over from older ones, and others do not.
    static func wraps(
        _ kind: Kind, id: [UInt8], epoch: UInt32, was wraps: [WrappedKey], keys: some BackupKeys,
        object: String
    ) throws -> [WrappedKey] {
        var kept = wraps.filter { $0.kind == 1 }
        let info = kind.info(id: id, epoch: epoch)
        for recipient in keys.recipients {
            if let wrap = wraps.first(where: { $0.kind == 2 && $0.recipient == recipient.id }) {
                kept.append(wrap)
                continue
            }
            let key = try open(kind, id: id, epoch: epoch, wraps: wraps, keys: keys, object: object)
            kept.append(try wrap(key, 2, to: recipient, info, keys))
        }
        return kept
    }

    private static func wrap(
        _ key: borrowing SecretBytes, _ kind: UInt8, to recipient: (id: [UInt8], key: [UInt8]),
        _ info: [UInt8], _ keys: some BackupKeys
    ) throws -> WrappedKey {
        let ephemeral = try AgreementKey.random()
        let box = try SealedBox.seal(
            key, to: recipient.key, ephemeral: ephemeral, salt: keys.vaultID, info: info)
        return WrappedKey(
            kind: kind, recipient: recipient.id, ephemeral: ephemeral.publicKey, box: box)
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
        if let key = try keys.kept(kind, id: id, object: object) { return key }
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
