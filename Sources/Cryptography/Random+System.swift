import CSystem
import Glibc
import Synchronization

/// Randomness for keys, salts and everything drawn once: getrandom(2), never a generator in this process,
/// because the kernel reseeds when a virtual machine is cloned and a user-space generator does not.
public enum RandomBytes {
    /// Fills the buffer.
    public static func fill(_ buffer: UnsafeMutableRawBufferPointer) throws(CryptoError) {
        try kernel(buffer)
        Blind.mix(into: buffer)
    }

    /// `count` random bytes.
    public static func bytes(_ count: Int) throws(CryptoError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        try bytes.withMutableRaw { (buffer) throws(CryptoError) in try fill(buffer) }
        return bytes
    }

    fileprivate static func kernel(_ buffer: UnsafeMutableRawBufferPointer) throws(CryptoError) {
        var done = 0
        while done < buffer.count, let start = buffer.baseAddress {
            let got = getrandom(start + done, buffer.count - done, 0)
            if got > 0 {
                done += got
            } else if errno != EINTR {
                throw CryptoError(.randomFailure, "the kernel gives no randomness (errno \(errno))")
            }
        }
    }
}

/// What makes two clones of one process differ although they hold the same random bytes.
private enum Blind {
    /// XORs real time, thread and monotonic time over the first 24 bytes. What was uniform stays uniform.
    @inline(__always)
    static func mix(into buffer: UnsafeMutableRawBufferPointer) {
        var real = timespec()
        var monotonic = timespec()
        clock_gettime(CLOCK_REALTIME, &real)
        clock_gettime(CLOCK_MONOTONIC, &monotonic)
        let thread = UInt64(UInt(pthread_self()))
        guard buffer.count >= 24 else {
            let words = (nanoseconds(real), thread, nanoseconds(monotonic))
            withUnsafeBytes(of: words) { words in
                for index in buffer.indices { buffer[index] ^= words[index] }
            }
            return
        }
        mix(nanoseconds(real), into: buffer, at: 0)
        mix(thread, into: buffer, at: 8)
        mix(nanoseconds(monotonic), into: buffer, at: 16)
    }

    @inline(__always)
    private static func mix(_ word: UInt64, into buffer: UnsafeMutableRawBufferPointer, at offset: Int) {
        let old = buffer.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        buffer.storeBytes(of: old ^ word, toByteOffset: offset, as: UInt64.self)
    }

    private static func nanoseconds(_ time: timespec) -> UInt64 {
        UInt64(bitPattern: Int64(time.tv_sec)) &* 1_000_000_000 &+ UInt64(bitPattern: Int64(time.tv_nsec))
    }
}

/// Counts the forks between this process and the first one.
private enum Forks {
    static let count = Atomic<UInt64>(0)
    /// Registers the handler once; the value is not needed.
    static let isWatched: Bool = pthread_atfork(nil, nil, { Forks.count.add(1, ordering: .relaxed) }) == 0
}

/// Nonces of 24 bytes for one connection: a system call for a page would double its cost, so 64 at a time are
/// drawn from getrandom(2).
///
/// The pool is dropped after a fork and by `drop()` at the end of each transaction. Each nonce is 24 bytes of
/// the pool XOR (CLOCK_REALTIME in ns, thread id, CLOCK_MONOTONIC in ns), so that two clones of a virtual
/// machine that resume with the same pool still differ.
public struct NoncePool: ~Copyable, Sendable {
    /// The size of a nonce in bytes.
    public static let nonceCount = 24
    private static let capacity = 64

    private var pool = [UInt8](repeating: 0, count: NoncePool.nonceCount * NoncePool.capacity)
    private var remaining = 0
    private var forks: UInt64 = 0

    /// An empty pool; it draws when the first nonce is asked for.
    public init() {}

    /// Writes a fresh nonce over the first 24 bytes of `output`.
    public mutating func next(into output: UnsafeMutableRawBufferPointer) throws(CryptoError) {
        guard output.count >= NoncePool.nonceCount else {
            throw CryptoError(.invalidLength, "a nonce needs \(NoncePool.nonceCount) bytes")
        }
        let forks = Forks.count.load(ordering: .relaxed)
        if remaining == 0 || forks != self.forks { try refill(forks) }
        remaining -= 1
        let offset = remaining * NoncePool.nonceCount
        pool.withMutableRaw { pool in
            for word in stride(from: 0, to: NoncePool.nonceCount, by: 8) {
                let drawn = pool.loadUnaligned(fromByteOffset: offset + word, as: UInt64.self)
                output.storeBytes(of: drawn, toByteOffset: word, as: UInt64.self)
                pool.storeBytes(of: 0, toByteOffset: offset + word, as: UInt64.self)
            }
            Blind.mix(into: output)
        }
    }

    /// Forgets what was drawn: the next nonce comes from a new system call.
    public mutating func drop() {
        guard remaining > 0 else { return }
        remaining = 0
        pool.withMutableRaw { _ = $0.initializeMemory(as: UInt8.self, repeating: 0) }
    }

    /// How many nonces are left before the next system call.
    package var count: Int { remaining }

    private mutating func refill(_ forks: UInt64) throws(CryptoError) {
        guard Forks.isWatched else { throw CryptoError(.randomFailure, "forks can't be watched") }
        remaining = 0
        try pool.withMutableRaw { (pool) throws(CryptoError) in try RandomBytes.kernel(pool) }
        remaining = NoncePool.capacity
        self.forks = forks
    }
}
