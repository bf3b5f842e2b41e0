import EncryptedSQLite
import FileSystem
import Foundation
import GRDB
import TestSupport
import Testing
import Vault

/// Indexes that were damaged on purpose, and what a check says of them.
@Suite struct IndexCheckTests {
    private let test: TestVault
    private let files: TemporaryDirectory
    private let indexer = LineIndexer()
    private let space: VectorSpace
    private var documents: [String] = []

    /// Two documents of three passages each, which have vectors.
    init() throws {
        test = try TestVault()
        files = try TemporaryDirectory()
        var options = UploadOptions()
        options.indexer = indexer
        for name in ["a.txt", "b.txt"] {
            let text = "one of \(name)\ntwo of \(name)\nthree of \(name)"
            try Data(text.utf8).write(to: URL(fileURLWithPath: files(name)))
            documents += try test.vault.upload(
                [Array(files(name).utf8)], workingDirectory: [0x2F], options: options
            ).uploaded.map(\.id)
        }
        let identity = VectorIdentity(
            provider: "test", model: "made-up", dimensions: 64, prefixVersion: "0", element: "float16")
        space = try test.vault.write { tx in
            let space = try tx.makeVectorSpace(identity, settings: "{}")
            let chunks = try tx.chunksWithoutVector(space, limit: 100)
            try tx.addVectors(
                chunks.map {
                    (
                        $0.row,
                        StoredVectorValue(code: [UInt64($0.row)], value: [UInt8](repeating: 1, count: 128))
                    )
                }, to: space)
            try tx.setReady(space)
            try tx.noteFilled(space)
            return try tx.vectorSpace(identity) ?? space
        }
    }

    private func damage(_ sql: String) throws {
        try test.vault.database.pool.write { db in
            try db.execute(sql: sql)
            try db.execute(sql: "INSERT OR REPLACE INTO blinding(id, random) VALUES (1, blind())")
        }
    }

    private func problems() throws -> [String] {
        try test.vault.checkSearchIndex() + test.vault.read { try $0.vectorProblems() + $0.vectorGaps() }
    }

    private func misfits() throws -> [String] { try test.vault.documentsThatMisfit(indexer) }

    /// Nothing is wrong; and what a rebuild makes of it is right again.
    private func expectWhole() throws {
        #expect(try problems().isEmpty)
        #expect(try misfits().isEmpty)
    }

    /// And whoever found it can still close the vault.
    @Test func aTextThatWasChangedBehindTheIndexIsFound() throws {
        try damage("UPDATE chunk SET text = 'something else' WHERE text LIKE 'two of a%'")
        #expect(try test.vault.checkSearchIndex() == ["the text index is not what the texts make"])
        #expect(try misfits() == [documents[0]])
        try test.vault.close()
    }

    @Test func aPassageThatIsMissingIsFound() throws {
        try expectWhole()
        // The vault's own way takes it out of the text index and the vectors as well: those fit each other.
        try damage(
            """
            INSERT INTO chunk_fts(chunk_fts, rowid, title, heading, text)
            SELECT 'delete', row, title, heading, text FROM chunk_content WHERE text LIKE 'three of b%';
            INSERT INTO head_fts(head_fts, rowid, title, heading)
            SELECT 'delete', row, title, heading FROM chunk_content WHERE text LIKE 'three of b%';
            DELETE FROM chunk WHERE text LIKE 'three of b%'
            """)
        #expect(try problems().isEmpty)
        #expect(try misfits() == [documents[1]])
        try test.vault.reindexDocuments(indexer)
        #expect(try misfits().isEmpty)
        #expect(try test.vault.read { try $0.searchChunks("three", limit: 9).count } == 2)
    }

    @Test func aPassageTooManyIsFound() throws {
        try expectWhole()
        try damage(
            """
            INSERT INTO chunk(document, ordinal, start, length, heading, text, hash)
            SELECT document, 3, start, length, heading, text, hash FROM chunk WHERE text = 'one of a.txt';
            INSERT INTO chunk_fts(rowid, title, heading, text)
            SELECT row, title, heading, text FROM chunk_content WHERE row = (SELECT max(row) FROM chunk);
            INSERT INTO head_fts(rowid, title, heading)
            SELECT row, title, heading FROM chunk_content WHERE row = (SELECT max(row) FROM chunk)
            """)
        #expect(try problems().isEmpty)
        #expect(try misfits() == [documents[0]])
        try test.vault.reindexDocuments(indexer)
        try expectWhole()
    }

    @Test func aPassageAtAnotherPlaceIsFound() throws {
        try expectWhole()
        try damage("UPDATE chunk SET start = start + 1 WHERE text = 'two of a.txt'")
        #expect(try misfits() == [documents[0]])
    }

    @Test func passagesOfNoDocumentAreFound() throws {
        try damage("UPDATE indexed SET document = 77 WHERE document = 1")
        #expect(
            try test.vault.checkSearchIndex() == [
                "3 passages of no document", "1 indexed documents that are not there",
            ])
    }

    @Test func aVectorWithoutAPassageIsFound() throws {
        try expectWhole()
        try damage("UPDATE vector SET chunk = 99 WHERE id = (SELECT min(id) FROM vector)")
        #expect(
            try problems() == ["1 vectors of chunks that are gone", "made-up lacks vectors of 1 passages"])
    }

    @Test func aVectorThatIsMissingIsFound() throws {
        try expectWhole()
        try damage("DELETE FROM vector WHERE id = (SELECT max(id) FROM vector)")
        #expect(
            try problems() == ["made-up has 6 codes for 5 vectors", "made-up lacks vectors of 1 passages"])
    }

    @Test func twoVectorsOfOnePassageAreFound() throws {
        try expectWhole()
        try test.vault.write { tx in
            let value = StoredVectorValue(code: [1], value: [UInt8](repeating: 1, count: 128))
            try tx.addVectors([(1, value)], to: space)
        }
        #expect(try problems() == ["made-up has two vectors of 1 passages"])
    }

    @Test func aBlockWithoutItsCodesIsFound() throws {
        try expectWhole()
        try damage("DELETE FROM vector_block")
        #expect(try problems() == ["made-up has 0 codes for 6 vectors"])
    }

    /// What is new has no vector yet, and that is no fault.
    @Test func aNewPassageLacksNothing() throws {
        try Data("another line".utf8).write(to: URL(fileURLWithPath: files("c.txt")))
        var options = UploadOptions()
        options.indexer = indexer
        _ = try test.vault.upload([Array(files("c.txt").utf8)], workingDirectory: [0x2F], options: options)
        try expectWhole()
    }
}

/// Cuts at the ends of lines.
private struct LineIndexer: DocumentIndexer {
    let version = 1

    func pieces(of text: [UInt8], contentType: String) -> [DocumentPiece] {
        var start = 0
        return text.split(separator: 10).map { line in
            let piece = DocumentPiece(
                range: start..<start + line.count, heading: "", text: String(decoding: line, as: UTF8.self))
            start += line.count + 1
            return piece
        }
    }
}
