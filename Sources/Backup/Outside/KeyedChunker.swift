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
    /// A hash below it has 18 zero bits in front, or 14.
    private static let strict: UInt64 = 1 << (64 - 18)
    private static let loose: UInt64 = 1 << (64 - 14)

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
        let end = min(bytes.count, maximum)
        return key.withGear { gear in
            var hash: UInt64 = 0
            for index in minimum - window..<minimum {
                hash = (hash &<< 1) &+ gear[Int(base.load(fromByteOffset: index, as: UInt8.self))]
            }
            let middle = min(end, normal)
            return find(base, minimum..<middle, below: strict, gear, &hash)
                ?? find(base, middle..<end, below: loose, gear, &hash) ?? end
        }
    }

    /// The first place in `range` after whose last byte the hash is below `limit`. Four bytes a turn: the
    /// table is looked up ahead of the sums.
    @inline(__always)
    private static func find(
        _ base: UnsafeRawPointer, _ range: Range<Int>, below limit: UInt64, _ gear: UnsafePointer<UInt64>,
        _ hash: inout UInt64
    ) -> Int? {
        var (index, last) = (range.lowerBound, hash)
        let end = range.upperBound
        while end &- index >= 4 {
            let word = base.loadUnaligned(fromByteOffset: index, as: UInt32.self).littleEndian
            let first = (last &<< 1) &+ gear[Int(truncatingIfNeeded: word & 0xFF)]
            let second = (first &<< 1) &+ gear[Int(truncatingIfNeeded: word &>> 8 & 0xFF)]
            let third = (second &<< 1) &+ gear[Int(truncatingIfNeeded: word &>> 16 & 0xFF)]
            last = (third &<< 1) &+ gear[Int(truncatingIfNeeded: word &>> 24)]
            if first < limit { return index &+ 1 }
            if second < limit { return index &+ 2 }
            if third < limit { return index &+ 3 }
            if last < limit { return index &+ 4 }
            index &+= 4
        }
        while index < end {
            last = (last &<< 1) &+ gear[Int(base.load(fromByteOffset: index, as: UInt8.self))]
            index &+= 1
            if last < limit { return index }
        }
        hash = last
        return nil
    }
}
