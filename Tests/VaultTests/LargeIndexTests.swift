import EncryptedSQLite
import Foundation
import GRDB
import TestSupport
import Testing
import Vault

/// The paths of text search that an index of more than 20,000 rows takes, with the bounds lowered.
@Suite struct LargeIndexTests {
    let test: TestVault

    init() throws { test = try TestVault() }

    /// Documents of one passage each, the oldest first.
    private func add(_ documents: [(title: String, text: String)]) throws {
        let files = try TemporaryDirectory()
        for (index, document) in documents.enumerated() {
            let name = String(format: "%05d.md", index)
            try Data("# \(document.title)\n\n\(document.text)".utf8)
                .write(to: URL(fileURLWithPath: files(name)))
        }
        var options = UploadOptions()
        options.indexer = BodyIndexer()
        let report = try test.vault.upload(
            [Array(".".utf8)], workingDirectory: Array(files.path.utf8), options: options)
        #expect(report.failed.isEmpty && report.uploaded.count == documents.count)
    }

    private func titles(_ query: String, _ bounds: SearchBounds, limit: Int = 10) throws -> [String] {
        try test.vault.read { tx in
            try tx.searchChunks(query, limit: limit, bounds: bounds).compactMap {
                try tx.passage($0.row, foundBy: $0.expression)?.title
            }
        }
    }

    /// Every index is large, and a stage scores 20 rows.
    private var low: SearchBounds {
        var bounds = SearchBounds()
        bounds.wholeRows = 0
        bounds.scoredRows = 20
        bounds.countedRows = 10
        return bounds
    }

    @Test func aFrequentWordDoesNotHideAnOlderTitle() throws {
        let filler = String(repeating: "some words of no concern at all. ", count: 8)
        try add(
            [("Rotation", "\(filler) \(filler)"), ("Short", "rotation rotation rotation")]
                + (0..<200).map { ("Note \($0)", "\(filler) then rotation") })
        #expect(try titles("rotation", low).first == "Rotation")
        #expect(try titles("\"rotation\"", low).first == "Rotation")
        // What has no title of the kind is among the newest or it is not found: the bound is one.
        #expect(try !titles("rotation", low, limit: 300).contains("Short"))
        #expect(try titles("rotation", .standard, limit: 300).contains("Short"))
    }

    @Test func aRareWordAmongFrequentOnesDecides() throws {
        try add(
            (0..<200).map {
                ("Note \($0)", "the backup of the vault \($0 == 7 ? "uses quicksilver" : "is a backup")")
            })
        for query in ["the backup of quicksilver with nothing", "vault backup 備份 quicksilvers"] {
            #expect(try titles(query, low).first == "Note 7", "\(query)")
        }
        // With nothing rare the newest answer.
        #expect(
            try Set(titles("the backup nowhere", low, limit: 20)) == Set((180..<200).map { "Note \($0)" }))
    }

    @Test func formsOfAWordAreFoundAmongManyWordsThatBeginLikeIt() throws {
        try add((0..<60).map { ("Note \($0)", "needle\($0)") } + [("Verb", "needling"), ("Noun", "needles")])
        for bounds in [low, .standard] {
            #expect(try Set(titles("needle", bounds).prefix(2)) == ["Verb", "Noun"])
        }
    }

    @Test func theBestPassageOfADocumentStandsForIt() throws {
        try add((0..<40).map { ("Note \($0 % 4)", "rotation of key \($0)") })
        let rows = try test.vault.read {
            try $0.searchChunks("rotation", limit: 5, onePerDocument: true, bounds: low).map(\.document)
        }
        #expect(rows.count == 5 && Set(rows).count == 5)
    }

    /// Words as unevenly frequent as those of a language, and queries of all kinds.
    @Test func whereNoBoundIsReachedTheAnswersAreThoseOfASmallIndex() throws {
        let seed = UInt64.random(in: 0...1 << 40)
        print("seed \(seed)")
        var random = SplitMix64(seed: seed)
        let words =
            ["key", "keys", "keyed", "rotate", "rotation", "vault", "backup", "err_tls_1", "err_tls_2", "v2"]
            + ["認證", "權杖", "備份", "登入", "使用者", "金鑰", "的", "向量"]
        func draw(_ count: Int) -> String {
            (0..<count).map { _ in
                let rank = min(Int.random(in: 0..<words.count, using: &random), words.count - 1)
                return words[Int.random(in: 0...rank, using: &random)]
            }
            .joined(separator: Bool.random(using: &random) ? " " : "，")
        }
        try add((0..<120).map { _ in (draw(2), draw(Int.random(in: 1...30, using: &random))) })
        var bounds = SearchBounds()
        bounds.wholeRows = 0
        bounds.scoredRows = 100_000
        bounds.countedRows = 1000
        bounds.countedPhraseRows = 1000
        bounds.frequentShare = 100
        for _ in 0..<60 {
            var query = draw(Int.random(in: 1...5, using: &random))
            if Int.random(in: 0..<3, using: &random) == 0 { query = "\"\(query)\" \(draw(1))" }
            let (small, large) = try test.vault.read {
                try ($0.searchChunks(query, limit: 50), $0.searchChunks(query, limit: 50, bounds: bounds))
            }
            #expect(!small.isEmpty && small.map(\.row) == large.map(\.row), "seed \(seed): \(query)")
        }
    }

    /// The score of a row is that of FTS5's own function, which counts for itself.
    @Test func theScoreIsBM25() throws {
        try add((0..<50).map { ("Title \($0 % 7)", "alpha \($0 % 3 == 0 ? "beta beta" : "") 認證 \($0)") })
        let own = try test.vault.read { try $0.searchChunks("alpha beta", limit: 50).map(\.row) }
        let theirs = try test.vault.database.pool.read {
            try Int64.fetchAll(
                $0,
                sql: """
                    SELECT rowid FROM chunk_fts WHERE chunk_fts MATCH '"alpha" AND "beta"'
                    ORDER BY bm25(chunk_fts, 4.0, 2.0, 1.0), rowid
                    """)
        }
        #expect(theirs.count == 17 && own.prefix(17) == theirs[...])
    }

    /// What the step for titles and headings finds in a vault from before it.
    @Test func aVaultFromBeforeGetsTheIndexOfTitles() throws {
        try add([("Rotation", "of keys")] + (0..<100).map { ("Note \($0)", "then rotation") })
        try test.vault.database.pool.write { db in
            try db.execute(
                sql: """
                    DROP TABLE head_fts; DROP TRIGGER document_head;
                    DELETE FROM grdb_migrations WHERE identifier = '13';
                    INSERT OR REPLACE INTO blinding(id, random) VALUES (1, blind());
                    """)
        }
        try test.vault.close()
        let again = try test.open(at: test.directory("ai-agent.db"))
        let first = try again.read { try $0.searchChunks("rotation", limit: 1, bounds: low).first }
        #expect(try again.read { try $0.passage(first?.row ?? 0, foundBy: nil)?.title } == "Rotation")
        #expect(try again.checkSearchIndex().isEmpty)
        try again.close()
    }
}

/// A document is its title and one passage, the rest of the text.
private struct BodyIndexer: DocumentIndexer {
    var version: Int { 1 }

    func pieces(of text: [UInt8], contentType: String) -> [DocumentPiece] {
        let start = (text.firstIndex(of: UInt8(ascii: "\n")) ?? -2) + 2
        let body = text[min(start, text.count)...]
        return [
            DocumentPiece(range: body.indices, heading: "", text: String(decoding: body, as: UTF8.self))
        ]
    }
}
