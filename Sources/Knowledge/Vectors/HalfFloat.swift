/// Half precision by plain arithmetic: the machines that this is built for call a function for each number.
/// Infinity and not-a-number, which no vector has, are known to the encoder alone: it writes the largest
/// number, and zero.
package enum HalfFloat {
    private static let largest: Float = 65504

    /// The nearest half, ties to even.
    package static func bits(_ value: Float) -> UInt16 {
        let limited = min(max(value, -largest), largest)
        return Float16(limited.isNaN ? 0 : limited).bitPattern
    }

    package static func value(_ bits: UInt16) -> Float { values(SIMD8(repeating: bits))[0] }

    /// Exponent and fraction moved to their places in single precision stand for a number 2^112 too small,
    /// also where the half is subnormal: one exact multiplication mends both.
    @inline(__always)
    package static func values(_ bits: SIMD8<UInt16>) -> SIMD8<Float> {
        let wide = SIMD8<UInt32>(truncatingIfNeeded: bits)
        let magnitude = StoredBytes.floats(bits: (wide & 0x7FFF) &<< 13) * 0x1p112
        return StoredBytes.floats(bits: StoredBytes.bits(magnitude) | ((wide & 0x8000) &<< 16))
    }
}
