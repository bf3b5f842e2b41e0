/// The functions of a neural network that are not sums of products, eight numbers at a time.
enum Activations {
    private static let sign: UInt32 = 0x8000_0000

    /// x * P(X <= x) for a normal X, exactly but for 2e-7: erf after Abramowitz and Stegun, 7.1.26.
    @inline(__always)
    static func gelu(_ x: SIMD8<Float>) -> SIMD8<Float> {
        let z = x * 0.707_106_78
        let signs = StoredBytes.bits(z) & sign
        let size = StoredBytes.floats(bits: StoredBytes.bits(z) ^ signs)
        let t = 1 / (1 + size * 0.327_591_1)
        var series = t * 1.061_405_429 - 1.453_152_027
        series = series * t + 1.421_413_741
        series = series * t - 0.284_496_736
        series = (series * t + 0.254_829_592) * t
        let erf = 1 - series * exp(-(size * size))
        return x * (1 + StoredBytes.floats(bits: StoredBytes.bits(erf) ^ signs)) * 0.5
    }

    /// e to the power of what is not above 0: 2^n by the exponent's bits, the rest by a series.
    @inline(__always)
    static func exp(_ x: SIMD8<Float>) -> SIMD8<Float> {
        let power = (x * 1.442_695_04).replacing(with: -126, where: x .< -87)
        // So large a number has no places behind the point: adding it rounds, and n is in the lowest bits.
        let shifted = power + 12_582_912
        let f = (power - (shifted - 12_582_912)) * 0.693_147_18
        var series = f * 0.001_388_89 + 0.008_333_33
        series = series * f + 0.041_666_67
        series = series * f + 0.166_666_67
        series = series * f + 0.5
        series = series * f + 1
        series = series * f + 1
        return series * StoredBytes.floats(bits: (StoredBytes.bits(shifted) &<< 23) &+ 0x3F80_0000)
    }
}
