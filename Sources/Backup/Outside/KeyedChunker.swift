/// Cuts a file where its content says so, so that an insertion moves boundaries only near it.
///
/// FastCDC with a keyed gear table (Xia et al., USENIX ATC 2016): the hash runs over the last 64 bytes;
/// before 52 KiB a boundary needs 18 zero bits, after it 14, which keeps lengths near 64 KiB. Nothing is
/// hashed in the first 16 KiB of a chunk, and 256 KiB end it in any case. A file of up to 64 KiB is one
/// chunk.
package struct KeyedChunker: Sendable {
    /// A file of at most this many bytes is not cut.
    package static let whole = 65_536
    /// No chunk but a file's last is shorter.
    package static let minimum = 16_384
    /// No chunk is longer.
    package static let maximum = 262_144
    /// Where boundaries become likely.
    private static let normal = 53_248
    private static let window = 64
    private static let strict: UInt64 = ~0 << (64 - 18)
    private static let loose: UInt64 = ~0 << (64 - 14)

    private let key: OutsideKey
    /// Where a chunk ends that begins with 256 KiB of zeros.
    package let zeroCut: Int

    /// A chunker with the boundaries of `key`.
    package init(key: OutsideKey) {
        self.key = key
        let zeros = [UInt8](repeating: 0, count: Self.maximum)
        zeroCut = zeros.withUnsafeBytes { Self.cut($0, key) }
    }

    /// The length of the chunk that `bytes` begins with.
    ///
    /// - Parameters:
    ///   - bytes: from a boundary on, all that is left of the file or at least `maximum` bytes of it.
    ///   - isStart: whether this is the beginning of the file.
    package func cut(_ bytes: UnsafeRawBufferPointer, isStart: Bool) -> Int {
        if isStart && bytes.count <= Self.whole { return bytes.count }
        return Self.cut(bytes, key)
    }

    private static func cut(_ bytes: UnsafeRawBufferPointer, _ key: OutsideKey) -> Int {
        guard bytes.count > minimum, let base = bytes.baseAddress else { return bytes.count }
        let start = base.assumingMemoryBound(to: UInt8.self)
        let end = min(bytes.count, maximum)
        return key.withGear { gear in
            var hash: UInt64 = 0
            var index = minimum - window
            while index < minimum {
                hash = (hash << 1) &+ gear[Int(start[index])]
                index += 1
            }
            let middle = min(end, normal)
            while index < middle {
                hash = (hash << 1) &+ gear[Int(start[index])]
                index += 1
                if hash & strict == 0 { return index }
            }
            while index < end {
                hash = (hash << 1) &+ gear[Int(start[index])]
                index += 1
                if hash & loose == 0 { return index }
            }
            return end
        }
    }
}
