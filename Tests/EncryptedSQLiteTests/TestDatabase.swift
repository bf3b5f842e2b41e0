import EncryptedSQLite
import FileSystem
import GRDB
import TestSupport
import Testing

/// A database in a directory of its own.
struct TestDatabase {
    let directory: TemporaryDirectory
    let keys: FixedKeys

    init(keys: FixedKeys = FixedKeys()) throws {
        directory = try TemporaryDirectory()
        self.keys = keys
    }

    var path: String { directory.path + "/db" }

    /// Makes the database with a table `note (id, body)`.
    func create() throws {
        try EncryptedDatabase.create(at: path, keys: keys) { writer in
            try writer.write {
                try $0.execute(sql: "CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT)")
            }
        }
    }

    func open(requiresBlinding: Bool = false) throws -> EncryptedPool {
        try EncryptedDatabase.open(at: path, keys: keys, requiresBlinding: requiresBlinding)
    }

    func files() throws -> [String] { try Files.list(directory.path).sorted() }
}
