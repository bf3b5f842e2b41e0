import EncryptedSQLite
import FileSystem
import GRDB
import TestSupport
import Testing
import Vault

/// A document may belong to a project, as a task may.
@Suite struct DocumentProjectTests {
    private func add(
        _ test: TestVault, _ title: String, project: String?
    ) throws -> UploadResult {
        var options = UploadOptions()
        options.projectID = project
        options.indexer = WholeText()
        return try test.vault.addDocument(
            Array("common words".utf8), title: title, category: "note", options: options)
    }

    private func upload(_ test: TestVault, _ path: String, project: String?) throws -> UploadResult? {
        var options = UploadOptions()
        options.projectID = project
        return try test.vault.upload([Array(path.utf8)], workingDirectory: [0x2F], options: options)
            .uploaded.first
    }

    private func project(_ test: TestVault, _ document: String) throws -> String? {
        try test.vault.read { try $0.document(document).projectID }
    }

    @Test func aProjectIsGivenChangedAndTakenAway() throws {
        let test = try TestVault()
        let files = try TemporaryDirectory()
        let (one, other) = try test.vault.write {
            (try $0.createProject(name: "one").id, try $0.createProject(name: "other").id)
        }
        let path = files("a.txt")
        try File.open(path, .create).write(Array("text".utf8), at: 0)
        let id = try #require(try upload(test, path, project: one)).id
        #expect(try project(test, id) == one)
        // The same file again: a project that is named counts, none that is not leaves it alone.
        #expect(try upload(test, path, project: nil)?.status == .unchanged)
        #expect(try project(test, id) == one)
        #expect(try upload(test, path, project: other)?.id == id)
        #expect(try project(test, id) == other)
        #expect(try test.vault.read { try $0.documents(project: other).items.map(\.id) } == [id])
        #expect(try test.vault.read { try $0.documents(project: one).items }.isEmpty)
        #expect(try test.vault.read { try $0.document(id) }.json.contains("\"project_id\":\"\(other)\""))
        #expect(try upload(test, path, project: "")?.id == id)
        #expect(try project(test, id) == nil)
        expect(.notFound) { try upload(test, path, project: "proj-nothing") }
    }

    @Test func aSearchLooksAtOneProject() throws {
        let test = try TestVault()
        let id = try test.vault.write { try $0.createProject(name: "one").id }
        let inside = try add(test, "inside", project: id).id
        _ = try add(test, "outside", project: nil)
        func found(_ project: String?) throws -> [String] {
            var filter = DocumentFilter()
            filter.project = project
            return try test.vault.read { tx in
                try tx.searchChunks("common", filter, limit: 9).compactMap {
                    try tx.passage($0.row, foundBy: nil)?.documentID
                }
            }
        }
        #expect(try found(id) == [inside])
        #expect(try found(nil).count == 2)
        #expect(try found("proj-nothing").isEmpty)
    }

    /// A program that knew no projects of documents kept what others said of them. After the update it shows.
    @Test func whatAnOlderProgramGotShowsAfterTheUpdate() throws {
        let exchange = try Exchange(seed: 9, count: 2)
        let id = try exchange.vaults[0].vault.write { try $0.createProject(name: "one").id }
        let document = try add(exchange.vaults[0], "inside", project: id).id
        let without = try add(exchange.vaults[0], "outside", project: nil).id
        try exchange.settle()
        let receiver = exchange.vaults[1]
        #expect(try project(receiver, document) == id)
        let roots = try exchange.roots()
        #expect(roots[0] == roots[1])

        try receiver.vault.database.pool.write { db in
            try db.execute(
                sql: """
                    DROP INDEX document_project;
                    ALTER TABLE document DROP COLUMN project_id;
                    DELETE FROM grdb_migrations WHERE identifier = '15';
                    INSERT OR REPLACE INTO blinding(id, random) VALUES (1, blind())
                    """)
        }
        try receiver.vault.close()
        let updated = try receiver.open(at: receiver.directory("ai-agent.db"))
        #expect(try updated.read { try $0.document(without).projectID } == nil)
        #expect(try updated.write { try $0.refreshHidden() } == 2)
        #expect(try updated.read { try $0.document(document).projectID } == id)
        #expect(try updated.read { try $0.hasHidden() } == false)
        #expect(try updated.read { try $0.stateRoot() } == roots[0])
        try updated.close()
    }
}

private struct WholeText: DocumentIndexer {
    let version = 1

    func pieces(of text: [UInt8], contentType: String) -> [DocumentPiece] {
        [DocumentPiece(range: 0..<text.count, heading: "", text: String(decoding: text, as: UTF8.self))]
    }
}
