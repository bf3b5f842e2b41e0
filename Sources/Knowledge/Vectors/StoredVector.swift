/// How the numbers of a vector are stored.
public enum VectorElement: String, Sendable, CaseIterable {
    /// IEEE 754 half precision: half the space, and far more precise than any model is.
    case float16
    /// IEEE 754 single precision.
    case float32

    /// Bytes of one number.
    package var size: Int { self == .float16 ? 2 : 4 }
}

/// A vector as bytes, and scores against it.
package enum StoredVector {
    package static func encode(_ vector: [Float], as element: VectorElement) -> [UInt8] {
        switch element {
        case .float16: StoredBytes.bytes(of: vector.map { HalfFloat.bits($0) })
        case .float32: StoredBytes.bytes(of: vector)
        }
    }

    /// - Returns: nil when the bytes are not a vector of so many dimensions.
    package static func decode(
        _ bytes: UnsafeRawBufferPointer, as element: VectorElement, dimensions: Int
    ) -> [Float]? {
        guard bytes.count == dimensions * element.size else { return nil }
        switch element {
        case .float16: return StoredBytes.array(of: UInt16(0), from: bytes).map(HalfFloat.value)
        case .float32: return StoredBytes.array(of: Float(0), from: bytes)
        }
    }
}

/// A query that is compared with stored vectors by the dot product, which is the cosine for vectors of
/// length 1.
package struct VectorScorer: Sendable {
    private let element: VectorElement
    /// Padded with zeros to whole steps.
    private let query: [SIMD8<Float>]
    private let dimensions: Int

    package init(_ query: [Float], element: VectorElement) {
        self.element = element
        dimensions = query.count
        self.query = stride(from: 0, to: query.count, by: 8).map { start in
            var lanes = SIMD8<Float>.zero
            for lane in 0..<min(8, query.count - start) { lanes[lane] = query[start + lane] }
            return lanes
        }
    }

    /// - Returns: nil when the bytes are not a vector of the query's dimensions.
    package func score(_ bytes: UnsafeRawBufferPointer) -> Float? {
        guard bytes.count == dimensions * element.size else { return nil }
        switch element {
        case .float16:
            let lanes = StoredBytes.lanes(of: SIMD8<UInt16>.zero, from: bytes)
            return sum(lanes.count) { HalfFloat.values(lanes[$0]) }
        case .float32:
            let lanes = StoredBytes.lanes(of: SIMD8<Float>.zero, from: bytes)
            return sum(lanes.count) { lanes[$0] }
        }
    }

    /// Four sums that do not wait for each other. `addProduct` is left out on purpose: without a machine
    /// instruction for it, which the baseline lacks, it calls a function for each number.
    @inline(__always)
    private func sum(_ count: Int, _ lanes: (Int) -> SIMD8<Float>) -> Float {
        var (a, b, c, d) = (SIMD8<Float>.zero, SIMD8<Float>.zero, SIMD8<Float>.zero, SIMD8<Float>.zero)
        let query = query.span
        var place = 0
        while place + 4 <= count {
            a += lanes(place) * query[place]
            b += lanes(place + 1) * query[place + 1]
            c += lanes(place + 2) * query[place + 2]
            d += lanes(place + 3) * query[place + 3]
            place += 4
        }
        while place < count {
            a += lanes(place) * query[place]
            place += 1
        }
        return ((a + b) + (c + d)).sum()
    }
}
