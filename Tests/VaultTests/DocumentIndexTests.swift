import EncryptedSQLite
import FileSystem
import Foundation
import GRDB
import TestSupport
import Testing
import Vault

/// Cuts at blank lines.
private struct ParagraphIndexer: DocumentIndexer {
    var version = 1

    func pieces(of text: [UInt8], contentType: String) -> [DocumentPiece] {
        var start = 0
        var pieces: [DocumentPiece] = []
        for part in String(decoding: text, as: UTF8.self).components(separatedBy: "\n\n") {
            let range = start..<start + part.utf8.count
            if !part.isEmpty { pieces.append(DocumentPiece(range: range, heading: "", text: part)) }
            start = range.upperBound + 2
        }
        return pieces
    }
}

@Suite struct DocumentIndexTests {
    let test: TestVault
    let files: TemporaryDirectory

    init() throws {
        test = try TestVault()
        files = try TemporaryDirectory()
    }

    private func write(_ name: String, _ text: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: files(name)))
    }

    @discardableResult
    private func upload(_ names: String..., indexer: ParagraphIndexer? = ParagraphIndexer()) throws
        -> [UploadResult]
    {
        var options = UploadOptions()
        options.indexer = indexer
        let report = try test.vault.upload(
            names.map { Array($0.utf8) }, workingDirectory: Array(files.path.utf8), options: options)
        #expect(report.failed.isEmpty)
        return report.uploaded
    }

    private func found(_ query: String, _ filter: DocumentFilter = DocumentFilter()) throws -> [Passage] {
        try test.vault.read { tx in
            try tx.searchChunks(query, filter, limit: 50).compactMap {
                try tx.passage($0.row, foundBy: $0.expression)
            }
        }
    }

    private func row(_ query: String) throws -> Int64? {
        try test.vault.read { try $0.searchChunks(query, limit: 1).first?.row }
    }

    @Test func anUploadCanBeSearchedAtOnce() throws {
        try write("guide.md", "# 登入手冊\n\n使用者登入後，伺服器簽發權杖。\n\nBackups are encrypted.")
        let uploaded = try upload("guide.md")
        #expect(uploaded.map(\.chunks) == [3])
        let hit = try #require(try found("簽發權杖").first)
        #expect(hit.snippet == "使用者登入後，伺服器[簽發權杖]。")
        #expect(hit.ordinal == 1 && hit.offset == "# 登入手冊\n\n".utf8.count && hit.title == "登入手冊")
        #expect(try found("backups").count == 1)
        // The title is every passage's.
        #expect(try found("登入手冊").count == 3)
        #expect(try test.vault.checkSearchIndex().isEmpty)
    }

    @Test func whatDidNotChangeKeepsItsRow() throws {
        try write("a.md", "alpha one\n\nbeta two\n\ngamma three")
        try upload("a.md")
        let (alpha, gamma) = (try row("alpha"), try row("gamma"))
        #expect(alpha != nil && gamma != nil)
        try write("a.md", "zero\n\nalpha one\n\nbeta changed\n\ngamma three\n\ngamma three")
        #expect(try upload("a.md").map(\.chunks) == [5])
        #expect(try row("alpha") == alpha)
        #expect(try row("gamma") == gamma)
        #expect(try found("two").isEmpty)
        #expect(try found("alpha").map(\.offset) == [6])
        #expect(try found("gamma").map(\.ordinal).sorted() == [3, 4])
        #expect(try test.vault.checkSearchIndex().isEmpty)
    }

    @Test func theIndexFollowsTitlesTrashAndPurge() throws {
        try write("a.txt", "needle in hay")
        try write("b.txt", "nothing but hay")
        let id = try #require(try upload("a.txt", "b.txt").first?.id)
        try test.vault.write { try $0.updateDocument(id, title: "金鑰輪替") }
        #expect(try found("輪替").map(\.documentID) == [id])
        #expect(try test.vault.checkSearchIndex().isEmpty)
        try test.vault.write { try $0.deleteDocument(id) }
        for query in ["needle", "輪替"] { #expect(try found(query).isEmpty) }
        #expect(try found("hay").count == 1)
        try test.vault.write { try $0.restoreDocument(id) }
        #expect(try found("needle").count == 1)
        try test.vault.write { try $0.purgeDocument(id) }
        #expect(try found("needle").isEmpty)
        #expect(try test.vault.checkSearchIndex().isEmpty)
    }

    @Test func aPurgeLeavesNoTraceInAnyPage() throws {
        let secret = "kryptonite"
        try write("a.md", (0..<200).map { "\(secret)\($0) 祕密計畫\($0)" }.joined(separator: "\n\n"))
        try write("b.md", "harmless words")
        let id = try #require(try upload("a.md", "b.md").first?.id)
        func traces() throws -> [Bool] {
            _ = try test.vault.database.checkpoint(empties: true)
            // Page by page, free ones too.
            let pages = try test.vault.database.withSnapshot { image in
                try (1...image.pageCount).reduce(into: Data()) { $0 += try image.plaintext($1) }
            }
            return ["kryptonit", "祕密計", "harmless"].map { pages.range(of: Data($0.utf8)) != nil }
        }
        #expect(try traces() == [true, true, true])
        try test.vault.write { try $0.deleteDocument(id) }
        try test.vault.write { try $0.purgeDocument(id) }
        #expect(try traces() == [false, false, true])
    }

    @Test func whatIsMissingIsBroughtInLater() throws {
        for index in 0..<70 { try write("\(index).txt", "text number\(index)") }
        try upload(".", indexer: nil)
        #expect(try found("number7").isEmpty)
        #expect(try test.vault.indexDocuments(ParagraphIndexer(), patience: .zero).isComplete == false)
        let report = try test.vault.indexDocuments(ParagraphIndexer())
        #expect(report.documents == 70 && report.isComplete)
        #expect(try found("number7").count == 1)
        #expect(try test.vault.indexDocuments(ParagraphIndexer()).documents == 0)
        // Another way of cutting means all of them again.
        #expect(try test.vault.indexDocuments(ParagraphIndexer(version: 2)).documents == 70)
        #expect(try test.vault.reindexDocuments(ParagraphIndexer(version: 2)).documents == 70)
        #expect(try test.vault.read { try $0.indexCounts().chunks } == 70)
        #expect(try test.vault.checkSearchIndex().isEmpty)
    }

    @Test func aDamagedContentStopsNoOther() throws {
        try write("a.txt", "good text")
        try write("b.txt", "bad text")
        let uploaded = try upload("a.txt", "b.txt", indexer: nil)
        let versions = try test.vault.storedVersions()
        let bad = try #require(versions.first { $0.documentID == uploaded[1].id })
        try Data([1, 2, 3]).write(to: URL(fileURLWithPath: bad.content.path))
        let report = try test.vault.indexDocuments(ParagraphIndexer())
        #expect(report.unreadable == [uploaded[1].id] && report.isComplete)
        #expect(try found("text").map(\.documentID) == [uploaded[0].id])
        #expect(try test.vault.read { try $0.indexCounts().unreadable } == 1)
    }

    @Test func aRenamedFileIsTheSameDocument() throws {
        try write("old.md", "# A title\n\ncontent of its own")
        let id = try #require(try upload("old.md").first?.id)
        try FileManager.default.moveItem(atPath: files("old.md"), toPath: files("new.md"))
        let again = try #require(try upload("new.md").first)
        #expect(again.id == id && again.status == .updated)
        #expect(again.oldPath == Array(files("old.md").utf8))
        #expect(try found("content").map(\.path) == [Array(files("new.md").utf8)])
        // A copy beside it is a document of its own.
        try write("copy.md", "# A title\n\ncontent of its own")
        let copy = try #require(try upload("copy.md").first)
        #expect(copy.id != id && copy.status == .new)
    }

    @Test func filtersComeBeforeTheRanking() throws {
        for index in 0..<30 { try write("\(index).md", "common word \(index)") }
        let ids = try upload(".").map(\.id)
        try test.vault.write { tx in
            try tx.updateDocument(ids[3], category: "decision")
            try tx.updateDocument(ids[4], tags: ["security", "tls"])
        }
        var filter = DocumentFilter()
        filter.category = "decision"
        #expect(try found("common", filter).map(\.documentID) == [ids[3]])
        filter = DocumentFilter()
        filter.tag = "tls"
        #expect(try found("common", filter).map(\.documentID) == [ids[4]])
        filter = DocumentFilter()
        filter.since = test.world.now.advanced(byMilliseconds: 1)
        #expect(try found("common", filter).isEmpty)
        test.world.advance(milliseconds: 60_000)
        try test.vault.write { try $0.updateDocument(ids[5], tags: ["new"]) }
        #expect(try found("common", filter).map(\.documentID) == [ids[5]])
    }

    @Test func anIndexOfAnotherTokenizerIsBuiltAnew() throws {
        try write("a.md", "資料庫備份")
        try upload("a.md")
        try test.task("認證系統")
        try test.vault.database.pool.write { db in
            try db.execute(sql: "UPDATE setting SET value = '1' WHERE key = 'vault/tokenizer'")
            try db.execute(sql: "INSERT INTO chunk_fts(chunk_fts) VALUES ('delete-all')")
            try db.execute(sql: "INSERT INTO task_fts(task_fts) VALUES ('delete-all')")
            try db.execute(sql: "INSERT OR REPLACE INTO blinding(id, random) VALUES (1, blind())")
        }
        #expect(try found("備份").isEmpty)
        try test.vault.close()
        let again = try test.open(at: test.directory("ai-agent.db"))
        #expect(try again.read { try $0.searchChunks("备份", limit: 5).count } == 1)
        #expect(try again.read { try $0.searchTasks("認證").items.count } == 1)
        #expect(try again.checkSearchIndex().isEmpty)
        try again.close()
    }
}
