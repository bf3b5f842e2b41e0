package import Vault

/// Ranks by text alone.
package enum TextRanking {
    /// How much a rank in one list counts is 1 / (this + rank): reciprocal rank fusion (Cormack, Clarke,
    /// Büttcher 2009). With one list it only turns ranks into scores.
    package static let fusionConstant = 60.0

    /// The best passage of each document that a query finds.
    package static func hits(
        _ tx: ReadTransaction, _ query: String, _ filter: DocumentFilter = DocumentFilter(), limit: Int,
        bounds: SearchBounds = .standard
    ) throws -> [SearchHit] {
        var hits: [SearchHit] = []
        let chunks = try tx.searchChunks(query, filter, limit: limit, onePerDocument: true, bounds: bounds)
        for chunk in chunks {
            guard let passage = try tx.passage(chunk.row, foundBy: chunk.expression) else { continue }
            let rank = hits.count + 1
            hits.append(
                SearchHit(
                    passage: passage, rank: rank, score: 1 / (fusionConstant + Double(rank)), matched: [.text]
                ))
        }
        return hits
    }
}
