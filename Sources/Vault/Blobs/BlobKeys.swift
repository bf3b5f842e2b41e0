package import Cryptography
package import KeyRing
internal import Synchronization

/// What names and encrypts blobs: the name key, which never changes, and a key of each epoch.
package struct BlobKeys: Sendable {
    let vault: [UInt8]
    let currentEpoch: @Sendable () -> UInt32
    let nameKey: @Sendable () throws -> SecretBytes
    let key: @Sendable (_ epoch: UInt32) throws -> SecretBytes
    private let followed: Followed?

    /// The keys of a home, which may be replaced by later ones.
    private final class Followed: Sendable {
        let keys: Mutex<UnlockedKeys>
        init(_ keys: UnlockedKeys) { self.keys = Mutex(keys) }
    }

    package init(
        vault: [UInt8], currentEpoch: @escaping @Sendable () -> UInt32,
        nameKey: @escaping @Sendable () throws -> SecretBytes,
        key: @escaping @Sendable (_ epoch: UInt32) throws -> SecretBytes
    ) {
        self.vault = vault
        self.currentEpoch = currentEpoch
        self.nameKey = nameKey
        self.key = key
        followed = nil
    }

    package init(_ keys: UnlockedKeys) {
        let followed = Followed(keys)
        vault = keys.vaultID.bytes
        currentEpoch = { followed.keys.withLock { $0 }.currentEpoch }
        nameKey = { try followed.keys.withLock { $0 }.nameKey() }
        key = { epoch in
            try followed.keys.withLock { $0 }.key(KeyPurpose(rawValue: "blob"), epoch: epoch)
        }
        self.followed = followed
    }

    /// Goes on with the keys of a roster that has grown.
    func follow(_ keys: UnlockedKeys) { followed?.keys.withLock { $0 = keys } }
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
