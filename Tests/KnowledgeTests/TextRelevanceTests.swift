import Foundation
import Knowledge
import Testing
import Vault

@Suite struct TextRelevanceTests {
    /// As it searches a small index, and as a large one.
    @Test(arguments: [20_000, 0] as [Int64])
    func textSearchFindsTheRightPassage(wholeRows: Int64) throws {
        var bounds = SearchBounds()
        bounds.wholeRows = wholeRows
        let set = try RelevanceSet()
        let fixture = try SearchFixture()
        let ids = try set.upload(to: fixture)
        #expect(ids.count == set.documents.count)
        var all = RelevanceScore()
        var groups: [String: RelevanceScore] = [:]
        for query in set.queries {
            let ranked = try fixture.hits(query.query, bounds: bounds).compactMap {
                ids[$0.passage.documentID]
            }
            #expect(!ranked.isEmpty, "\(query.id) \(query.query)")
            all.add(ranked, query.relevant)
            for group in ["language " + query.language, "kind " + query.kind] {
                groups[group, default: RelevanceScore()].add(ranked, query.relevant)
            }
            let first = ranked.firstIndex { (query.relevant[$0] ?? 0) >= 2 }
            if first != 0 {
                print("rank \(first.map { "\($0 + 1)" } ?? "-")  \(query.id) \(query.kind): \(query.query)")
            }
        }
        for (name, score) in groups.sorted(by: { $0.key < $1.key }) {
            print(name.padding(toLength: 26, withPad: " ", startingAt: 0), score.line)
        }
        print("text".padding(toLength: 26, withPad: " ", startingAt: 0), all.line)
        #expect(all.mrr >= 0.9)
        #expect(try fixture.vault.checkSearchIndex().isEmpty)
    }
}
