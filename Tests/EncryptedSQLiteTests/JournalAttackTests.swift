import EncryptedSQLite
import FileSystem
import GRDB
import TestSupport
import Testing

/// A rollback journal that a tamperer plants: SQLite rolls a database back to what it says, without any key,
/// and removes the super journal that it names.
@Suite struct JournalAttackTests {
    private static func big(_ value: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> UInt32($0)) }
    }

    private static let magic: [UInt8] = [0xD9, 0xD5, 0x05, 0xF9, 0x20, 0xA1, 0x63, 0xD7]

    /// A hot journal that puts back the first pages and cuts the database to them.
    private static func journal(_ pages: [[UInt8]], parent: String?) -> [UInt8] {
        let salt: UInt32 = 7
        let count = UInt32(pages.count)
        var bytes = magic + big(count) + big(salt) + big(count) + big(512) + big(4096)
        bytes += [UInt8](repeating: 0, count: 512 - bytes.count)
        for (index, page) in pages.enumerated() {
            let sum = stride(from: 4096 - 200, to: 0, by: -200).reduce(salt) { $0 &+ UInt32(page[$1]) }
            bytes += big(UInt32(index) + 1) + page + big(sum)
        }
        guard let parent else { return bytes }
        let name = Array(parent.utf8)
        let check = name.reduce(0 as UInt32) { $0 &+ UInt32($1) }
        return bytes + big(262_145) + name + big(UInt32(name.count)) + big(check) + magic
    }

    /// Both pages of a small database.
    private static func pages(_ database: TestDatabase) throws -> [[UInt8]] {
        try #require(database.size("db") == 8192)
        return try [0, 4096].map { try database.bytes("db", 4096, at: $0) }
    }

    /// Plants a journal with older pages beside `database`, and a super journal too.
    private static func plant(_ database: TestDatabase, _ older: [[UInt8]], hasParent: Bool) throws {
        let parent = hasParent ? database.directory("db-mj0123ABCD") : nil
        try database.put("db-journal", journal(older, parent: parent), at: 0)
        if hasParent {
            try database.put("db-mj0123ABCD", Array("\(database.path)-journal\0".utf8), at: 0)
        }
    }

    private static func plain<R>(_ path: String, _ body: (Database) throws -> R) throws -> R {
        let queue = try EncryptedDatabase.plaintextExport(at: path)
        let result = try queue.writeWithoutTransaction(body)
        try queue.close()
        return result
    }

    @Test(arguments: [false, true])
    func aPlantedHotJournalChangesNothing(_ hasParent: Bool) throws {
        let vault = try TestDatabase()
        try vault.create(rows: 2)
        let older = try JournalAttackTests.pages(vault)
        let pool = try vault.open()
        try pool.pool.write { try TestDatabase.insert($0, 40) }
        try pool.close()
        try JournalAttackTests.plant(vault, older, hasParent: hasParent)
        let files = try vault.files()
        let journal = try vault.bytes("db-journal", 1 << 16, at: 0)
        #expect(try vault.count() == 42)
        #expect(try vault.files() == files)
        #expect(try vault.bytes("db-journal", 1 << 16, at: 0) == journal)
    }

    /// The twin: what the same journal does to a database that is not ours.
    @Test(arguments: [false, true])
    func theSameJournalRollsAPlainDatabaseBack(_ hasParent: Bool) throws {
        let vault = try TestDatabase()
        try JournalAttackTests.plain(vault.path) { db in
            try db.execute(sql: "PRAGMA journal_mode = WAL; CREATE TABLE note (id INTEGER PRIMARY KEY, body)")
            try TestDatabase.insert(db, 2)
        }
        let older = try JournalAttackTests.pages(vault)
        try JournalAttackTests.plain(vault.path) { try TestDatabase.insert($0, 40) }
        try JournalAttackTests.plant(vault, older, hasParent: hasParent)
        let count = try JournalAttackTests.plain(vault.path) { db in
            try Int.fetchOne(db, sql: "SELECT count(*) FROM note")
        }
        #expect(count == 2)
        #expect(try !vault.files().contains { $0.hasPrefix("db-mj") || $0 == "db-journal" })
    }
}
