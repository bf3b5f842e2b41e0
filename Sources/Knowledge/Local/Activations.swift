/// The functions of a neural network that are not sums of products, eight numbers at a time.
enum Activations {
    /// x * P(X <= x) for a normal X, exactly but for 2e-7: erf after Abramowitz and Stegun, 7.1.26.
    @inline(__always)
    static func gelu(_ x: SIMD8<Float>) -> SIMD8<Float> {
        let z = x * 0.707_106_78
        let negative = z .< 0
        let size = z.replacing(with: -z, where: negative)
        let t = 1 / (1 + size * 0.327_591_1)
        var series = t * 1.061_405_429 - 1.453_152_027
        series = series * t + 1.421_413_741
        series = series * t - 0.284_496_736
        series = (series * t + 0.254_829_592) * t
        let erf = 1 - series * exp(-(size * size))
        return x * (1 + erf.replacing(with: -erf, where: negative)) * 0.5
    }

    /// Shares of one, from numbers of any size.
    static func softmax(_ numbers: inout [Float], _ range: Range<Int>) {
        var largest = -Float.infinity
        for place in range { largest = max(largest, numbers[place]) }
        StoredBytes.update(&numbers, in: range) { exp($0 - largest) }
        var sum: Float = 0
        for place in range { sum += numbers[place] }
        let factor = 1 / sum
        for place in range { numbers[place] *= factor }
    }

    /// e to the power of what is not above 0: 2^n by the exponent's bits, the rest by a series.
    @inline(__always)
    static func exp(_ x: SIMD8<Float>) -> SIMD8<Float> {
        let power = x.clamped(lowerBound: SIMD8(repeating: -87), upperBound: .zero) * 1.442_695_04
        let whole = power.rounded(.toNearestOrEven)
        let f = (power - whole) * 0.693_147_18
        var series = f * 0.001_388_89 + 0.008_333_33
        series = series * f + 0.041_666_67
        series = series * f + 0.166_666_67
        series = series * f + 0.5
        series = series * f + 1
        series = series * f + 1
        let exponent = SIMD8<Int32>(whole) &+ 127
        return series * StoredBytes.floats(bits: SIMD8<UInt32>(truncatingIfNeeded: exponent) &<< 23)
    }
}
