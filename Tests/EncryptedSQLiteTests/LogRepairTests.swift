import EncryptedSQLite
import GRDB
import TestSupport
import Testing

/// What the doctor can do for a database whose log was tampered with.
@Suite struct LogRepairTests {
    /// A crash with 100 rows in the main file and six transactions of one row each in the log.
    private func crashed() throws -> TestDatabase {
        let vault = try TestDatabase()
        try vault.create(rows: 100)
        let pool = try vault.open()
        for _ in 0..<6 { try pool.pool.write { try TestDatabase.insert($0, 1) } }
        let copy = try vault.crashed()
        try pool.close()
        return copy
    }

    private func damage(_ vault: TestDatabase) throws -> LogDamage? {
        try EncryptedDatabase.logDamage(at: vault.path, keys: vault.keys)
    }

    private func cut(_ vault: TestDatabase) throws {
        try EncryptedDatabase.cutDamagedLog(at: vault.path, keys: vault.keys)
    }

    @Test func aWholeLogIsLeftAlone() throws {
        let copy = try crashed()
        #expect(try damage(copy) == nil)
        try cut(copy)
        #expect(try copy.count() == 106)
    }

    @Test func theLogIsCutBehindTheLastWholeTransaction() throws {
        let copy = try crashed()
        let frames = (try copy.size("db-wal") - Log.header) / Log.frame
        try copy.flip("db-wal", at: Log.offset(frames / 2) + 500)
        let log = try copy.bytes("db-wal", Int(copy.size("db-wal")), at: 0)
        let found = try #require(try damage(copy))
        #expect(found.canBeCut && Int64(found.frames) == frames && Int64(found.keptFrames) < frames / 2)
        #expect(found.lostTransactions > 0)
        #expect(try copy.bytes("db-wal", log.count, at: 0) == log)
        #expect(try copy.damage()?.code == .tampered)
        try cut(copy)
        let rows = try copy.count()
        #expect(rows >= 100 && rows < 106 - Int(found.lostTransactions))
        #expect(try damage(copy) == nil)
    }

    @Test func withoutItsLogTheDatabaseIsAsItWasDrained() throws {
        let copy = try crashed()
        try copy.remove("db-wal")
        let found = try #require(try damage(copy))
        #expect(found.canBeCut && found.frames == 0)
        try cut(copy)
        #expect(try copy.count() == 100)
    }

    @Test func aForeignLogBesideADrainedDatabaseGoes() throws {
        let closed = try crashed()
        let old = try closed.bytes("db-wal", Int(closed.size("db-wal")), at: 0)
        let pool = try closed.open()
        try pool.pool.write { try TestDatabase.insert($0, 1) }
        try pool.checkpoint(empties: true)
        try pool.pool.write { try TestDatabase.insert($0, 1) }
        try pool.close()
        try closed.put("db-wal", old, at: 0)
        #expect(try damage(closed)?.keptFrames == 0)
        try cut(closed)
        #expect(try closed.count() == 108)
    }

    @Test func whatACheckpointCopiedCantBeCutAway() throws {
        let vault = try TestDatabase()
        try vault.create(rows: 100)
        let pool = try vault.open()
        for _ in 0..<6 { try pool.pool.write { try TestDatabase.insert($0, 1) } }
        // A reader keeps the log from being begun anew.
        let copy = try pool.pool.read { db in
            _ = try Int.fetchOne(db, sql: "SELECT count(*) FROM note")
            try pool.checkpoint()
            for _ in 0..<3 { try pool.pool.write { try TestDatabase.insert($0, 1) } }
            return try vault.crashed()
        }
        try pool.close()
        try copy.flip("db-wal", at: Log.offset(1) + 500)
        #expect(try damage(copy)?.canBeCut == false)
        #expect(throws: (any Error).self) { try cut(copy) }
        #expect(try copy.damage()?.code == .tampered)
    }

    @Test func otherDamageIsNotTheLogs() throws {
        let copy = try crashed()
        try copy.flip("db-seal", at: 60)
        try copy.flip("db-seal", at: 4096 + 60)
        #expect(throws: EncryptedDatabaseError.self) { try damage(copy) }
    }
}
