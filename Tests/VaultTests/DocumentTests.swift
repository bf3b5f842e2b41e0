import FileSystem
import Foundation
import TestSupport
import Testing
import Vault

@Suite struct DocumentTests {
    private func write(_ path: String, _ bytes: [UInt8]) throws {
        let parent = path.split(separator: "/").dropLast().joined(separator: "/")
        try FileManager.default.createDirectory(atPath: "/" + parent, withIntermediateDirectories: true)
        try Data(bytes).write(to: URL(fileURLWithPath: path))
    }

    private func upload(_ test: TestVault, _ arguments: [String], in directory: String) throws -> UploadReport
    {
        try test.vault.upload(arguments.map { Array($0.utf8) }, workingDirectory: Array(directory.utf8))
    }

    private func content(_ test: TestVault, _ id: String, version: Int? = nil) throws -> [UInt8] {
        var bytes: [UInt8] = []
        try test.vault.readDocument(id, version: version) { bytes += Array($0) }
        return bytes
    }

    @Test func uploadsTellNewUpdatedAndUnchanged() throws {
        let test = try TestVault()
        let files = try TemporaryDirectory()
        try write(files("docs/guide.md"), Array("intro\n# 使用手冊 🚪\ntext".utf8))
        try write(files("docs/a/b/main.swift"), Array("let x = 1\n".utf8))
        try write(files("docs/.hidden"), [1])
        let first = try upload(test, ["docs"], in: files.path)
        #expect(first.failed.isEmpty)
        #expect(first.uploaded.map(\.status) == [.new, .new])
        let documents = try test.vault.read { try $0.documents().items }
        let guide = try #require(documents.first { $0.contentType == "text/markdown" })
        #expect(guide.title == "使用手冊 🚪" && guide.category == "docs" && guide.version == 1)
        #expect(guide.name == Array("docs/guide.md".utf8))
        #expect(Set(documents.map(\.category)) == ["docs", "code"])

        try write(files("docs/guide.md"), Array("# New\n".utf8))
        let second = try upload(test, ["docs/**/*.md", "docs/a"], in: files.path)
        #expect(second.uploaded.map(\.status) == [.updated, .unchanged])
        #expect(try content(test, guide.id) == Array("# New\n".utf8))
        #expect(try content(test, guide.id, version: 1) == Array("intro\n# 使用手冊 🚪\ntext".utf8))
        #expect(try test.vault.read { try $0.versions(of: guide.id).map(\.number) } == [1, 2])
        expect(.notFound) { try content(test, guide.id, version: 3) }
        expect(.notFound) { try upload(test, ["nothing/*.md"], in: files.path) }
    }

    /// More files than share a transaction, some with the content of one in another batch.
    @Test func aTreeOfManyFilesIsUploadedWhole() throws {
        let test = try TestVault()
        let files = try TemporaryDirectory()
        for index in 0..<2500 {
            try write(files("tree/\(index % 50)/\(index).md"), Array("# Note\r\n\(index % 1500)".utf8))
        }
        var steps: [Int] = []
        let report = try test.vault.upload(
            [Array("tree".utf8)], workingDirectory: Array(files.path.utf8)
        ) { files, _, _ in steps.append(files) }
        #expect(report.failed.isEmpty && report.uploaded.count == 2500)
        #expect(report.uploaded.allSatisfy { $0.status == .new && $0.title == "Note" })
        #expect(steps.last == 2500 && steps == steps.sorted() && steps.count > 10)
        let names = try test.vault.read { try $0.documents().items.map(\.name) }
        #expect(Set(names).count == 2500)
        for result in report.uploaded where result.size % 3 == 0 {
            let name = String(decoding: result.path, as: UTF8.self).split(separator: "/").last ?? ""
            let number = Int(name.dropLast(3)) ?? 0
            #expect(try content(test, result.id) == Array("# Note\r\n\(number % 1500)".utf8))
        }
        let stored = try Files.list(test.directory("documents")).flatMap { folder in
            folder.utf8.count == 2 ? try Files.list(test.directory("documents/\(folder)")) : [folder]
        }
        #expect(stored.filter { !$0.hasSuffix(".lock") }.count == 1500)
    }

    @Test(arguments: [0, 1, 1023, 1024, 16_383, 16_384, 262_143, 262_144, 262_145, 5_000_000])
    func contentsComeBack(count: Int) throws {
        let test = try TestVault(seed: UInt64(count + 1))
        let files = try TemporaryDirectory()
        let random = (0..<count).map { _ in UInt8(truncatingIfNeeded: test.world.next()) }
        let text = (0..<count).map { UInt8(ascii: "a") + UInt8($0 % 7) }
        try write(files("random"), random)
        try write(files("text"), text)
        let report = try upload(test, ["random", "text"], in: files.path)
        #expect(try content(test, report.uploaded[0].id) == random)
        #expect(try content(test, report.uploaded[1].id) == text)
        for _ in 0..<5 where count > 0 {
            let start = test.world.below(count)
            let end = start + 1 + test.world.below(count - start)
            let part = try test.vault.readDocument(report.uploaded[1].id, range: Int64(start)..<Int64(end))
            #expect(part == Array(text[start..<end]))
        }
    }

    @Test func identicalContentIsStoredOnce() throws {
        let test = try TestVault()
        let files = try TemporaryDirectory()
        for name in ["a", "b", "c"] { try write(files(name), Array("same".utf8)) }
        _ = try upload(test, ["a", "b"], in: files.path)
        _ = try upload(test, ["c"], in: files.path)
        #expect(try test.vault.read { try test.vault.storedBlobs($0).count } == 1)
        #expect(try test.vault.read { try $0.statistics().blobs } == 1)
        let names = try Files.list(test.directory("documents")).filter { $0.utf8.count == 2 }
        #expect(names.count == 1, "\(names)")
    }

    @Test func namesThatAreNotTextSurvive() throws {
        let test = try TestVault()
        let files = try TemporaryDirectory()
        let odd: [UInt8] = [0xFF, 0xFE, UInt8(ascii: "x")]
        let path = Array(files.path.utf8) + [UInt8(ascii: "/")] + odd
        let descriptor = open(path.map { CChar(bitPattern: $0) } + [0], O_CREAT | O_WRONLY, 0o600)
        #expect(descriptor >= 0)
        close(descriptor)
        for name in ["👩‍👩‍👧‍👦.md", "שלום.txt", "𠮷野家.md"] { try write(files(name), Array(name.utf8)) }
        let report = try upload(test, ["*"], in: files.path)
        #expect(report.uploaded.count == 4)
        let documents = try test.vault.read { try $0.documents().items }
        let found = try #require(documents.first { $0.name == odd })
        #expect(found.json.contains("\"path_b64\""))
        let target = files("out")
        #expect(try test.vault.exportDocuments(to: Array(target.utf8)) == 4)
        #expect(try FileManager.default.contentsOfDirectory(atPath: target).count == 4)
    }

    @Test func anExportStaysInItsDirectory() throws {
        let names = ["../../etc/passwd", "/etc/passwd", "a/../../b", "./x", "a\nb", "", "..", "x/./y"]
        for name in names {
            let parts = ExportName.parts(Array(name.utf8), fallback: "doc-1").map {
                String(decoding: $0, as: UTF8.self)
            }
            #expect(!parts.isEmpty && !parts.contains("..") && !parts.contains("") && !parts.contains("."))
            #expect(parts.allSatisfy { !$0.contains("/") && !$0.contains("\n") })
        }
    }

    @Test func purgedDocumentsLeaveNoBlob() throws {
        let test = try TestVault()
        let files = try TemporaryDirectory()
        try write(files("a"), Array("a".utf8))
        try write(files("b"), Array("b".utf8))
        let ids = try upload(test, ["a", "b"], in: files.path).uploaded.map(\.id)
        try test.vault.write { try $0.deleteDocument(ids[0]) }
        #expect(try test.vault.sweepBlobs().files == 0)
        try test.vault.write { try $0.restoreDocument(ids[0]) }
        #expect(try content(test, ids[0]) == Array("a".utf8))
        try test.vault.write { try $0.purgeDocument(ids[0]) }
        #expect(try test.vault.sweepBlobs().files == 1)
        #expect(try content(test, ids[1]) == Array("b".utf8))
    }

    @Test func storedVersionsNameTheirBlobs() throws {
        let test = try TestVault()
        let files = try TemporaryDirectory()
        #expect(try test.vault.read { try $0.lastChangeSequence() } == 0)
        try write(files("a"), Array("one".utf8))
        let id = try upload(test, ["a"], in: files.path).uploaded[0].id
        try write(files("a"), Array("two".utf8))
        _ = try upload(test, ["a"], in: files.path)
        try write(files("b"), Array("one".utf8))
        let other = try upload(test, ["b"], in: files.path).uploaded[0].id
        try test.vault.write { try $0.deleteDocument(other) }
        let (versions, last) = try test.vault.read { tx in
            var versions: [StoredVersion] = []
            try test.vault.eachStoredVersion(tx) { versions.append($0) }
            return (versions, try tx.lastChangeSequence())
        }
        #expect(versions.map(\.documentID) == [id, id, other] && versions.map(\.number) == [1, 2, 1])
        #expect(versions.map(\.isInTrash) == [false, false, true])
        #expect(versions.map(\.name) == ["a", "a", "b"].map { Array($0.utf8) })
        #expect(versions[0].content == versions[2].content && versions[0].content.reference.size == 3)
        #expect(try versions.allSatisfy { try Files.exists($0.content.path) })
        #expect(last == 4)
        #expect(try test.vault.verifyDocuments() == DocumentVerification(blobs: 2))
        try Durable.remove(versions[1].content.path)
        let found = try test.vault.verifyDocuments()
        #expect(found.failures.count == 1 && found.failures[0].message.contains(id))
    }
}
