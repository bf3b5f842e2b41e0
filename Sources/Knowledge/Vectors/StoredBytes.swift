/// Stored bytes as arrays of numbers, and back. It is the one place here that speaks of raw memory; it is
/// safe because each copy's length is that of the smaller side, arrays are copied into whole, and the types
/// are plain numbers, for which every pattern of bits is a value. Numbers are stored little-endian.
enum StoredBytes {
    /// The numbers that the bytes hold; bytes that do not fill a number are left out.
    static func array<Number: BitwiseCopyable>(
        of zero: Number, from bytes: UnsafeRawBufferPointer
    ) -> [Number] {
        var numbers = [Number](repeating: zero, count: bytes.count / MemoryLayout<Number>.stride)
        numbers.withUnsafeMutableBytes { target in
            target.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes.prefix(target.count)))
        }
        return numbers
    }

    /// The same in steps of several numbers; the last one is filled up with zeros.
    static func lanes<Lanes: BitwiseCopyable>(of zero: Lanes, from bytes: UnsafeRawBufferPointer) -> [Lanes] {
        let step = MemoryLayout<Lanes>.stride
        var lanes = [Lanes](repeating: zero, count: (bytes.count + step - 1) / step)
        lanes.withUnsafeMutableBytes { $0.copyMemory(from: bytes) }
        return lanes
    }

    /// The numbers that have these bits.
    @inline(__always)
    static func floats(bits: SIMD8<UInt32>) -> SIMD8<Float> { unsafeBitCast(bits, to: SIMD8<Float>.self) }

    /// The bits of numbers.
    @inline(__always)
    static func bits(_ floats: SIMD8<Float>) -> SIMD8<UInt32> {
        unsafeBitCast(floats, to: SIMD8<UInt32>.self)
    }

    /// The bytes of numbers.
    static func bytes<Number: BitwiseCopyable>(of numbers: [Number]) -> [UInt8] {
        numbers.withUnsafeBytes { Array($0) }
    }
}
