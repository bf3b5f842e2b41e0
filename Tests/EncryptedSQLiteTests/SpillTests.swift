import EncryptedSQLite
import GRDB
import TestSupport
import Testing

/// Transactions larger than the page cache: SQLite writes their pages early, overwrites them in place and
/// rewrites checksums at the commit.
@Suite struct SpillTests {
    private func spill(_ vault: TestDatabase, rows: Int, rollBack: Bool = false) throws -> EncryptedPool {
        let pool = try vault.open()
        try pool.pool.writeWithoutTransaction { db in
            try db.execute(sql: "PRAGMA cache_size = 10")
            try db.inTransaction {
                try TestDatabase.insert(db, rows)
                for _ in 0..<3 { try db.execute(sql: "UPDATE note SET body = body || 'x'") }
                return rollBack ? .rollback : .commit
            }
        }
        return pool
    }

    @Test func aSpilledTransactionSurvivesACrash() throws {
        let vault = try TestDatabase()
        try vault.create(rows: 50)
        let pool = try spill(vault, rows: 2000)
        #expect(try vault.crashed().count() == 2050)
        #expect(try pool.verify().isIntact)
        try pool.close()
        #expect(try vault.count() == 2050)
    }

    @Test func theSamePageUpdatedTwiceIsRecovered() throws {
        let vault = try TestDatabase()
        try vault.create(rows: 5)
        let pool = try vault.open()
        for index in 0..<20 {
            try pool.pool.write { db in
                try db.execute(sql: "UPDATE note SET body = 'first \(index)' WHERE id = 1")
                try db.execute(sql: "UPDATE note SET body = 'second \(index)' WHERE id = 1")
                try TestDatabase.insert(db, 1)
            }
        }
        #expect(try vault.crashed().count() == 25)
        try pool.close()
    }

    @Test func aRolledBackSpillLeavesNoFalseAlarm() throws {
        let vault = try TestDatabase()
        try vault.create(rows: 50)
        let pool = try spill(vault, rows: 1500, rollBack: true)
        try pool.pool.write { try TestDatabase.insert($0, 1) }
        #expect(try vault.crashed().count() == 51)
        try pool.close()
    }
}
