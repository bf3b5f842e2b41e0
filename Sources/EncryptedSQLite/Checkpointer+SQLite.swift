import GRDBSQLite
import Glibc

/// Brings the log into the main file under our own locks: SQLite's alone can corrupt a database when a
/// checkpoint races with a commit that resets the log (fixed in 3.51.3, and Debian 12 has 3.40.1).
enum Checkpointer {
    /// How many frames a log may have before a commit is followed by a checkpoint, and before that one
    /// insists.
    static let threshold: Int32 = 1000, insistence: Int32 = 4000
    /// The gate is never held longer: SQLite's recovery gives up after 10 seconds.
    private static let heldMilliseconds: UInt64 = 1500

    enum Outcome: Sendable { case complete, partial, busy }

    /// A checkpoint that waits `milliseconds` for each lock. `empties`: the log is truncated as well.
    ///
    /// - Parameter snapshotMilliseconds: how long it waits for backups and rotations; nil: as long.
    static func run(
        _ connection: OpaquePointer, empties: Bool, milliseconds: UInt64, snapshotMilliseconds: UInt64? = nil
    ) throws(EncryptedDatabaseError) -> Outcome {
        guard let main = MainFile.of(connection) else {
            throw EncryptedDatabaseError(.refused, "the connection is not encrypted")
        }
        let snapshot = try ConnectionLocks.snapshot(base: main.database.lockBase)
        let wait = snapshotMilliseconds ?? milliseconds
        guard try snapshot.lockExclusive(until: Clock.deadline(milliseconds: wait)) else { return .busy }
        defer { snapshot.unlock() }
        try main.database.settleRotation()
        return try runLocked(connection, main, empties: empties, milliseconds: milliseconds)
    }

    /// The same for who holds the snapshot lock already.
    static func runLocked(
        _ connection: OpaquePointer, _ main: MainFile, empties: Bool, milliseconds: UInt64
    ) throws(EncryptedDatabaseError) -> Outcome {
        // A list of tags that must be made anew takes its time: before the gate, so that writers go on.
        if main.hasFramesToCopy { try main.database.prepareTags(try main.database.seal.read()) }
        guard try main.locks.close(until: Clock.deadline(milliseconds: milliseconds)) else { return .busy }
        defer { main.locks.leave() }
        let deadline = Clock.deadline(milliseconds: min(milliseconds, heldMilliseconds))
        while true {
            var log: Int32 = 0
            var copied: Int32 = 0
            let mode = empties ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE
            let result = sqlite3_wal_checkpoint_v2(connection, "main", mode, &log, &copied)
            switch result & 0xFF {
            case SQLITE_OK where empties || log == copied: return .complete
            case SQLITE_OK, SQLITE_BUSY: break
            default: throw failure(result, main)
            }
            if Clock.now() >= deadline { return log > 0 && log == copied ? .complete : .partial }
            usleep(500)
        }
    }

    private static func failure(_ result: Int32, _ main: MainFile) -> EncryptedDatabaseError {
        if let last = main.database.lastFailure, last.code.result == result || result & 0xFF == SQLITE_IOERR {
            return last
        }
        return EncryptedDatabaseError(.io, "the checkpoint failed (SQLite \(result))")
    }

    /// Has every commit of the connection looked at: SQLite calls back after it with the size of the log.
    static func install(on connection: OpaquePointer) {
        sqlite3_wal_hook(
            connection,
            { _, connection, _, frames in
                if let connection, frames >= Checkpointer.threshold {
                    Checkpointer.follow(connection, frames)
                }
                return SQLITE_OK
            }, nil)
    }

    /// After a commit. Failures are not the commit's: it is on disk, and the next checkpoint meets them
    /// again.
    private static func follow(_ connection: OpaquePointer, _ frames: Int32) {
        let insists = frames >= insistence
        do throws(EncryptedDatabaseError) {
            sqlite3_busy_timeout(connection, 0)
            defer { sqlite3_busy_timeout(connection, Int32(Settings.busyMilliseconds)) }
            // A backup or a rotation may hold the lock for long, and this is somebody's commit.
            _ = try run(
                connection, empties: insists, milliseconds: insists ? heldMilliseconds : 20,
                snapshotMilliseconds: insists ? 100 : 0)
        } catch {
            _ = MainFile.of(connection)?.database.report(error)
        }
    }
}
