import EncryptedSQLite
import FileSystem
import GRDB
import TestSupport
import Testing

/// Pages go to another epoch in place, while others read and write, and whatever happens in between.
@Suite struct PageRotationTests {
    private static func bodies(_ vault: TestDatabase, keys: FixedKeys? = nil) throws -> [String] {
        let pool = try EncryptedDatabase.open(at: vault.path, keys: keys ?? vault.keys)
        defer { try? pool.close() }
        do {
            return try pool.pool.read { try String.fetchAll($0, sql: "SELECT body FROM note ORDER BY id") }
        } catch { throw pool.explain(error) }
    }

    @Test func afterwardsTheOldKeysOpenNothing() throws {
        let vault = try TestDatabase()
        try vault.create(rows: 4000)
        let before = try Self.bodies(vault)
        vault.keys.advance()
        let onlyNew = FixedKeys(epoch: 2, ringGeneration: 2, forgotten: 1)
        #expect(throws: EncryptedDatabaseError.self) { try Self.bodies(vault, keys: onlyNew) }
        let pool = try vault.open()
        #expect(try pool.pageEpochs().keys.sorted() == [1])
        let result = try pool.rotatePages()
        #expect(result.remaining == 0 && result.rotated == result.pageCount && result.pageCount > 300)
        #expect(try pool.pageEpochs() == [2: result.pageCount])
        #expect(try pool.verify().isIntact)
        // A second time there is nothing to do.
        #expect(try pool.rotatePages().rotated == 0)
        try pool.close()
        try vault.requireFreshness()
        #expect(try vault.files().allSatisfy { !$0.hasSuffix("-rotate") })
        #expect(try Self.bodies(vault, keys: onlyNew) == before)
    }

    @Test func whatWasStoppedGoesOn() throws {
        let vault = try TestDatabase()
        try vault.create(rows: 15_000)
        vault.keys.advance()
        let pool = try vault.open()
        let stopped = try pool.rotatePages(pages: 1024) { _ in false }
        #expect(stopped.rotated == 1024 && stopped.remaining == nil)
        let epochs = try pool.pageEpochs()
        #expect(epochs[2] == 1024 && (epochs[1] ?? 0) > 0)
        #expect(try pool.verify().isIntact)
        let rest = try pool.rotatePages()
        #expect(rest.rotated == epochs[1] && rest.remaining == 0)
        try pool.close()
        #expect(try vault.count() == 15_000)
    }

    @Test func aDamagedPageGetsNoNewTag() throws {
        let vault = try TestDatabase()
        try vault.create(rows: 400)
        try vault.flip("db", at: 5 * 4096 + 100)
        vault.keys.advance()
        let pool = try vault.open()
        let error = #expect(throws: EncryptedDatabaseError.self) { try pool.rotatePages() }
        #expect(error?.code == .tampered && error?.page == 6)
        #expect(try pool.pageEpochs().keys.sorted() == [1])
        try pool.close()
    }

    /// An older page is authentic; encrypted anew it would become the newest.
    @Test func aPageThatWasPutBackIsNotMadeTheNewest() throws {
        for isPutBack in [true, false] {
            let vault = try TestDatabase()
            try vault.create(rows: 400)
            let old = try vault.bytes("db", 4096, at: 9 * 4096)
            let writer = try vault.open()
            try writer.pool.write { try $0.execute(sql: "UPDATE note SET body = 'x' || body") }
            try writer.close()
            #expect(try vault.bytes("db", 4096, at: 9 * 4096) != old)
            if isPutBack { try vault.put("db", old, at: 9 * 4096) }
            vault.keys.advance()
            let pool = try vault.open()
            if isPutBack {
                let error = #expect(throws: EncryptedDatabaseError.self) { try pool.rotatePages() }
                #expect(error?.code == .rollback && error?.page == 10)
            } else {
                #expect(try pool.rotatePages().remaining == 0)
            }
            do { try pool.close() } catch { #expect(isPutBack) }
        }
    }

    /// 3,000 rows, what stood on the disk before they were rotated, and all that the rotation did to it.
    private static func rotated(
        inserting rows: Int
    ) throws -> (vault: TestDatabase, before: TestDatabase, cut: PowerCut) {
        let vault = try TestDatabase()
        try vault.create(rows: 3000)
        let before = try vault.crashed()
        vault.keys.advance()
        let cut = PowerCut()
        try cut.record(below: vault.directory.path) {
            let pool = try vault.open()
            try pool.pool.write { try TestDatabase.insert($0, rows) }
            _ = try pool.rotatePages()
            try pool.close()
        }
        return (vault, before, cut)
    }

    /// The power fails anywhere in the rotation, and pages are torn: all is there afterwards, and nothing is
    /// called tampered.
    @Test func aPowerCutTearsNothing() throws {
        let (vault, before, cut) = try Self.rotated(inserting: 5)
        let start = printedSeed()
        var fromJournal = 0
        for seed in start..<start + 150 {
            var random = SplitMix64(seed: seed)
            let end = Int(random.next() % UInt64(cut.count + 1))
            let copy = try before.crashed()
            try cut.replay(upTo: end, seed: seed, original: vault.directory.path, root: copy.directory.path)
            if try copy.files().contains("db-rotate") { fromJournal += 1 }
            do {
                let rows = try copy.count()
                #expect(rows == 3000 || rows == 3005, "seed \(seed), cut \(end)")
                let pool = try copy.open()
                #expect(try pool.verify().isIntact, "seed \(seed), cut \(end)")
                #expect(try pool.rotatePages().remaining == 0, "seed \(seed), cut \(end)")
                try pool.close()
                try copy.requireFreshness()
                #expect(try copy.files().allSatisfy { !$0.hasSuffix("-rotate") })
            } catch {
                Issue.record("seed \(seed), cut \(end): \(error)")
            }
        }
        #expect(fromJournal > 10)
    }

    /// A state with torn pages and the journal that has them whole.
    private static func torn() throws -> TestDatabase {
        let (vault, before, cut) = try rotated(inserting: 0)
        for seed in 0..<10_000 {
            var random = SplitMix64(seed: UInt64(seed))
            let end = Int(random.next() % UInt64(cut.count + 1))
            let copy = try before.crashed()
            try cut.replay(
                upTo: end, seed: UInt64(seed), original: vault.directory.path, root: copy.directory.path)
            guard try copy.files().contains("db-rotate") else { continue }
            // Without the journal the state is damaged: else the test would show nothing.
            let bare = try copy.crashed()
            try bare.remove("db-rotate")
            if let damage = try bare.damage(), damage.code == .tampered { return copy }
        }
        throw EncryptedDatabaseError(.missing, "no seed tears a page")
    }

    @Test func tornPagesAreReadFromTheJournalWhileSomebodyHoldsTheLock() throws {
        let vault = try Self.torn()
        guard let lock = try FileLock.attempt(vault.directory("db-snapshot"), .exclusive) else {
            Issue.record("somebody holds the lock")
            return
        }
        let pool = try vault.open()
        let count = try pool.pool.read { try String.fetchAll($0, sql: "SELECT body FROM note").count }
        #expect(count == 3000)
        lock.release()
        #expect(try pool.verify().isIntact)
        try pool.close()
    }

    @Test func aJournalThatWasChangedIsNamed() throws {
        let vault = try Self.torn()
        let size = try vault.size("db-rotate")
        for offset in [0, 27, 30, 40, 4000, size - 1] {
            let copy = try vault.crashed()
            try copy.flip("db-rotate", at: offset)
            let damage = try #require(try copy.damage())
            #expect(damage.code == .tampered && damage.message.contains("db-rotate"), "\(offset)")
        }
        // The twin: untouched it is written again, and all is well.
        #expect(try vault.damage() == nil && vault.count() == 3000)
    }

    /// An old journal put back would give back old pages, which authenticate.
    @Test func aJournalThatTheSealDoesNotNameIsNotRead() throws {
        let vault = try Self.torn()
        let kept = try vault.bytes("db-rotate", Int(vault.size("db-rotate")), at: 0)
        let pool = try vault.open()
        try pool.pool.write { try $0.execute(sql: "UPDATE note SET body = 'new ' || id") }
        _ = try pool.rotatePages()
        try pool.close()
        try vault.put("db-rotate", kept, at: 0)
        #expect(try vault.damage() == nil)
        #expect(try Self.bodies(vault).allSatisfy { $0.hasPrefix("new ") })
        let again = try vault.open()
        _ = try again.rotatePages()
        try again.close()
        #expect(try !vault.files().contains("db-rotate"))
    }

    /// Processes that read and write, and one that rotates and is killed again and again.
    @Test func processesGoOnWhileARotationIsKilled() throws {
        var random = SplitMix64(seed: printedSeed())
        let vault = try TestDatabase(keys: FixedKeys())
        try vault.create(rows: 20_000)
        let epochs = vault.directory("epochs")
        try File.open(epochs, .create).write([1], at: 0)
        let workers = try ["a", "b", "c"].map { try WorkerProcess(["database-mix", vault.path, epochs, $0]) }
        for worker in workers { worker.lines { !$0.isEmpty } }
        try File.open(epochs, .create).write([1], at: 1)
        for _ in 0..<stressCount("AI_TEAM_TEST_KILLS", 6) {
            let rotator = try WorkerProcess(["database-rotate", vault.path, epochs, "256"])
            let batches = Int(random.next() % 3) + 1
            rotator.lines { $0.count >= batches }
            rotator.kill()
            _ = rotator.wait()
        }
        let last = try WorkerProcess(["database-rotate", vault.path, epochs])
        #expect(last.lines().last == "remaining 0")
        #expect(last.wait() == 0)
        for worker in workers {
            let before = worker.lines { !$0.isEmpty }.count
            // They are still at it, and nothing failed.
            #expect(worker.lines { $0.count > before }.allSatisfy { Int($0) != nil })
            worker.kill()
            #expect(worker.wait() == -1)
        }
        let keys = FixedKeys(epoch: 2, ringGeneration: 2, forgotten: 1)
        let pool = try EncryptedDatabase.open(at: vault.path, keys: keys)
        #expect(try pool.verify().isIntact)
        #expect(try pool.pool.read { try String.fetchAll($0, sql: "PRAGMA integrity_check") } == ["ok"])
        try pool.close()
    }
}
