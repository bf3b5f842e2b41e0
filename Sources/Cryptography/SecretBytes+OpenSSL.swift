/// A key, a passphrase or anything else that must not leave this process: kept in memory that is locked where
/// possible and left out of core dumps, wiped when the value dies, and without any description.
///
/// It conforms to nothing that prints, hashes or copies on purpose.
public struct SecretBytes: ~Copyable, Sendable {
    // SAFETY: written only before the value exists for anyone else, then read-only until deinit frees it.
    private nonisolated(unsafe) let pointer: UnsafeMutableRawPointer
    /// The number of bytes.
    public let count: Int

    /// Makes `count` bytes, zeros at first, and lets `fill` write them.
    public init(
        count: Int, _ fill: (UnsafeMutableRawBufferPointer) throws(CryptoError) -> Void
    ) throws(CryptoError) {
        let memory = SecretMemory.allocate(count)
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: count)
        do {
            try fill(UnsafeMutableRawBufferPointer(start: memory, count: count))
        } catch {
            SecretMemory.release(memory, count)
            throw error
        }
        self.pointer = memory
        self.count = count
    }

    /// Copies `bytes`; wiping the original is its owner's business.
    public init(copying bytes: UnsafeRawBufferPointer) {
        let memory = SecretMemory.allocate(bytes.count)
        if let source = bytes.baseAddress { memory.copyMemory(from: source, byteCount: bytes.count) }
        self.pointer = memory
        self.count = bytes.count
    }

    /// Copies `bytes`, which must be no secret that has to be wiped: `init(wiping:)` is for those.
    public init(copying bytes: [UInt8]) {
        let memory = SecretMemory.allocate(bytes.count)
        bytes.withRaw { bytes in
            if let source = bytes.baseAddress { memory.copyMemory(from: source, byteCount: bytes.count) }
        }
        self.pointer = memory
        self.count = bytes.count
    }

    /// Takes the bytes out of an array and leaves zeros in its storage, then empties it.
    public init(wiping bytes: inout [UInt8]) {
        let memory = SecretMemory.allocate(bytes.count)
        let count = bytes.count
        bytes.withMutableRaw { buffer in
            if let source = buffer.baseAddress { memory.copyMemory(from: source, byteCount: count) }
            SecretMemory.wipe(buffer)
        }
        bytes = []
        self.pointer = memory
        self.count = count
    }

    deinit { SecretMemory.release(pointer, count) }

    /// Fresh random bytes of `RandomBytes`.
    public static func random(count: Int) throws(CryptoError) -> SecretBytes {
        try SecretBytes(count: count) { (buffer) throws(CryptoError) in try RandomBytes.fill(buffer) }
    }

    /// Lends the bytes for the time of `body`; the pointer must not escape it.
    public borrowing func withUnsafeBytes<R: ~Copyable, E: Error>(
        _ body: (UnsafeRawBufferPointer) throws(E) -> R
    ) throws(E) -> R {
        try body(UnsafeRawBufferPointer(start: pointer, count: count))
    }

    /// A second value with the same bytes, wiped on its own.
    public borrowing func copy() -> SecretBytes {
        SecretBytes(copying: UnsafeRawBufferPointer(start: pointer, count: count))
    }
}
