package import EncryptedSQLite
internal import FileSystem

/// The database as it was before a migration: `ai-agent.db-before-migration` and its seal, encrypted as they
/// were. Together they open like any database. They are there while a migration runs, and stay only when one
/// went wrong in a way that its transaction did not notice.
package struct MigrationCopy {
    /// The copy's path.
    package let path: String
    private let database: String

    package init(of database: String) {
        self.database = database
        path = database + "-before-migration"
    }

    private var seal: String { path + EncryptedDatabase.sealSuffix }
    private var unfinished: String { path + "-new" }

    /// Copies the database; in place of an earlier copy. The caller has the home to itself.
    package func make(from pool: EncryptedPool) throws {
        try drop()
        // An empty log and the seal that says so: the copy needs no log of its own.
        guard try pool.checkpoint(empties: true, milliseconds: 10_000) == .complete else {
            throw VaultError(.busy, "the database is in use by others", hint: "try again")
        }
        try pool.withSnapshot { image in
            let file = try File.open(unfinished, .createNew)
            var pages: [UInt8] = []
            var offset: Int64 = 0
            for index in 0..<image.pageCount {
                pages += try image.ciphertext(index + 1)
                guard pages.count >= 1 << 20 || index + 1 == image.pageCount else { continue }
                try file.write(pages, at: offset)
                offset += Int64(pages.count)
                pages.removeAll(keepingCapacity: true)
            }
            try file.sync()
            let sealed = try File.open(seal, .createNew)
            try sealed.write(
                Files.readAll(database + EncryptedDatabase.sealSuffix, limit: 1 << 20), at: 0)
            try sealed.sync()
            try Durable.rename(unfinished, to: path)
            try Durable.syncDirectory(of: path)
        }
    }

    /// Whether anything of a copy is there.
    func isPresent() throws -> Bool {
        for file in [path, unfinished, seal] where try Files.exists(file) { return true }
        return false
    }

    /// Removes the copy, the file that makes it one first.
    package func drop() throws {
        guard try isPresent() else { return }
        for file in [path, unfinished, seal] { try Durable.remove(file) }
        try Durable.syncDirectory(of: path)
    }
}
