/// One bit for each dimension of a vector: set where it lies above the centre. Vectors that point in similar
/// directions differ in few bits: of two with the angle a, a share of a/pi, give or take.
package struct SignCode: Sendable, Equatable {
    /// Bit i of the code is bit `i % 64` of word `i / 64`.
    package let words: [UInt64]

    package init(words: [UInt64]) { self.words = words }

    /// - Parameter centre: the mean of a model's vectors, where that is far from zero; empty for zero.
    package init(_ vector: [Float], centre: [Float] = []) {
        var words = [UInt64](repeating: 0, count: (vector.count + 63) / 64)
        for (i, value) in vector.enumerated() where value > (centre.isEmpty ? 0 : centre[i]) {
            words[i >> 6] |= 1 << UInt64(i & 63)
        }
        self.words = words
    }

    /// In how many bits two codes of one length differ.
    package func distance(to other: SignCode) -> Int {
        zip(words, other.words).reduce(0) { $0 + ($1.0 ^ $1.1).nonzeroBitCount }
    }
}
