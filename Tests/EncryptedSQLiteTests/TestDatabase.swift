import EncryptedSQLite
import FileSystem
import GRDB
import TestSupport
import Testing

/// A database in a directory of its own.
struct TestDatabase {
    let directory: TemporaryDirectory
    let keys: FixedKeys
    /// The directory that this one was copied from stays as long.
    private let origin: TemporaryDirectory?

    init(keys: FixedKeys = FixedKeys(), origin: TemporaryDirectory? = nil) throws {
        directory = try TemporaryDirectory()
        self.origin = origin
        self.keys = keys
    }

    var path: String { directory.path + "/db" }

    /// Makes the database with a table `note (id, body)` and `rows` rows of some 400 bytes.
    func create(rows: Int = 0) throws {
        try EncryptedDatabase.create(at: path, keys: keys) { writer in
            try writer.write { db in
                try db.execute(sql: "CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT)")
                try TestDatabase.insert(db, rows)
            }
        }
    }

    func open(requiresBlinding: Bool = false) throws -> EncryptedPool {
        try EncryptedDatabase.open(at: path, keys: keys, requiresBlinding: requiresBlinding)
    }

    func files() throws -> [String] { try Files.list(directory.path).sorted() }

    static func insert(_ db: Database, _ rows: Int) throws {
        for index in 0..<rows {
            let body = "canary-plaintext " + String(repeating: "\(index) ", count: 100)
            try db.execute(sql: "INSERT INTO note (body) VALUES (?)", arguments: [body])
        }
    }

    /// The state that a crash right now would leave: a copy of the files of an open database.
    func crashed() throws -> TestDatabase {
        let copy = try TestDatabase(keys: keys, origin: directory)
        for name in try files() where name != "db-shm" {
            try TemporaryDirectory.copyTree(directory(name), to: copy.directory(name))
        }
        return copy
    }

    /// Reads everything; the code of what was found wrong, nil when all is well.
    func damage() throws -> EncryptedDatabaseError? {
        do {
            let pool = try open()
            do {
                _ = try pool.pool.read { try String.fetchAll($0, sql: "SELECT body FROM note") }
            } catch {
                let reason = pool.explain(error)
                try? pool.close()
                return try #require(reason as? EncryptedDatabaseError, "\(error)")
            }
            try pool.close()
            return nil
        } catch let error as EncryptedDatabaseError {
            return error
        }
    }

    func count() throws -> Int {
        let pool = try open()
        let count = try pool.pool.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM note") ?? -1 }
        #expect(try pool.pool.read { try String.fetchAll($0, sql: "PRAGMA integrity_check") } == ["ok"])
        try pool.close()
        return count
    }

    // MARK: Tampering

    func bytes(_ name: String, _ count: Int, at offset: Int64) throws -> [UInt8] {
        try File.open(directory(name), .read).read(count: count, at: offset)
    }

    func put(_ name: String, _ bytes: [UInt8], at offset: Int64) throws {
        try File.open(directory(name), .create).write(bytes, at: offset)
    }

    func flip(_ name: String, at offset: Int64) throws {
        let byte = try bytes(name, 1, at: offset)
        try put(name, [byte[0] ^ 1], at: offset)
    }

    func exchange(_ name: String, _ count: Int, _ first: Int64, _ second: Int64) throws {
        let (a, b) = (try bytes(name, count, at: first), try bytes(name, count, at: second))
        try put(name, b, at: first)
        try put(name, a, at: second)
    }

    func cut(_ name: String, to size: Int64) throws {
        try File.open(directory(name), .readWrite).truncate(to: size)
    }

    func size(_ name: String) throws -> Int64 { try #require(try Files.status(directory(name))).size }

    func remove(_ name: String) throws { try Durable.remove(directory(name)) }
}

/// Places in a log on disk.
enum Log {
    static let header: Int64 = 96, frame: Int64 = 4176
    /// Where frame `number`, counted from 1, begins.
    static func offset(_ number: Int64) -> Int64 { header + (number - 1) * frame }
}
