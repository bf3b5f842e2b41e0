public import EncryptedSQLite
internal import GRDB

/// An open vault: the one API for data. Every access is a transaction, `read` or `write`; what a `write`
/// returned from is on disk. `close` it when done: the last process to close empties the database's log.
public final class Vault: Sendable {
    /// The home it belongs to; nil in tests that need none.
    public let home: Home?
    /// The encrypted database underneath: snapshots for backups, checks for `doctor`.
    public let database: EncryptedPool
    let origin: Origin
    package let blobs: BlobStore
    package let surroundings: Surroundings
    let ids: IDGenerator

    init(
        encrypted: EncryptedPool, home: Home?, blobs: BlobStore, origin: Origin, surroundings: Surroundings
    ) {
        database = encrypted
        self.home = home
        self.blobs = blobs
        self.origin = origin
        self.surroundings = surroundings
        ids = IDGenerator(surroundings)
    }

    /// Reads at one moment; never waits for writers.
    public func read<T>(_ body: (ReadTransaction) throws -> T) throws -> T {
        try explaining {
            try database.pool.read { db in try body(ReadTransaction(db: db, now: surroundings.now())) }
        }
    }

    /// Writes all or nothing. `actor` is who the change log and histories name.
    @discardableResult
    public func write<T>(actor: String = "user", _ body: (WriteTransaction) throws -> T) throws -> T {
        try explaining {
            try database.pool.write { db in
                let transaction = WriteTransaction(
                    db: db, actor: actor, origin: origin, surroundings: surroundings, ids: ids)
                let result = try body(transaction)
                try transaction.finish()
                return result
            }
        }
    }

    /// Tells what stands behind an error of SQLite's.
    private func explaining<T>(_ body: () throws -> T) throws -> T {
        do { return try body() } catch let error as DatabaseError {
            throw database.explain(error)
        }
    }
}
