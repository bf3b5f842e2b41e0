import EncryptedSQLite
import FileSystem
import GRDB
import TestSupport
import Testing

/// The main file at one commit, lent to backups, and pages outside of SQLite.
@Suite struct SnapshotTests {
    @Test func aSnapshotIsOneCommitWhileWritersGoOn() throws {
        let vault = try TestDatabase()
        try vault.create(rows: 300)
        let pool = try vault.open()
        try pool.pool.write { try TestDatabase.insert($0, 50) }
        let copy = try TestDatabase(keys: vault.keys)
        try pool.withSnapshot { image in
            let before = try image.map()
            try pool.pool.write { try TestDatabase.insert($0, 500) }
            #expect(try pool.checkpoint(milliseconds: 50) == .busy)
            #expect(try image.map() == before)
            let sealer = PageSealer(keys: vault.keys, databaseID: image.databaseID)
            for index in 0..<image.pageCount {
                let plain = try image.plaintext(index + 1)
                let tag = before.tags[Int(index)]
                let sealed = try sealer.seal(plain, number: index + 1, as: tag)
                #expect(try sealed == image.ciphertext(index + 1))
                #expect(throws: EncryptedDatabaseError.self) {
                    _ = try sealer.seal(plain, number: index + 2, as: tag)
                }
                try copy.put("plain", plain, at: Int64(index) * 4096)
            }
        }
        try pool.close()
        #expect(try vault.count() == 850)
        // The opened pages are a plain SQLite database in WAL mode.
        let plain = try EncryptedDatabase.plaintextExport(at: copy.directory("plain"))
        #expect(try plain.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM note") } == 350)
        try plain.close()
    }

    @Test func theRootIsThatOfItsDefinition() throws {
        let tags = (0..<600).map { index in
            PageTag(encoded: (0..<44).map { UInt8(($0 * 7 + index) & 0xFF) }) ?? .none
        }
        let identity = [UInt8](repeating: 7, count: 16)
        let map = PageMap(databaseID: identity, counter: 5, tags: tags)
        #expect(map.root().count == 32)
        for changed in [0, 255, 256, 599] {
            var other = tags
            other[changed] = .none
            #expect(PageMap(databaseID: identity, counter: 5, tags: other).root() != map.root())
        }
        var swapped = tags
        swapped.swapAt(1, 400)
        #expect(PageMap(databaseID: identity, counter: 5, tags: swapped).root() != map.root())
        #expect(PageMap(databaseID: identity, counter: 6, tags: tags).root() != map.root())
        #expect(PageMap(databaseID: identity, counter: 5, tags: tags.dropLast()).root() != map.root())
    }

    @Test func pagesOfTwoEpochsLiveTogether() throws {
        let vault = try TestDatabase()
        try vault.create(rows: 300)
        vault.keys.advance()
        let pool = try vault.open()
        try pool.pool.write { try $0.execute(sql: "UPDATE note SET body = 'new' WHERE id = 1") }
        let epochs = try pool.withSnapshot { Set(try $0.map().tags.map(\.epoch)) }
        #expect(epochs == [1, 2])
        try pool.close()
        #expect(try vault.count() == 300)
    }

    @Test func noFileHoldsPlaintext() throws {
        let vault = try TestDatabase()
        try vault.create(rows: 100)
        let pool = try vault.open()
        try pool.pool.writeWithoutTransaction { db in
            try db.execute(sql: "PRAGMA cache_size = 10")
            try db.inTransaction {
                try TestDatabase.insert(db, 500)
                return .commit
            }
        }
        for name in try vault.files() where name != "db-shm" {
            let bytes = try Files.readAll(vault.directory(name), limit: 1 << 26)
            #expect(bytes.firstRange(of: Array("canary-plaintext".utf8)) == nil, "\(name)")
            #expect(bytes.firstRange(of: Array("SQLite format".utf8)) == nil, "\(name)")
        }
        try pool.close()
    }
}
