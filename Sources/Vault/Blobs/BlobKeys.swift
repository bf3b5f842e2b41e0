package import Cryptography
package import KeyRing

/// What names and encrypts blobs: the name key, which never changes, and a key of each epoch.
package struct BlobKeys: Sendable {
    let vault: [UInt8]
    /// The epoch of new blobs, looked up for each.
    let currentEpoch: @Sendable () throws -> UInt32
    let nameKey: @Sendable () throws -> SecretBytes
    let key: @Sendable (_ epoch: UInt32) throws -> SecretBytes

    package init(
        vault: [UInt8], currentEpoch: @escaping @Sendable () throws -> UInt32,
        nameKey: @escaping @Sendable () throws -> SecretBytes,
        key: @escaping @Sendable (_ epoch: UInt32) throws -> SecretBytes
    ) {
        self.vault = vault
        self.currentEpoch = currentEpoch
        self.nameKey = nameKey
        self.key = key
    }

    /// Keys that nobody changes meanwhile.
    package init(_ keys: UnlockedKeys) {
        self.init(
            vault: keys.vaultID.bytes, currentEpoch: { keys.currentEpoch }, nameKey: keys.nameKey,
            key: { try keys.key(Self.purpose, epoch: $0) })
    }

    /// The keys of an open vault, which other processes may change.
    init(_ keys: LiveKeys) {
        self.init(
            vault: keys.current.vaultID.bytes,
            currentEpoch: {
                let now: UnlockedKeys = try keys.reload()
                return now.currentEpoch
            }, nameKey: { try keys.current.nameKey() },
            key: { epoch in
                let known = keys.current
                let has = known.epochs.contains(epoch)
                return try (has ? known : keys.reload()).key(Self.purpose, epoch: epoch)
            })
    }

    private static let purpose = KeyPurpose(rawValue: "blob")
}

/// What a record says of a blob: enough to find it and to know it when found.
public struct BlobReference: Sendable, Hashable {
    /// SHA-256 of the plaintext.
    public let sha256: [UInt8]
    /// Bytes of plaintext.
    public let size: Int64
    /// The epoch that it is encrypted under.
    public let epoch: UInt32

    public init(sha256: [UInt8], size: Int64, epoch: UInt32) {
        self.sha256 = sha256
        self.size = size
        self.epoch = epoch
    }
}
