import Cryptography
import EncryptedSQLite
import FileSystem
import KeyRing
import TestSupport
import Testing
import Vault

/// Documents that are encrypted anew under another epoch.
@Suite(.serialized) struct ReencryptionTests {
    private let made: VaultHome

    init() throws { made = try VaultHome() }

    private func upload(_ vault: Vault, _ count: Int, _ name: String = "file") throws {
        let folder = made.directory("files")
        try Files.createDirectory(folder)
        var paths: [[UInt8]] = []
        for number in 0..<count {
            let path = "\(folder)/\(name)\(number)"
            let file = try File.open(path, .create)
            try file.write(madeBytes(seed: UInt64(number), count: 100 + number * 37 % 40_000), at: 0)
            paths.append(Array(path.utf8))
        }
        let report = try vault.upload(paths, workingDirectory: Array(folder.utf8))
        #expect(report.failed.isEmpty)
    }

    @discardableResult
    private func beginEpoch() throws -> UnlockedKeys {
        try KeyRing.beginEpoch(in: made.home.keysDirectory, keys: made.keys(), time: 9)
    }

    private func names() throws -> Set<String> {
        let folder = made.home.documentsDirectory
        var names: Set<String> = []
        for part in try Files.list(folder) where part.utf8.count == 2 {
            names.formUnion(try Files.list("\(folder)/\(part)"))
        }
        return names
    }

    @Test func nothingStaysUnderTheOldEpoch() throws {
        let vault = try made.open()
        try upload(vault, 5)
        let before = try names()
        try beginEpoch()
        let done = try vault.reencryptBlobs()
        #expect(done.blobs == 5)
        #expect(try vault.read { try $0.blobEpochs() }.map(\.epoch) == [2])
        #expect(try names().isDisjoint(with: before) && names().count == 5)
        let found = try vault.verifyDocuments()
        #expect(found.failures.isEmpty && found.blobs == 5)
        #expect(try vault.reencryptBlobs().blobs == 0)
        try vault.close()
    }

    @Test func aDamagedContentIsNotGivenANewTag() throws {
        let vault = try made.open()
        try upload(vault, 3)
        let name = try #require(try names().sorted().first)
        let path = "\(made.home.documentsDirectory)/\(name.prefix(2))/\(name)"
        var bytes = try Files.readAll(path, limit: 1 << 20)
        bytes[bytes.count - 1] ^= 1
        try Durable.replace(path, with: bytes)
        try beginEpoch()
        expect(.integrityFailure) { try vault.reencryptBlobs() }
        #expect(try vault.read { try $0.blobEpochs() }.map(\.epoch) == [1])
        // The twin: whole again, it goes.
        bytes[bytes.count - 1] ^= 1
        try Durable.replace(path, with: bytes)
        #expect(try vault.reencryptBlobs().blobs == 3)
        try vault.close()
    }

    /// kill -9 anywhere: everything is there, under one epoch or the other, and the next run ends it.
    @Test func aKillLosesNothingAndTheNextRunGoesOn() throws {
        var random = SplitMix64(seed: printedSeed())
        let vault = try made.open()
        try upload(vault, 300)
        try vault.close()
        for round in 1...stressCount("AI_TEAM_TEST_KILLS", 3) {
            try beginEpoch()
            let worker = try WorkerProcess(["vault-reencrypt", made.root])
            let lines = Int(random.next() % 5)
            worker.lines { $0.count > lines }
            worker.kill()
            _ = worker.wait()
            let again = try made.open()
            #expect(try again.database.verify().isIntact, "round \(round)")
            #expect(try again.verifyDocuments().failures.isEmpty)
            #expect(try again.verifyDocuments().blobs == 300)
            #expect(try again.database.rotatePages().remaining == 0)
            _ = try again.reencryptBlobs()
            try again.sweepBlobs()
            let epoch = again.database.currentEpoch
            #expect(try again.database.pageEpochs().keys.sorted() == [epoch])
            #expect(try again.read { try $0.blobEpochs() }.map(\.epoch) == [epoch])
            #expect(try names().count == 300)
            try again.close()
        }
    }

    @Test func anUploadBesideItIsNotLost() throws {
        let vault = try made.open()
        try upload(vault, 200)
        try beginEpoch()
        let other = try made.open()
        var isFirst = true
        let done = try vault.reencryptBlobs { _ in
            guard isFirst else { return true }
            isFirst = false
            do {
                // The same contents once more, and new versions of known documents.
                try upload(other, 20, "again")
                try upload(other, 4)
            } catch { Issue.record(error) }
            return true
        }
        #expect(done.blobs >= 200)
        #expect(try vault.read { try $0.blobEpochs() }.map(\.epoch) == [2])
        #expect(try vault.verifyDocuments().failures.isEmpty)
        try other.close()
        try vault.close()
    }

    @Test func theJobIsRememberedAndItsSpeed() throws {
        let vault = try made.open()
        #expect(try vault.read { try $0.reencryptionJob() } == nil)
        var job = ReencryptionJob(epoch: 2, startedAt: Timestamp(milliseconds: 5))
        job.pages.count = 100
        job.pages.milliseconds = 50
        job.step = .documents
        job.failure = "a \"quoted\" reason"
        job.failedAt = Timestamp(milliseconds: 7)
        try vault.write { try $0.setReencryptionJob(job) }
        #expect(try vault.read { try $0.reencryptionJob() } == job)
        #expect(job.pages.milliseconds(for: 1000) == 500)
        #expect(job.bytes.milliseconds(for: 1) == nil)
        try vault.close()
    }

    @Test func pagesUnderARetiredEpochAreRefused() throws {
        let directory = made.home.keysDirectory
        let vault = try made.open()
        try vault.write { try $0.createTask(TaskDraft(title: "one")) }
        try vault.close()
        try beginEpoch()
        let live = LiveKeys(try made.keys(), in: directory)
        _ = try live.databaseKey(purpose: "page", epoch: 1)
        // The command looks first whether pages are left; who retires too early is told by the first page.
        let keys = try KeyRing.retire(epoch: 1, in: directory, keys: made.keys(), time: 10)
        _ = try live.reload() as UnlockedKeys
        #expect(throws: KeyError.self) { _ = try live.databaseKey(purpose: "page", epoch: 1) }
        _ = try live.databaseKey(purpose: "page", epoch: 2)
        // History and old backups are read by the keys themselves.
        _ = try keys.databaseKey(purpose: "page", epoch: 1)
        #expect(throws: EncryptedDatabaseError.self) { try made.open() }
        // After a restore pages of that time count, until it is retired again.
        let origin = BackupOrigin(
            device: keys.device, incarnation: 0, sequence: 1, manifestHash: [UInt8](repeating: 1, count: 32))
        let restored = try KeyRing.recordRestored(from: origin, in: directory, keys: keys, time: 11)
        let opened = try made.open()
        #expect(try opened.database.rotatePages().remaining == 0)
        try opened.close()
        _ = try KeyRing.retire(epoch: 1, in: directory, keys: restored, time: 12)
        try made.open().close()
    }
}
