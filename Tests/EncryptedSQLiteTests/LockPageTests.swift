import EncryptedSQLite
import FileSystem
import GRDB
import TestSupport
import Testing

/// A database of more than 1 GiB: page 262,145, where SQLite's lock bytes stand, does not exist.
@Suite struct LockPageTests {
    private static let lockPage: UInt32 = 262_145

    /// Grows to a few pages less than 1 GiB with pages that SQLite writes once, then past the lock page.
    private static func grown() throws -> TestDatabase {
        let vault = try TestDatabase()
        try vault.create(rows: 10)
        let pool = try vault.open()
        for _ in 0..<20 {
            try pool.pool.write {
                try $0.execute(sql: "INSERT INTO note (body) VALUES (zeroblob(53600000))")
            }
        }
        try pool.pool.write { try TestDatabase.insert($0, 5000) }
        try pool.close()
        return vault
    }

    @Test func aDatabaseBeyondTheLockPageIsWholeAndGuarded() throws {
        let vault = try LockPageTests.grown()
        let offset = Int64(LockPageTests.lockPage - 1) * 4096
        try #require(vault.size("db") > offset + 100 * 4096)
        let zeros = [UInt8](repeating: 0, count: 4096)
        #expect(try vault.bytes("db", 4096, at: offset) == zeros)

        let pool = try vault.open()
        #expect(try pool.verify().isIntact)
        let tags = try pool.withSnapshot { image in
            (try image.tag(LockPageTests.lockPage), try image.tag(LockPageTests.lockPage + 1))
        }
        #expect(tags.0 == .none && tags.1 != .none)
        let text = "SELECT count(*) FROM note WHERE typeof(body) = 'text' AND body LIKE 'canary%'"
        #expect(try pool.pool.read { try Int.fetchOne($0, sql: text) } == 5010)

        // Bytes in the page that does not exist are reported, and nothing reads them; any other page of zeros
        // is damage.
        let next = try vault.bytes("db", 4096, at: offset + 4096)
        try vault.put("db", [1], at: offset + 77)
        try vault.put("db", zeros, at: offset + 4096)
        #expect(try pool.verify().damagedPages == [LockPageTests.lockPage, LockPageTests.lockPage + 1])
        try vault.put("db", next, at: offset + 4096)
        #expect(try pool.pool.read { try Int.fetchOne($0, sql: text) } == 5010)
        try pool.close()
    }
}
