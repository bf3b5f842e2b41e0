import EncryptedSQLite
import FileSystem
import GRDB
import TestSupport
import Testing

/// What is authentic, but not the newest: pages and files that were put back. Each has its twin in
/// `anHonestLifeIsQuiet`, which does the same and puts nothing back.
@Suite struct FreshnessTests {
    private static let page: Int64 = 4096

    /// A closed database and a copy of it from before every row was changed.
    private static func twoStates() throws -> (now: TestDatabase, before: TestDatabase) {
        let vault = try TestDatabase()
        try vault.create(rows: 300)
        let before = try vault.crashed()
        try change(vault, "one")
        return (vault, before)
    }

    private static func change(_ vault: TestDatabase, _ text: String) throws {
        let pool = try vault.open()
        try pool.pool.write { try $0.execute(sql: "UPDATE note SET body = body || ?", arguments: [text]) }
        try pool.close()
    }

    private static func verify(_ vault: TestDatabase) throws -> DatabaseVerification {
        let pool = try vault.open()
        let found = try pool.verify()
        try pool.close()
        return found
    }

    private static func putBack(_ name: String, of before: TestDatabase, into vault: TestDatabase) throws {
        if try vault.files().contains(name) { try vault.remove(name) }
        try vault.put(name, before.bytes(name, Int(before.size(name)), at: 0), at: 0)
    }

    @Test func anHonestLifeIsQuiet() throws {
        let (vault, before) = try Self.twoStates()
        #expect(try Self.verify(vault).isIntact)
        #expect(try Self.verify(before).isIntact)
        try vault.requireFreshness()
        try Self.change(vault, "two")
        try vault.requireFreshness()
    }

    @Test func aPagePutBackIsNamed() throws {
        let (vault, before) = try Self.twoStates()
        try vault.put("db", before.bytes("db", 4096, at: 6 * Self.page), at: 6 * Self.page)
        for _ in 0..<2 {
            let found = try Self.verify(vault)
            #expect(found.replacedPages == [7])
            #expect(found.damagedPages.isEmpty && !found.isOtherState)
        }
        // A checkpoint that does not write the page does not make it the newest.
        let pool = try vault.open()
        try pool.pool.write { try $0.execute(sql: "CREATE TABLE other (id INTEGER)") }
        try pool.checkpoint(empties: true)
        #expect(try pool.verify().replacedPages == [7])
        #expect(throws: EncryptedDatabaseError.self) {
            try pool.withSnapshot { try $0.requireNewest($0.map().root()) }
        }
        try pool.close()
    }

    @Test func withoutTheListAPagePutBackStopsCheckpoints() throws {
        let (vault, before) = try Self.twoStates()
        try vault.put("db", before.bytes("db", 4096, at: 6 * Self.page), at: 6 * Self.page)
        try vault.remove("db-tags")
        let pool = try vault.open()
        let found = try pool.verify()
        #expect(found.isOtherState && found.replacedPages.isEmpty)
        try pool.pool.write { try TestDatabase.insert($0, 1) }
        let error = #expect(throws: EncryptedDatabaseError.self) { try pool.checkpoint() }
        #expect(error?.code == .rollback)
        #expect(throws: EncryptedDatabaseError.self) { try pool.close() }
    }

    @Test func aLostOrDamagedListIsMadeAnew() throws {
        for damage in 0..<4 {
            let (vault, before) = try Self.twoStates()
            switch damage {
            case 0: try vault.remove("db-tags")
            case 1: try vault.flip("db-tags", at: 9)
            case 2: try vault.flip("db-tags", at: 4096 + 5)
            default: try Self.putBack("db-tags", of: before, into: vault)
            }
            #expect(try Self.verify(vault).isIntact)
            try Self.change(vault, "two")
            try vault.requireFreshness()
        }
    }

    @Test func aFlippedTagInTheListIsNoticedBeforeItIsLeantOn() throws {
        let (vault, _) = try Self.twoStates()
        try vault.flip("db-tags", at: 4096 + 128 * 32 + 6 * 44 + 10)
        #expect(try Self.verify(vault).isIntact)
        try Self.change(vault, "two")
        try vault.requireFreshness()
    }

    @Test(arguments: [true, false])
    func aMainFileRolledBackIsNamed(_ withList: Bool) throws {
        let (vault, before) = try Self.twoStates()
        try #require(try vault.size("db") == before.size("db"))
        try Self.putBack("db", of: before, into: vault)
        if !withList { try vault.remove("db-tags") }
        let found = try Self.verify(vault)
        #expect(withList ? found.replacedPages.count > 10 : found.isOtherState)
    }

    @Test(arguments: [true, false])
    func sealAndLogRolledBackUnderANewerMainFileAreNamed(_ withList: Bool) throws {
        let vault = try TestDatabase()
        try vault.create(rows: 300)
        let pool = try vault.open()
        try pool.pool.write { try TestDatabase.insert($0, 3) }
        let before = try vault.crashed()
        #expect(try Self.verify(before.crashed()).isIntact)
        try pool.pool.write { try $0.execute(sql: "UPDATE note SET body = body || 'later'") }
        try pool.close()
        for name in ["db-seal", "db-wal"] + (withList ? ["db-tags"] : []) {
            try Self.putBack(name, of: before, into: vault)
        }
        let again = try vault.open()
        let found = try again.verify()
        #expect(withList ? found.replacedPages.count > 10 : found.isOtherState)
        if !withList {
            let error = #expect(throws: EncryptedDatabaseError.self) { try again.checkpoint() }
            #expect(error?.code == .rollback)
        }
    }

    /// A database that an older program wrote has no root yet.
    @Test func aDatabaseWithoutARootGetsOneAtTheFirstCheckpoint() throws {
        let (vault, before) = try Self.twoStates()
        try SealEditor.removeRoot(of: vault)
        try vault.remove("db-tags")
        #expect(try Self.verify(vault).isIntact)
        try Self.change(vault, "two")
        try vault.requireFreshness()
        // From then on it counts.
        try vault.put("db", before.bytes("db", 4096, at: 6 * Self.page), at: 6 * Self.page)
        #expect(try Self.verify(vault).replacedPages == [7])
    }

    @Test func aBackupGivesADatabaseWithoutARootItsRoot() throws {
        let (vault, _) = try Self.twoStates()
        try SealEditor.removeRoot(of: vault)
        try vault.requireFreshness()
    }

    /// A reader stops a checkpoint half-way.
    ///
    /// - Parameters:
    ///   - whileReading: is given the database and a copy with the main file from before that checkpoint.
    ///   - afterwards: runs when the reader is gone.
    private static func halfCheckpoint(
        whileReading: (TestDatabase, TestDatabase) throws -> Void = { _, _ in },
        afterwards: (TestDatabase, EncryptedPool) throws -> Void = { _, _ in }
    ) throws {
        let vault = try TestDatabase()
        try vault.create(rows: 300)
        // Now: who looks at the file of an open database by its path drops SQLite's locks.
        let before = try vault.crashed()
        let (pool, reader) = (try vault.open(), try vault.open())
        try pool.pool.write { try $0.execute(sql: "UPDATE note SET body = body || 'a' WHERE id < 200") }
        try reader.pool.read { db in
            _ = try Int.fetchOne(db, sql: "SELECT count(*) FROM note")
            try pool.pool.write { try $0.execute(sql: "UPDATE note SET body = body || 'b' WHERE id > 150") }
            #expect(try pool.checkpoint(milliseconds: 20) == .partial)
            #expect(try pool.verify().isIntact)
            try whileReading(vault, before)
        }
        // Its own way of closing would checkpoint.
        try reader.pool.close()
        try afterwards(vault, pool)
        try pool.close()
    }

    @Test func aHalfCheckpointIsFinishedByAnotherProcess() throws {
        try Self.halfCheckpoint(afterwards: { vault, _ in
            let worker = try WorkerProcess(["database-checkpoint", vault.path, "1"])
            let lines = worker.lines()
            try #require(worker.wait() == 0, "\(lines)")
            try vault.requireFreshness()
        })
    }

    @Test func aPageOfAHalfCheckpointThatIsPutBackIsNamed() throws {
        var (place, old, new): (Int64, [UInt8], [UInt8]) = (0, [], [])
        try Self.halfCheckpoint { vault, before in
            for number in try 1..<before.size("db") / Self.page where new == old {
                place = number * Self.page
                (old, new) = (try before.bytes("db", 4096, at: place), try vault.bytes("db", 4096, at: place))
            }
            try #require(new != old)
        } afterwards: { vault, pool in
            try vault.put("db", old, at: place)
            let error = #expect(throws: EncryptedDatabaseError.self) { try pool.checkpoint() }
            #expect(error?.code == .rollback && error?.page == UInt32(place / Self.page) + 1)
            // With what belongs there the checkpoint goes through.
            try vault.put("db", new, at: place)
            #expect(try pool.checkpoint() == .complete)
            #expect(try pool.verify().isIntact)
        }
    }

    @Test func whileACheckpointIsOpenALostListProvesNothing() throws {
        try Self.halfCheckpoint(
            whileReading: { vault, _ in
                let copy = try vault.crashed()
                #expect(try Self.verify(copy.crashed()).isIntact)
                try copy.crashed().requireFreshness()
                try copy.remove("db-tags")
                let pool = try copy.open()
                #expect(try pool.verify().isOtherState)
                let error = #expect(throws: EncryptedDatabaseError.self) { try pool.checkpoint() }
                #expect(error?.code == .rollback)
            })
    }
}
