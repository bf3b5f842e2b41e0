/// Rows of numbers in lanes of eight. What the last lane of a row has left over holds zeros, or nothing that
/// counts.
struct Matrix: Sendable {
    typealias Lane = SIMD8<Float>

    private(set) var lanes: [Lane] = []
    private(set) var rows = 0
    private(set) var width = 0
    /// Lanes of one row.
    private(set) var stride = 0

    /// An empty one, to be given a shape.
    init() {}

    /// The numbers row by row, as many as fill whole rows.
    init(_ numbers: [Float], width: Int) {
        reshape(rows: numbers.count / width, width: width)
        numbers.withUnsafeBytes { bytes in
            for row in 0..<rows {
                let part = UnsafeRawBufferPointer(rebasing: bytes[4 * width * row..<4 * width * (row + 1)])
                set(StoredBytes.lanes(of: .zero, from: part), row: row)
            }
        }
    }

    /// Another shape, which keeps the memory that is there; the numbers count for nothing.
    mutating func reshape(rows: Int, width: Int) {
        (self.rows, self.width, stride) = (rows, width, (width + 7) / 8)
        let more = rows * stride - lanes.count
        if more > 0 { lanes.append(contentsOf: repeatElement(.zero, count: more)) }
    }

    private mutating func set(_ values: [Lane], row: Int) {
        lanes.replaceSubrange(row * stride..<(row + 1) * stride, with: values)
    }

    /// One row, its last lane filled up.
    func row(_ row: Int) -> [Lane] { Array(lanes[row * stride..<(row + 1) * stride]) }

    /// Makes a row the sum of two.
    mutating func setRow(_ row: Int, _ one: Matrix, _ oneRow: Int, plus other: Matrix, _ otherRow: Int) {
        let (place, stride) = (row * stride, stride)
        let (first, second) = (oneRow * one.stride, otherRow * other.stride)
        let (one, other) = (one.lanes.span, other.lanes.span)
        var lanes = lanes.mutableSpan
        for lane in 0..<stride { lanes[place + lane] = one[first + lane] + other[second + lane] }
    }

    /// Adds the same numbers to each row, and changes what comes of it.
    @inline(__always)
    mutating func update(adding bias: Matrix, _ change: (Lane) -> Lane) {
        let (rows, stride) = (rows, stride)
        let bias = bias.lanes.span
        var lanes = lanes.mutableSpan
        for start in Swift.stride(from: 0, to: rows * stride, by: stride) {
            for lane in 0..<stride { lanes[start + lane] = change(lanes[start + lane] + bias[lane]) }
        }
    }

    /// Adds a matrix of this shape, and to each row the same numbers.
    mutating func add(_ other: Matrix, _ bias: Matrix) {
        let (rows, stride) = (rows, stride)
        let (other, bias) = (other.lanes.span, bias.lanes.span)
        var lanes = lanes.mutableSpan
        for start in Swift.stride(from: 0, to: rows * stride, by: stride) {
            for lane in 0..<stride { lanes[start + lane] += other[start + lane] + bias[lane] }
        }
    }

    /// Brings each row to mean 0 and variance 1, then scales and shifts it.
    mutating func normalise(scale: Matrix, shift: Matrix, epsilon: Float) {
        let (rows, stride, count) = (rows, stride, Float(width))
        let isTail = Self.tail(width)
        let (scale, shift) = (scale.lanes.span, shift.lanes.span)
        var lanes = lanes.mutableSpan
        for start in Swift.stride(from: 0, to: rows * stride, by: stride) {
            var (sum, squares) = (Lane.zero, Lane.zero)
            for lane in 0..<stride { sum += lanes[start + lane] }
            let mean = Lane(repeating: sum.sum() / count)
            for lane in 0..<stride {
                var distance = lanes[start + lane] - mean
                if lane == stride - 1 { distance.replace(with: 0, where: isTail) }
                lanes[start + lane] = distance
                squares += distance * distance
            }
            let factor = Lane(repeating: 1 / (squares.sum() / count + epsilon).squareRoot())
            for lane in 0..<stride {
                lanes[start + lane] = lanes[start + lane] * factor * scale[lane] + shift[lane]
            }
        }
    }

    /// Makes each row shares of one, from numbers of any size.
    mutating func softmax() {
        let (rows, stride) = (rows, stride)
        let isTail = Self.tail(width)
        var lanes = lanes.mutableSpan
        for start in Swift.stride(from: 0, to: rows * stride, by: stride) {
            lanes[start + stride - 1].replace(with: -.infinity, where: isTail)
            var largest = lanes[start]
            for lane in 1..<max(1, stride) {
                let next = lanes[start + lane]
                largest.replace(with: next, where: next .> largest)
            }
            let most = Lane(repeating: largest.max())
            var sum = Lane.zero
            for lane in 0..<stride {
                let share = Activations.exp(lanes[start + lane] - most)
                lanes[start + lane] = share
                sum += share
            }
            let factor = Lane(repeating: 1 / sum.sum())
            for lane in 0..<stride { lanes[start + lane] *= factor }
        }
    }

    /// The mean of some rows.
    func mean(_ rows: Range<Int>) -> [Float] {
        let (stride, lanes) = (stride, lanes.span)
        var sums = [Lane](repeating: .zero, count: stride)
        for row in rows {
            for lane in 0..<stride { sums[lane] += lanes[row * stride + lane] }
        }
        return numbers(sums.map { $0 / Float(rows.count) })
    }

    /// The numbers of one row.
    func numbers(row: Int) -> [Float] { numbers(self.row(row)) }

    private func numbers(_ lanes: [Lane]) -> [Float] {
        (0..<width).map { lanes[$0 / 8][$0 % 8] }
    }

    /// Which places of a row's last lane are left over.
    private static func tail(_ width: Int) -> SIMDMask<SIMD8<Int32>> {
        SIMD8<Int32>(0, 1, 2, 3, 4, 5, 6, 7) .>= Int32((width - 1) % 8 + 1)
    }

    /// Lends the numbers, `stride` lanes a row, to a function that writes them.
    mutating func withNumbers<R>(_ body: (UnsafeMutableBufferPointer<Float>) throws -> R) rethrows -> R {
        try lanes.withUnsafeMutableBytes { try body($0.bindMemory(to: Float.self)) }
    }
}
