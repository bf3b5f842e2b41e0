package import Vault

/// Ranks by text alone.
package enum TextRanking {
    /// How much a rank in one list counts is 1 / (this + rank): reciprocal rank fusion (Cormack, Clarke,
    /// Büttcher 2009). With one list it only turns ranks into scores.
    package static let fusionConstant = 60.0

    /// The best passage of each document that a query finds.
    package static func hits(
        _ tx: ReadTransaction, _ query: String, _ filter: DocumentFilter = DocumentFilter(), limit: Int
    ) throws -> [SearchHit] {
        var hits: [SearchHit] = []
        for chunk in try bestChunks(tx, query, filter, limit: limit) {
            guard let passage = try tx.passage(chunk.row, foundBy: chunk.expression) else { continue }
            let rank = hits.count + 1
            hits.append(
                SearchHit(
                    passage: passage, rank: rank, score: 1 / (fusionConstant + Double(rank)), matched: [.text]
                ))
        }
        return hits
    }

    /// The first chunk of each document, in the order of the ranking.
    package static func bestChunks(
        _ tx: ReadTransaction, _ query: String, _ filter: DocumentFilter, limit: Int
    ) throws -> [RankedChunk] {
        var looked = limit * 8
        while true {
            let ranked = try tx.searchChunks(query, filter, limit: looked)
            var seen: Set<Int64> = []
            let best = ranked.filter { seen.insert($0.document).inserted }
            // A few documents with many passages may have taken all places.
            if best.count >= limit || ranked.count < looked { return Array(best.prefix(limit)) }
            looked *= 8
        }
    }
}
