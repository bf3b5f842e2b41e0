import EncryptedSQLite
import GRDB
import TestSupport
import Testing

/// What a tamperer can do to the log of a database that crashed.
@Suite struct LogAttackTests {
    /// 100 rows in the main file, then `commits` transactions of one row each in the log.
    private static func crashed(commits: Int = 6) throws -> (TestDatabase, EncryptedPool, TestDatabase) {
        let vault = try TestDatabase()
        try vault.create(rows: 100)
        let pool = try vault.open()
        for _ in 0..<commits { try pool.pool.write { try TestDatabase.insert($0, 1) } }
        return (vault, pool, try vault.crashed())
    }

    @Test func aCrashLosesNothing() throws {
        let (_, pool, copy) = try LogAttackTests.crashed()
        #expect(try copy.count() == 106)
        try pool.close()
    }

    @Test func aDroppedLogIsARollback() throws {
        let (_, pool, copy) = try LogAttackTests.crashed()
        try copy.remove("db-wal")
        #expect(try copy.damage()?.code == .rollback)
        try pool.close()
    }

    @Test func aStaleLogIsARollback() throws {
        let (vault, pool, copy) = try LogAttackTests.crashed()
        try pool.close()
        let again = try vault.open()
        try again.pool.write { try TestDatabase.insert($0, 1) }
        let newer = try vault.crashed()
        try newer.put("db-wal", copy.bytes("db-wal", Int(copy.size("db-wal")), at: 0), at: 0)
        #expect(try newer.damage()?.code == .rollback)
        try again.close()
        // The same beside the closed database, which has no log at all.
        try vault.put("db-wal", newer.bytes("db-wal", Int(newer.size("db-wal")), at: 0), at: 0)
        #expect(try vault.damage()?.code == .rollback)
        try vault.remove("db-wal")
        #expect(try vault.count() == 107)
    }

    @Test(arguments: [3, 60, 90, 2000, 4170])
    func aFlippedByteBeforeLaterCommitsIsTampered(_ within: Int64) throws {
        let (_, pool, copy) = try LogAttackTests.crashed()
        try copy.flip("db-wal", at: Log.offset(2) + within)
        #expect(try copy.damage()?.code == .tampered)
        try pool.close()
    }

    @Test func damageToTheLastTransactionIsATornTail() throws {
        let (_, pool, copy) = try LogAttackTests.crashed()
        try copy.flip("db-wal", at: copy.size("db-wal") - 100)
        #expect(try copy.count() == 105)
        try pool.close()
    }

    @Test func framesExchangedAreTampered() throws {
        let (_, pool, copy) = try LogAttackTests.crashed()
        try copy.exchange("db-wal", Int(Log.frame), Log.offset(1), Log.offset(3))
        #expect(try copy.damage()?.code == .tampered)
        try pool.close()
    }

    @Test func anOlderRecordOfTheSamePageInANewerFrameIsTampered() throws {
        let (_, pool, copy) = try LogAttackTests.crashed()
        let page = try copy.bytes("db-wal", 4096, at: Log.offset(1) + 80)
        try copy.put("db-wal", page, at: Log.offset(3) + 80)
        #expect(try copy.damage()?.code == .tampered)
        try pool.close()
    }

    @Test func aDamagedHeaderIsTampered() throws {
        for offset: Int64 in [0, 8, 20, 70] {
            let (_, pool, copy) = try LogAttackTests.crashed()
            try copy.flip("db-wal", at: offset)
            #expect(try copy.damage()?.code == .tampered)
            try pool.close()
        }
    }

    @Test func aLogCutAfterACheckpointIsTampered() throws {
        let (vault, pool, _) = try LogAttackTests.crashed()
        try pool.checkpoint()
        let copy = try vault.crashed()
        #expect(try copy.crashed().count() == 106)
        try copy.cut("db-wal", to: Log.offset(3))
        #expect(try copy.damage()?.code == .tampered)
        try pool.close()
    }

    @Test func theLogOfAnotherDatabaseIsRefused() throws {
        let (_, pool, copy) = try LogAttackTests.crashed()
        let (_, other, foreign) = try LogAttackTests.crashed()
        try copy.put("db-wal", foreign.bytes("db-wal", Int(foreign.size("db-wal")), at: 0), at: 0)
        #expect(try copy.damage()?.code == .tampered)
        try pool.close()
        try other.close()
    }

    @Test func everyRecordOfTheLogIsVerified() throws {
        let (vault, pool, _) = try LogAttackTests.crashed()
        let clean = try pool.verify()
        #expect(clean.isIntact)
        #expect(clean.frameCount >= 6)
        try vault.flip("db-wal", at: Log.offset(4) + 500)
        #expect(try pool.verify().damagedFrames == [4])
        try vault.flip("db-wal", at: Log.offset(4) + 500)
        try pool.close()
    }
}
