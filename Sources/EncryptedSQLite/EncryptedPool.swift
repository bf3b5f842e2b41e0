public import GRDB
import Synchronization

/// The connections of one process to an encrypted database. Read and write through `pool` as with any other
/// GRDB pool; checkpoints run by themselves after commits.
public final class EncryptedPool: Sendable {
    /// How a checkpoint ended.
    public enum CheckpointOutcome: Sendable { case complete, partial, busy }

    /// GRDB's pool. Its own checkpoint and close must not be used: they know nothing of the locks.
    public let pool: DatabasePool
    let database: RegisteredDatabase
    /// What the anchor said when the database was opened; nil where there is none yet.
    public let anchored: DatabaseAnchor?
    private let isClosed = Atomic(false)

    init(_ pool: DatabasePool, database: RegisteredDatabase, anchored: DatabaseAnchor? = nil) {
        self.pool = pool
        self.anchored = anchored
        self.database = database
    }

    /// The random id of the database, 16 bytes, which every page is bound to.
    public var databaseID: [UInt8] { database.databaseID }
    /// Where the database stands, its directory resolved.
    public var path: String { database.path }
    /// The epochs that this process has met in pages are the key source's business; this is the current one.
    public var currentEpoch: UInt32 { database.source.currentEpoch }

    /// The newest state whose pages are all in the main file, and that the seal has the root of; nil before
    /// the first one.
    public func newestState() throws -> (counter: UInt64, root: [UInt8])? {
        try database.seal.read().base.map { ($0.counter, $0.root) }
    }

    /// The change log has this transaction, on disk: the anchor will say so from the next checkpoint on.
    public func note(change sequence: UInt64) { database.anchor?.note(change: sequence) }

    /// The reason behind a `DatabaseError` of this pool: what did not authenticate, with the page's number.
    /// Errors that have no such reason come back as they are.
    public func explain(_ error: any Error) -> any Error { database.explain(error) }

    /// Copies the log into the main file. `empties`: and truncates it. Waits `milliseconds` for other
    /// processes.
    @discardableResult
    public func checkpoint(empties: Bool = false, milliseconds: Int = 2000) throws -> CheckpointOutcome {
        let outcome = try pool.writeWithoutTransaction { database in
            try database.checkpoint(empties: empties, milliseconds: UInt64(max(0, milliseconds)))
        }
        switch outcome {
        case .complete: return .complete
        case .partial: return .partial
        case .busy: return .busy
        }
    }

    /// Rewrites the database without its free pages.
    public func vacuum() throws {
        do {
            try pool.barrierWriteWithoutTransaction { try $0.vacuumAlone() }
        } catch {
            throw explain(error)
        }
    }

    /// Runs migrations and maintenance, which write no user's text, without the demand for `blind()`.
    public func exempt<R>(_ body: (DatabasePool) throws -> R) throws -> R {
        try pool.writeWithoutTransaction { try $0.mainFile().isExempt = true }
        defer {
            do {
                try pool.writeWithoutTransaction { try $0.mainFile().isExempt = false }
            } catch {
                _ = database.explain(error)
            }
        }
        return try body(pool)
    }

    /// Empties the log and closes all connections; the last process that does so leaves the main file and the
    /// seal alone. The pool must not be used afterwards. A second call does nothing.
    public func close() throws {
        guard isClosed.compareExchange(expected: false, desired: true, ordering: .relaxed).exchanged else {
            return
        }
        defer { Registry.leave(database) }
        do {
            try finish()
        } catch {
            throw explain(error)
        }
    }

    func finish() throws {
        pool.invalidateReadOnlyConnections()
        do {
            try checkpoint(empties: true)
            try database.raiseAnchor()
        } catch {
            // Who changed the keys meanwhile empties the log; here it can't be read any more.
            guard (explain(error) as? EncryptedDatabaseError)?.code == .locked else { throw error }
        }
        database.isClosing.store(true, ordering: .releasing)
        defer { database.isClosing.store(false, ordering: .releasing) }
        pool.writeWithoutTransaction { $0.allowLastClose() }
        try pool.close()
    }
}
