import EncryptedSQLite
import FileSystem
import Foundation
import TestSupport
import Testing
import Vault

/// What clears up by itself: the trash, the logs, blobs that nothing names.
@Suite struct SweepTests {
    private func upload(_ test: TestVault, _ content: String) throws -> String {
        let files = try TemporaryDirectory()
        try Data(content.utf8).write(to: URL(fileURLWithPath: files("f")))
        return try test.vault.upload([Array("f".utf8)], workingDirectory: Array(files.path.utf8))
            .uploaded[0].id
    }

    private func blobFiles(_ test: TestVault) throws -> [String] {
        let root = test.directory("documents")
        return try Files.list(root).filter { $0.utf8.count == 2 }.flatMap { try Files.list(root + "/" + $0) }
    }

    @Test func aBackupThatRunsKeepsBlobsUntilItEnds() throws {
        let test = try TestVault()
        let id = try upload(test, "one")
        try test.vault.write { try $0.purgeDocument(id) }
        try test.vault.database.withSnapshot { _ in
            let report = try test.vault.sweepBlobs(milliseconds: 10)
            #expect(report.files == 0 && !report.isComplete)
        }
        #expect(try blobFiles(test).count == 1)
        let report = try test.vault.sweepBlobs()
        #expect(report.files == 1 && report.isComplete)
        #expect(try blobFiles(test).isEmpty)
        #expect(try test.vault.read { try $0.statistics().blobs } == 0)
    }

    @Test func whatCrashesLeftGoes() throws {
        let test = try TestVault()
        let id = try upload(test, "kept")
        let root = test.directory("documents")
        let orphan = root + "/zz/zz0000000000000000000000000000000"
        try Files.createDirectory(root + "/zz")
        for path in [orphan, root + "/tmp-0011"] { try Data([1]).write(to: URL(fileURLWithPath: path)) }
        #expect(try test.vault.sweepBlobs().files == 2)
        #expect(try blobFiles(test).count == 1)
        try test.vault.readDocument(id) { _ in }
        #expect(try test.vault.sweepBlobs() == SweepReport())
    }

    @Test func anUploadThatRunsKeepsItsTemporaryFiles() throws {
        let test = try TestVault()
        let root = test.directory("documents")
        try Data([1]).write(to: URL(fileURLWithPath: root + "/tmp-0011"))
        guard let upload = try FileLock.attempt(root + "/uploads.lock", .shared) else {
            throw POSIXError(.EBUSY)
        }
        #expect(try test.vault.sweepBlobs().files == 0)
        upload.release()
        #expect(try test.vault.sweepBlobs().files == 1)
    }

    @Test func aBlobThatAVersionNamesIsNeverSwept() throws {
        let test = try TestVault()
        // Both files are there: neither is the other one renamed.
        let files = try TemporaryDirectory()
        for name in ["a", "b"] { try Data("same".utf8).write(to: URL(fileURLWithPath: files(name))) }
        let both = try test.vault.upload([Array(".".utf8)], workingDirectory: Array(files.path.utf8))
        let (first, second) = (both.uploaded[0].id, both.uploaded[1].id)
        try test.vault.write { try $0.purgeDocument(first) }
        #expect(try test.vault.sweepBlobs().files == 0)
        try test.vault.readDocument(second) { _ in }
        try test.vault.write { try $0.purgeDocument(second) }
        let third = try upload(test, "same")
        #expect(try test.vault.sweepBlobs().files == 0)
        try test.vault.readDocument(third) { _ in }
    }

    @Test func onceADayWhatIsDueGoesByItself() throws {
        let test = try TestVault()
        #expect(try test.vault.maintain() == nil)
        let (document, task) = (try upload(test, "one"), try test.task("old").id)
        try test.vault.write { tx in
            try tx.deleteDocument(document)
            try tx.deleteTask(task)
            for _ in 0..<3 { try tx.log(LogDraft(.info, component: "test", "old line")) }
        }
        let first = try #require(try test.vault.maintain())
        #expect(first.records == 0 && first.logLines == 0 && first.blobs == SweepReport())
        #expect(try test.vault.maintain() == nil)
        test.world.advance(milliseconds: 31 * 86_400_000)
        try test.vault.write { try $0.log(LogDraft(.info, component: "test", "new line")) }
        let second = try #require(try test.vault.maintain())
        #expect(second.records == 2 && second.logLines == 3 && second.blobs.files == 1)
        #expect(try test.vault.read { try $0.logs().count } == 1)
        #expect(try blobFiles(test).isEmpty)
        #expect(try test.vault.maintain() == nil)
        try test.vault.hastenMaintenance()
        #expect(try test.vault.maintain() != nil)
    }
}
