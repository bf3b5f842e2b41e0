/// Vectors of length 1.
package enum UnitVector {
    /// - Returns: nil for a vector that has no direction: all zeros, or a number that is none.
    package static func of(_ vector: [Float]) -> [Float]? {
        let square = vector.reduce(0.0) { $0 + Double($1) * Double($1) }
        guard square.isFinite, square > 0 else { return nil }
        let factor = 1 / square.squareRoot()
        return vector.map { Float(Double($0) * factor) }
    }
}
