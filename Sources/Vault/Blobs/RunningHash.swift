internal import Cryptography

/// A SHA-256 that closures may share.
final class RunningHash {
    private var hasher: Hasher? = Hasher(.sha256)

    func update(_ bytes: UnsafeRawBufferPointer) { hasher?.update(bytes) }
    func update(_ bytes: [UInt8]) { hasher?.update(bytes) }

    /// The digest; what is added afterwards counts for nothing.
    func finish() -> [UInt8] { hasher.take()?.finalize() ?? [] }
}
