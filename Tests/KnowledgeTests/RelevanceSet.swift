import Foundation
import Knowledge
import Testing
import Vault

/// Documents, queries and which of the documents answer them: `Relevance/README.md`.
struct RelevanceSet {
    struct Document: Decodable {
        let id, title, category, language, text: String
        let tags: [String]
    }

    struct Query: Decodable {
        let id, query, language, kind: String
        let relevant: [String: Int]
    }

    let documents: [Document]
    let queries: [Query]

    init() throws {
        func lines<T: Decodable>(_ name: String) throws -> [T] {
            let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
                .appending(path: "Relevance/\(name).jsonl")
            return try Data(contentsOf: file).split(separator: UInt8(ascii: "\n"))
                .map { try JSONDecoder().decode(T.self, from: $0) }
        }
        documents = try lines("documents")
        queries = try lines("queries")
    }

    /// Uploads the documents, with their titles, categories and tags.
    ///
    /// - Returns: the set's ids by the vault's.
    func upload(to fixture: SearchFixture) throws -> [String: String] {
        for document in documents { try fixture.write(document.id + ".md", document.text) }
        let uploaded = try fixture.upload()
        let byName = Dictionary(uniqueKeysWithValues: documents.map { ($0.id, $0) })
        var ids: [String: String] = [:]
        try fixture.vault.write { tx in
            for result in uploaded {
                let name = String(decoding: result.path, as: UTF8.self).split(separator: "/").last?.dropLast(
                    3)
                guard let document = name.flatMap({ byName[String($0)] }) else { continue }
                ids[result.id] = document.id
                try tx.updateDocument(
                    result.id, title: document.title, category: document.category, tags: document.tags)
            }
        }
        return ids
    }
}

/// How good rankings are, summed over queries.
struct RelevanceScore {
    private(set) var queries = 0
    private var reciprocal = 0.0, recall = 0.0, gain = 0.0

    /// The mean of 1 / rank of the first document that helps (grade 2 or 3).
    var mrr: Double { reciprocal / Double(queries) }
    /// How many of the documents that help are among the first five, of at most five.
    var recallAt5: Double { recall / Double(queries) }
    /// Normalised discounted cumulative gain of the first ten (Järvelin and Kekäläinen 2002), the gain of a
    /// grade 2^grade - 1.
    var ndcgAt10: Double { gain / Double(queries) }

    mutating func add(_ ranked: [String], _ relevant: [String: Int]) {
        queries += 1
        let helping = Set(relevant.filter { $0.value >= 2 }.keys)
        if let first = ranked.firstIndex(where: helping.contains) { reciprocal += 1 / Double(first + 1) }
        let found = ranked.prefix(5).count { helping.contains($0) }
        recall += Double(found) / Double(min(5, helping.count))
        func discounted(_ grades: some Sequence<Int>) -> Double {
            zip(1..., grades.prefix(10)).reduce(0) {
                $0 + (Double(1 << $1.1) - 1) / log2(Double($1.0) + 1)
            }
        }
        gain += discounted(ranked.map { relevant[$0] ?? 0 }) / discounted(relevant.values.sorted(by: >))
    }

    var line: String {
        String(
            format: "%4d queries  MRR %.3f  recall@5 %.3f  nDCG@10 %.3f", queries, mrr, recallAt5, ndcgAt10)
    }
}
