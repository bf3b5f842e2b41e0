/// Candidates by their codes, put into order by their vectors. Codes guess: so more of them are compared than
/// are asked for, and more still when the guess was poor for this query.
package enum Rerank {
    /// Candidates that are always compared.
    package static let first = 200
    /// And those of a query for which that was not enough, or of a model whose codes are poor.
    package static let most = 1000

    /// So many of the best tell whether the codes were good enough.
    private static let judged = 10

    /// The best `count` slots with their scores, the best first; of equals the lower slot.
    ///
    /// The codes were good enough when the ten best stood in the nearer half of the candidates. Where one of
    /// them stood in the farther half, there may be others behind it, and all candidates are compared.
    /// - Parameters:
    ///   - candidates: the nearest first, `most` at the most.
    ///   - thorough: compare all candidates in any case.
    ///   - scores: the scores of these slots, nil for one without a vector.
    package static func best(
        _ count: Int, of candidates: [UInt32], thorough: Bool, scores: ([UInt32]) throws -> [Float?]
    ) rethrows -> [(slot: UInt32, score: Float)] {
        let now = thorough ? candidates.count : min(max(first, 2 * count), candidates.count)
        var scored = try score(candidates[..<now], scores)
        sort(&scored)
        let isFar = scored.prefix(min(count, judged)).contains { $0.place >= now / 2 }
        if now < candidates.count, isFar || scored.count < count {
            scored += try score(candidates[now...], scores)
            sort(&scored)
        }
        return scored.prefix(count).map { ($0.slot, $0.score) }
    }

    private typealias Scored = (slot: UInt32, score: Float, place: Int)

    private static func score(
        _ slots: ArraySlice<UInt32>, _ scores: ([UInt32]) throws -> [Float?]
    ) rethrows -> [Scored] {
        let found = try scores(Array(slots))
        return zip(slots.indices, found).compactMap { place, score in
            score.map { (slots[place], $0, place) }
        }
    }

    private static func sort(_ scored: inout [Scored]) {
        scored.sort { $0.score != $1.score ? $0.score > $1.score : $0.slot < $1.slot }
    }
}
