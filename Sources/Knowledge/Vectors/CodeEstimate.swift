/// What a code says about its vector's dot product with a query: the sum of the query's numbers, each with
/// the sign that the code has for it. Only the stored side is cut down to signs, so this tells candidates
/// apart that lie at the same distance in bits (asymmetric comparison, as in RaBitQ: Gao, Long 2024).
///
/// The numbers order the vectors of a space by how near they may be to one query; they are no scores.
package struct CodeEstimate {
    /// For each byte of a code the sum of its eight numbers, by the byte's value.
    private let sums: [Float]

    package init(_ query: [Float]) {
        let bytes = (query.count + 63) / 64 * 8
        var sums = [Float](repeating: 0, count: bytes * 256)
        for byte in 0..<bytes {
            func number(_ bit: Int) -> Float {
                let place = byte * 8 + bit
                return place < query.count ? query[place] : 0
            }
            sums[byte * 256] = -(0..<8).reduce(0) { $0 + number($1) }
            for value in 1..<256 {
                let others = value & (value - 1)
                sums[byte * 256 + value] =
                    sums[byte * 256 + others] + 2 * number(value.trailingZeroBitCount)
            }
        }
        self.sums = sums
    }

    /// - Parameter code: one with the query's dimensions.
    package func of(_ code: SignCode) -> Float {
        var sum: Float = 0
        var start = 0
        for word in code.words {
            var rest = word
            for _ in 0..<8 {
                sum += sums[start + Int(rest & 255)]
                rest >>= 8
                start += 256
            }
        }
        return sum
    }
}
