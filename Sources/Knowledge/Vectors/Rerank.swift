/// Candidates in the order that their codes suggest, put into that of their vectors. Codes guess: so more of
/// them are compared than are asked for, and more still when the guess was poor for this query.
package enum Rerank {
    /// Candidates that are always compared.
    package static let first = 100
    /// And those of a query for which that was not enough, or of a model whose codes are poor.
    package static let most = 1000

    /// So many of the best tell whether the codes were good enough.
    private static let judged = 10

    /// The best `count` slots with their scores, the best first; of equals the lower slot.
    ///
    /// The codes were good enough when the ten best stood in the nearer half of what was compared. Where one
    /// of them stood in the farther half, there may be others behind it, and twice as many are compared.
    /// - Parameters:
    ///   - candidates: the nearest first, `most` at the most.
    ///   - thorough: compare all candidates in any case.
    ///   - scores: the scores of these slots, nil for one without a vector.
    package static func best(
        _ count: Int, of candidates: [UInt32], thorough: Bool, scores: ([UInt32]) throws -> [Float?]
    ) rethrows -> [(slot: UInt32, score: Float)] {
        var compared = 0
        var scored: [Scored] = []
        var wanted = thorough ? candidates.count : max(first, 2 * count)
        while compared < candidates.count {
            wanted = min(wanted, candidates.count)
            let slots = Array(candidates[compared..<wanted])
            for (offset, score) in try scores(slots).enumerated() {
                guard let score else { continue }
                scored.append(Scored(slot: slots[offset], score: score, place: compared + offset))
            }
            scored.sort { $0.score != $1.score ? $0.score > $1.score : $0.slot < $1.slot }
            compared = wanted
            let isFar = scored.prefix(min(count, judged)).contains { $0.place >= compared / 2 }
            guard isFar || scored.count < count else { break }
            wanted = 2 * compared
        }
        return scored.prefix(count).map { ($0.slot, $0.score) }
    }

    private struct Scored {
        let slot: UInt32
        let score: Float
        let place: Int
    }
}
