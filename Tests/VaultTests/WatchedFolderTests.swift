import FileSystem
import Foundation
import TestSupport
import Testing
import Vault

/// A folder and the documents that it is kept in step with.
@Suite struct WatchedFolderTests {
    private let test: TestVault
    private let files: TemporaryDirectory

    init() throws {
        test = try TestVault()
        files = try TemporaryDirectory()
    }

    private func write(_ name: String, _ text: String) throws {
        let file = URL(fileURLWithPath: files(name))
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
    }

    private func folder() throws -> WatchedFolder {
        try WatchedFolder(Array("notes".utf8), workingDirectory: Array(files.path.utf8))
    }

    private func names() throws -> [String] {
        try test.vault.read { try $0.documents().items }.map { String(decoding: $0.name, as: UTF8.self) }
            .sorted()
    }

    @Test func whatIsNewChangedRenamedOrGoneIsFollowed() throws {
        try write("notes/a.md", "# A\n\none")
        try write("notes/deep/b.md", "# B\n\ntwo")
        try write("notes/.hidden", "no")
        try write("beside.md", "# Beside")
        var watched = try folder()
        #expect(try test.vault.look(at: &watched).uploaded.map(\.status) == [.new, .new])
        #expect(try names() == ["notes/a.md", "notes/deep/b.md"])
        #expect(try test.vault.look(at: &watched).isEmpty)

        // Taken once it has not changed from one look to the next.
        try write("notes/a.md", "# A\n\nhalf of a longer")
        let early = try test.vault.look(at: &watched)
        #expect(early.isEmpty && early.isUnsettled)
        try write("notes/a.md", "# A\n\nhalf of a longer text, and the rest")
        #expect(try test.vault.look(at: &watched).isEmpty)
        let changed = try test.vault.look(at: &watched)
        #expect(changed.uploaded.map(\.status) == [.updated] && !changed.isUnsettled)
        let id = try #require(changed.uploaded.first?.id)
        #expect(try test.vault.read { try $0.versions(of: id) }.count == 2)

        try Durable.rename(files("notes/a.md"), to: files("notes/deep/c.md"))
        #expect(try test.vault.look(at: &watched).trashed.isEmpty)
        let renamed = try test.vault.look(at: &watched)
        #expect(renamed.uploaded.map(\.id) == [id] && renamed.trashed.isEmpty)
        #expect(try names() == ["notes/deep/b.md", "notes/deep/c.md"])

        try Durable.remove(files("notes/deep/b.md"))
        #expect(try test.vault.look(at: &watched).trashed.map(\.title) == ["B"])
        #expect(try names() == ["notes/deep/c.md"])
        #expect(try test.vault.look(at: &watched).isEmpty)
    }

    /// An empty mount point is no wish to delete; nor is a folder that is gone.
    @Test func manyFilesGoneAtOnceTakeAWord() throws {
        for number in 0..<30 { try write("notes/\(number).md", "# \(number)\n\nnote \(number)") }
        var watched = try folder()
        #expect(try test.vault.look(at: &watched).uploaded.count == 30)
        for number in 0..<11 { try Durable.remove(files("notes/\(number).md")) }
        let held = try test.vault.look(at: &watched)
        #expect(held.trashed.isEmpty && held.withheld == 11)
        #expect(try names().count == 30)
        try Durable.rename(files("notes"), to: files("away"))
        expect(.notFound) { try test.vault.look(at: &watched, allowsMassDeletion: true) }
        expect(.notFound) { _ = try folder() }
        try Durable.rename(files("away"), to: files("notes"))
        let meant = try test.vault.look(at: &watched, allowsMassDeletion: true)
        #expect(meant.trashed.count == 11 && meant.withheld == 0)
        #expect(try names().count == 19)
    }

    /// A new process knows nothing of what the folder was.
    @Test func afterARestartTheFolderIsFoundAsItIs() throws {
        try write("notes/a.md", "# A\n\none")
        try write("notes/b.md", "# B\n\ntwo")
        var first = try folder()
        _ = try test.vault.look(at: &first)
        try Durable.remove(files("notes/b.md"))
        try write("notes/a.md", "# A\n\nanother")
        var second = try folder()
        let report = try test.vault.look(at: &second)
        #expect(report.uploaded.map(\.status) == [.updated] && report.trashed.map(\.title) == ["B"])
        #expect(try names() == ["notes/a.md"])
    }
}
