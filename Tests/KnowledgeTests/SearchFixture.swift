import FileSystem
import Foundation
import Knowledge
import TestSupport
import Testing
import Vault

/// A vault with documents to search.
final class SearchFixture {
    let home: VaultHome
    let vault: Vault
    let files: TemporaryDirectory

    init() throws {
        home = try VaultHome()
        vault = try home.open()
        files = try TemporaryDirectory()
    }

    deinit { do { try vault.close() } catch { Issue.record("\(error)") } }

    func write(_ name: String, _ text: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: files(name)))
    }

    @discardableResult
    func upload() throws -> [UploadResult] {
        var options = UploadOptions()
        options.indexer = ChunkIndexer()
        let report = try vault.upload(
            [Array(".".utf8)], workingDirectory: Array(files.path.utf8), options: options)
        #expect(report.failed.isEmpty)
        return report.uploaded
    }

    func hits(_ query: String, limit: Int = 10, bounds: SearchBounds = .standard) throws -> [SearchHit] {
        try vault.read { try TextRanking.hits($0, query, limit: limit, bounds: bounds) }
    }

    func titles(_ query: String) throws -> [String] { try hits(query).map(\.passage.title) }
}
