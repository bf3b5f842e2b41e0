import EncryptedSQLite
import FileSystem
import Foundation
import GRDB
import TestSupport
import Testing
import Vault

/// A vault that a later program opens, and the earlier one afterwards.
@Suite struct MigrationTests {
    private static let later = Schema.current
        .adding(
            "later-1",
            sql: "ALTER TABLE task ADD COLUMN estimate INTEGER; CREATE TABLE extra(id INTEGER)")
        .adding("later-2", sql: "INSERT INTO extra SELECT row FROM task")

    private func copies(_ directory: String) throws -> [String] {
        try Files.list(directory).filter { $0.contains("before-migration") }
    }

    /// Everything of a home but what locking makes, with its bytes.
    private func content(_ root: String) throws -> [String: [UInt8]] {
        var found: [String: [UInt8]] = [:]
        for name in try FileManager.default.subpathsOfDirectory(atPath: root) {
            guard let status = try Files.status(root + "/" + name), status.kind == .regular else { continue }
            found[name] = try Files.readAll(root + "/" + name, limit: 1 << 24)
        }
        return found
    }

    @Test func aLaterProgramBringsAVaultUpToDateAndTheEarlierOneLeavesItAlone() throws {
        let made = try VaultHome()
        let vault = try made.open()
        let id = try vault.write { try $0.createTask(TaskDraft(title: "old")).id }
        try vault.close()
        for _ in 0..<2 {
            let new = try made.open(MigrationTests.later)
            #expect(try new.read { try $0.task(id).title } == "old")
            #expect(try new.database.pool.read { try Int.fetchOne($0, sql: "SELECT id FROM extra") } == 1)
            #expect(try copies(made.home.databaseDirectory).isEmpty)
            try new.close()
        }
        let before = try content(made.home.path)
        expect(.newerFormat) { try made.open() }
        #expect(try content(made.home.path) == before)
    }

    @Test func nobodyElseMayHaveTheVaultOpen() throws {
        let made = try VaultHome()
        let old = try made.open()
        expect(.busy) { try made.open(MigrationTests.later) }
        try old.close()
        let new = try made.open(MigrationTests.later)
        try made.open(MigrationTests.later).close()
        try new.close()
    }

    @Test func twoAtOnceMigrateOnce() throws {
        let made = try VaultHome()
        DispatchQueue.concurrentPerform(iterations: 4) { _ in
            do {
                try made.open(MigrationTests.later, timeout: .seconds(60)).close()
            } catch { Issue.record("\(error)") }
        }
        let new = try made.open(MigrationTests.later)
        #expect(try new.database.pool.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM extra") } == 0)
        try new.close()
    }

    @Test func aStepThatFailsChangesNothing() throws {
        let made = try VaultHome()
        try made.open().write { _ in }
        let broken = MigrationTests.later.adding("later-3", sql: "INSERT INTO nothing VALUES (1)")
        #expect(throws: (any Error).self) { try made.open(broken) }
        #expect(try copies(made.home.databaseDirectory).isEmpty)
        try made.open().close()
    }

    @Test func theCopyOpensByItself() throws {
        let test = try TestVault()
        let id = try test.task("in the copy").id
        let copy = MigrationCopy(of: test.directory("ai-agent.db"))
        try copy.make(from: test.vault.database)
        try test.task("later")
        let opened = try test.open(at: copy.path)
        #expect(try opened.read { try $0.tasks().items.map(\.id) } == [id])
        try opened.close()
        try copy.drop()
        #expect(
            try copies(test.directory.path)
                == ["gate", "snapshot", "turnstile"].map {
                    "ai-agent.db-before-migration-\($0)"
                })
    }

    @Test func aPowerCutLeavesTheOldOrTheNew() throws {
        let test = try TestVault()
        let id = try test.task("kept").id
        try test.vault.close()
        let before = try TemporaryDirectory()
        try TemporaryDirectory.copyTree(test.directory.path, to: before("state"))
        let cut = PowerCut()
        try cut.record(below: test.directory.path) {
            try test.open(at: test.directory("ai-agent.db"), MigrationTests.later).close()
        }
        let start = UInt64.random(in: 0...1 << 40)
        print("seeds from \(start), \(cut.count) events")
        for seed in start..<start + 40 {
            var random = SplitMix64(seed: seed)
            let root = before("cut-\(seed)")
            try TemporaryDirectory.copyTree(before("state"), to: root)
            let end = Int(random.next() % UInt64(cut.count + 1))
            try cut.replay(upTo: end, seed: seed, original: test.directory.path, root: root)
            do {
                do { try test.open(at: root + "/ai-agent.db").close() } catch let error as VaultError {
                    #expect(error.code == .newerFormat, "seed \(seed), cut \(end)")
                }
                let new = try test.open(at: root + "/ai-agent.db", MigrationTests.later)
                #expect(try new.read { try $0.task(id).title } == "kept", "seed \(seed)")
                try new.close()
                #expect(try copies(root).isEmpty, "seed \(seed), cut \(end)")
            } catch { Issue.record("seed \(seed), cut \(end): \(error)") }
            try Files.removeTree(root)
        }
    }
}
