import EncryptedSQLite
import GRDB
import TestSupport
import Testing

/// The 16 random bytes without which SQLite's checksum in `-shm` tells about the pages.
@Suite struct BlindingTests {
    @Test func aTransactionWithoutRandomBytesIsRefused() throws {
        let vault = try TestDatabase()
        try vault.create()
        let pool = try vault.open(requiresBlinding: true)
        let error = #expect(throws: DatabaseError.self) {
            try pool.pool.write { try TestDatabase.insert($0, 1) }
        }
        let reason = try pool.explain(#require(error)) as? EncryptedDatabaseError
        #expect(reason?.code == .unblinded)
        #expect(throws: DatabaseError.self) {
            try pool.pool.write { try $0.execute(sql: "CREATE TABLE t (a)") }
        }
        try pool.pool.write { db in
            try db.execute(sql: "INSERT INTO note (body) VALUES (hex(blind()))")
        }
        try pool.pool.write { db in
            let bytes = try EncryptedDatabase.blind(db)
            #expect(bytes.count == 16)
            try db.execute(sql: "INSERT INTO note (body) VALUES (?)", arguments: [bytes.description])
        }
        try pool.exempt { try $0.write { try $0.execute(sql: "CREATE TABLE t (a)") } }
        try pool.pool.write { _ in }
        #expect(try pool.pool.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM note") } == 2)
        try pool.close()
    }

    /// The checksum in `-shm` after the same transaction on two copies of one crashed database.
    private func checksums(_ sql: String) throws -> [[UInt8]] {
        let vault = try TestDatabase()
        try vault.create(rows: 3)
        let pool = try vault.open()
        try pool.pool.write { try TestDatabase.insert($0, 1) }
        let sums = try (0..<2).map { _ in
            let copy = try vault.crashed()
            let own = try copy.open()
            try own.pool.write { try $0.execute(sql: sql) }
            let sum = try copy.bytes("db-shm", 8, at: 24)
            try own.close()
            return sum
        }
        try pool.close()
        return sums
    }

    @Test func theChecksumTellsNothingWithThemAndEverythingWithout() throws {
        let open = try checksums("INSERT INTO note (body) VALUES ('PIN 4711')")
        #expect(open[0] == open[1])
        let blinded = try checksums("INSERT INTO note (body) VALUES ('PIN 4711' || hex(blind()))")
        #expect(blinded[0] != blinded[1])
    }
}
