package import Vault

/// Which lists a search takes its hits from.
public enum SearchMode: String, Sendable, CaseIterable {
    /// Text and vectors together.
    case hybrid
    /// Vectors alone.
    case vector
    /// Text alone.
    case text
}

/// What vectors bring to a search.
package struct VectorSide {
    let space: VectorSpace
    let query: [Float]
    package let model: EmbeddingModel
    let cache: CodeCache?

    package init(space: VectorSpace, query: [Float], model: EmbeddingModel, cache: CodeCache? = nil) {
        self.space = space
        self.query = query
        self.model = model
        self.cache = cache
    }
}

/// Joins what text and what vectors found by reciprocal rank fusion (Cormack, Clarke, Büttcher 2009): a
/// document's score is the sum of weight / (60 + rank) over the lists that it stands in.
///
/// Hits that hold the query's identifiers and quoted text as they stand come before all others, in the order
/// of the text: near is not the same. Of the vectors only the first few count, and none that is hardly like
/// the query, since a list of vectors never ends by itself.
package enum HybridRanking {
    /// Documents that vectors bring at most.
    static let vectorDocuments = 20
    /// Chunks that are looked up for them.
    private static let vectorChunks = 100

    /// How much a list of vectors weighs beside the text's 1. The lexical one says little that the text does
    /// not say better, so it moves none of the text's first 40 and brings what the text has not behind them.
    /// With a weight of 0.5 it cost 6 points of MRR over the relevance set, with 0.02 still 3.
    static func weight(_ model: EmbeddingModel) -> Double { model.provider == "lexical" ? 0.005 : 1 }

    /// Less than this is no likeness: what two texts without anything in common have.
    static func floor(_ model: EmbeddingModel) -> Float { model.provider == "lexical" ? 0.15 : 0.2 }

    private struct Candidate {
        let document: Int64
        var chunk: Int64
        var expression: String?
        var isPinned = false
        var textRank: Int?
        var vectorRank: Int?
        var score = 0.0
    }

    /// The best documents with their best passages.
    package static func hits(
        _ tx: ReadTransaction, _ query: String, _ mode: SearchMode, _ filter: DocumentFilter, limit: Int,
        vectors: VectorSide?
    ) throws -> [SearchHit] {
        var candidates: [Int64: Candidate] = [:]
        if mode != .vector {
            // Deeper than is shown: a document far down here may stand high among the vectors.
            let found = try tx.searchChunks(
                query, filter, limit: max(limit, vectorDocuments * 2), onePerDocument: true)
            for (place, chunk) in found.enumerated() {
                candidates[chunk.document] = Candidate(
                    document: chunk.document, chunk: chunk.row, expression: chunk.expression,
                    isPinned: chunk.isPinned, textRank: place + 1,
                    score: 1 / (TextRanking.fusionConstant + Double(place + 1)))
            }
        }
        if mode != .text, let vectors {
            for (place, near) in try documents(tx, vectors, filter, mode, limit).enumerated() {
                var candidate =
                    candidates[near.document] ?? Candidate(document: near.document, chunk: near.row)
                candidate.vectorRank = place + 1
                candidate.score +=
                    weight(vectors.model) / (TextRanking.fusionConstant + Double(place + 1))
                candidates[near.document] = candidate
            }
        }
        return try shown(tx, candidates.values.sorted(by: precedes), limit)
    }

    private static func precedes(_ a: Candidate, _ b: Candidate) -> Bool {
        if a.isPinned != b.isPinned { return a.isPinned }
        if a.isPinned { return (a.textRank ?? .max) < (b.textRank ?? .max) }
        return a.score != b.score ? a.score > b.score : a.document > b.document
    }

    private static func documents(
        _ tx: ReadTransaction, _ vectors: VectorSide, _ filter: DocumentFilter, _ mode: SearchMode,
        _ limit: Int
    ) throws -> [(document: Int64, row: Int64)] {
        let most = mode == .vector ? max(limit, vectorDocuments) : vectorDocuments
        let near = try VectorSearch(tx, vectors.space).nearest(
            max(vectorChunks, most * 5), to: vectors.query, filter, cache: vectors.cache)
        var seen: Set<Int64> = []
        var found: [(document: Int64, row: Int64)] = []
        // Who asks for vectors alone gets them, however far they are.
        let least = mode == .vector ? -1 : floor(vectors.model)
        for chunk in near where chunk.score >= least {
            guard found.count < most else { break }
            guard let document = try tx.document(ofChunk: chunk.row), seen.insert(document).inserted else {
                continue
            }
            found.append((document, chunk.row))
        }
        return found
    }

    private static func shown(
        _ tx: ReadTransaction, _ candidates: [Candidate], _ limit: Int
    ) throws -> [SearchHit] {
        var hits: [SearchHit] = []
        for candidate in candidates {
            guard hits.count < limit else { break }
            guard let passage = try tx.passage(candidate.chunk, foundBy: candidate.expression) else {
                continue
            }
            var matched: [SearchHit.Match] = []
            if candidate.textRank != nil { matched.append(.text) }
            if candidate.vectorRank != nil { matched.append(.vector) }
            hits.append(
                SearchHit(
                    passage: passage, rank: hits.count + 1, score: candidate.score, matched: matched,
                    textRank: candidate.textRank, vectorRank: candidate.vectorRank))
        }
        return hits
    }
}
