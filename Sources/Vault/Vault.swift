public import EncryptedSQLite
internal import GRDB
public import KeyRing
internal import Synchronization

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
    /// The keys as the home's ring has them now; nil without a home.
    private let liveKeys: LiveKeys?
    /// Keeps a restore out for as long as the vault is open.
    private let inUse: Mutex<HomeLock?>
    /// Whether this process has written through this vault.
    let hasWritten = Atomic(false)

    init(
        encrypted: EncryptedPool, home: Home?, blobs: BlobStore, origin: Origin, surroundings: Surroundings,
        keys: LiveKeys? = nil, inUse: consuming HomeLock? = nil
    ) {
        liveKeys = keys
        self.inUse = Mutex(inUse)
        database = encrypted
        self.home = home
        self.blobs = blobs
        self.origin = origin
        self.surroundings = surroundings
        ids = IDGenerator(surroundings)
    }

    /// The home's keys as they are now: another process may have changed them since the vault was opened.
    ///
    /// - Parameter known: what is returned for a vault without a home.
    /// - Throws: `locked` when they were replaced, and what opened the vault does not open the new ones.
    public func currentKeys(_ known: UnlockedKeys) throws -> UnlockedKeys {
        try liveKeys.map { try $0.reload() } ?? known
    }

    /// Goes on with keys that this process has just stored.
    package func follow(_ keys: UnlockedKeys) { liveKeys?.adopt(keys) }

    /// Reads at one moment; never waits for writers.
    public func read<T>(_ body: (ReadTransaction) throws -> T) throws -> T {
        try explaining {
            try database.pool.read { db in
                try body(ReadTransaction(db: db, now: surroundings.now(), device: origin.device))
            }
        }
    }

    /// Writes all or nothing. `actor` is who the change log and histories name.
    @discardableResult
    public func write<T>(actor: String = "user", _ body: (WriteTransaction) throws -> T) throws -> T {
        hasWritten.store(true, ordering: .relaxed)
        return try explaining {
            let (result, sequence) = try database.pool.write { db -> (T, Int64?) in
                let transaction = WriteTransaction(
                    db: db, actor: actor, origin: origin, rules: rules, surroundings: surroundings, ids: ids)
                let result = try body(transaction)
                try transaction.finish()
                return (result, transaction.sequence)
            }
            if let sequence { database.note(change: UInt64(sequence)) }
            return result
        }
    }

    /// What this device may write, as far as it knows.
    private var rules: WriteRules? {
        guard let keys = liveKeys?.current, let own = keys.roster.member(keys.device) else { return nil }
        return WriteRules(role: own.role, rights: own.rights)
    }

    /// Closes all connections; the last process that does so empties the log. A second call does nothing.
    public func close() throws {
        defer { inUse.withLock { $0 = nil } }
        try database.close()
        if let keys = liveKeys?.current { try tellAgent(keys) }
    }

    /// Tells what stands behind an error of SQLite's.
    private func explaining<T>(_ body: () throws -> T) throws -> T {
        do { return try body() } catch let error as DatabaseError {
            let reason = database.explain(error)
            throw (reason as? DatabaseError).map(VaultError.init(sqlite:)) ?? reason
        }
    }
}

extension VaultError {
    /// An error of SQLite's that has no reason of ours behind it. Its SQL and values are nobody's business.
    init(sqlite error: DatabaseError) {
        let message = "the database: \(error.message ?? "SQLite error \(error.extendedResultCode.rawValue)")"
        switch error.resultCode {
        case .SQLITE_CORRUPT, .SQLITE_NOTADB:
            self.init(.integrityFailure, message, hint: "run ai-team doctor, or restore from a backup")
        case .SQLITE_FULL:
            self.init(.failed, message, hint: "free some space on the disk; nothing was changed")
        default: self.init(.failed, message)
        }
    }
}
