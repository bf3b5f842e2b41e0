import Foundation
import Knowledge
import Testing
import Vault

/// What vectors add to text, over the relevance set.
@Suite struct HybridRelevanceTests {
    @Test func theLexicalVectorsDoNoHarmAndFindThingsByThemselves() throws {
        let set = try RelevanceSet()
        let fixture = try SearchFixture()
        let ids = try set.upload(to: fixture)
        let embedder = LexicalEmbedder()
        _ = try VectorFilling(fixture.vault, embedder, settings: "{}").run()
        let space = try #require(try fixture.vault.read { try $0.vectorSpace(embedder.identity()) })
        var scores: [String: RelevanceScore] = [:]
        for query in set.queries {
            let side = VectorSide(
                space: space, query: embedder.embed(query: query.query), model: embedder.model)
            for mode in SearchMode.allCases {
                let hits = try fixture.vault.read { tx in
                    try HybridRanking.hits(
                        tx, query.query, mode, DocumentFilter(), limit: 10, vectors: side)
                }
                let ranked = hits.compactMap { ids[$0.passage.documentID] }
                for group in [mode.rawValue, mode.rawValue + " " + query.language] {
                    scores[group, default: RelevanceScore()].add(ranked, query.relevant)
                }
                if mode == .hybrid { #expect(!ranked.isEmpty, "\(query.query)") }
            }
        }
        for (name, score) in scores.sorted(by: { $0.key < $1.key }) {
            print(name.padding(toLength: 16, withPad: " ", startingAt: 0), score.line)
        }
        let (hybrid, text, vector) = (scores["hybrid"], scores["text"], scores["vector"])
        #expect(try #require(hybrid).mrr >= 0.9)
        #expect(try #require(hybrid).mrr >= #require(text).mrr - 0.02)
        #expect(try #require(hybrid).recallAt5 >= #require(text).recallAt5 - 0.02)
        #expect(try #require(vector).mrr >= 0.45)
        for language in ["zh", "en", "mixed"] {
            for mode in ["text", "hybrid"] {
                let score = try #require(scores["\(mode) \(language)"])
                #expect(score.mrr >= 0.88 && score.recallAt5 >= 0.78 && score.ndcgAt10 >= 0.81)
            }
            let score = try #require(scores["vector \(language)"])
            #expect(score.mrr >= 0.5 && score.recallAt5 >= 0.45 && score.ndcgAt10 >= 0.45)
        }
    }

    /// Useless vectors, like those of a model for another language, push no identifier from its place.
    @Test func identifiersStayFirstWhateverVectorsSay() throws {
        let fixture = try SearchFixture()
        try fixture.write("right.md", "# Errors\n\nERR_TLS_104 means that the certificate is too old.\n")
        for number in 0..<30 {
            try fixture.write("\(number).md", "# Error \(number)\n\nTLS error \(number)\n")
        }
        try fixture.upload()
        let embedder = LexicalEmbedder()
        _ = try VectorFilling(fixture.vault, embedder, settings: "{}").run()
        let space = try #require(try fixture.vault.read { try $0.vectorSpace(embedder.identity()) })
        let misleading = VectorSide(
            space: space, query: embedder.embed(query: "Error 7 TLS error 7"), model: embedder.model)
        let hits = try fixture.vault.read { tx in
            try HybridRanking.hits(
                tx, "ERR_TLS_104", .hybrid, DocumentFilter(), limit: 5, vectors: misleading)
        }
        #expect(hits.first?.passage.title == "Errors")
        #expect(hits.first?.textRank == 1)
        #expect(hits.dropFirst().contains { $0.matched.contains(.vector) })
    }
}
