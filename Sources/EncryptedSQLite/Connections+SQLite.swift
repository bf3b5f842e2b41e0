import GRDB
import GRDBSQLite

private let firstRead = "SELECT count(*) FROM sqlite_master"

extension Database {
    /// The main file of this connection, or the reason why there is none.
    func mainFile() throws(EncryptedDatabaseError) -> MainFile {
        guard let connection = sqliteConnection, let main = MainFile.of(connection) else {
            throw EncryptedDatabaseError(.refused, "the connection is not encrypted")
        }
        return main
    }

    func markBlinded() throws(EncryptedDatabaseError) { try mainFile().isBlinded = true }

    /// Runs a checkpoint on this connection; see `Checkpointer`.
    func checkpoint(empties: Bool, milliseconds: UInt64) throws -> Checkpointer.Outcome {
        guard let connection = sqliteConnection else { return .busy }
        sqlite3_busy_timeout(connection, 0)
        defer { sqlite3_busy_timeout(connection, Int32(Settings.busyMilliseconds)) }
        return try Checkpointer.run(connection, empties: empties, milliseconds: milliseconds)
    }

    /// The same under a snapshot lock that the caller holds.
    func checkpointLocked(milliseconds: UInt64) throws -> Checkpointer.Outcome {
        guard let connection = sqliteConnection else { return .busy }
        sqlite3_busy_timeout(connection, 0)
        defer { sqlite3_busy_timeout(connection, Int32(Settings.busyMilliseconds)) }
        return try Checkpointer.runLocked(
            connection, mainFile(), empties: false, milliseconds: milliseconds)
    }

    /// Authenticates the records of the log that SQLite's index counts, while nobody writes. And says which
    /// pages of the main file a checkpoint that is not closed may have written.
    func verifyLog(
        until deadline: UInt64
    ) throws -> (count: UInt32, damaged: [UInt32], inTransit: Set<UInt32>) {
        // A read makes SQLite open the log and its index.
        _ = try Int.fetchOne(self, sql: firstRead)
        let main = try mainFile()
        var file: UnsafeMutablePointer<sqlite3_file>?
        guard let connection = sqliteConnection,
            sqlite3_file_control(connection, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file) == SQLITE_OK,
            file?.pointee.pMethods == WALFile.table, let wal = VFS.object(file, WALFile.self)
        else { return (0, [], []) }
        guard try main.locks.close(until: deadline) else { throw EncryptedPool.busy }
        defer { main.locks.leave() }
        // WalIndexHdr.mxFrame, in the machine's own byte order.
        guard let last = main.shared?.load(fromByteOffset: 16, as: UInt32.self) else { return (0, [], []) }
        let seal = try main.database.seal.read()
        let pages = seal.hasIntent ? try wal.lastFrames(upTo: min(seal.floor, last)) : [:]
        return (last, try wal.verify(upTo: last), Set(pages.keys))
    }

    /// The next close of this connection, if it is the last, may remove the log.
    func allowLastClose() {
        guard let connection = sqliteConnection else { return }
        Switch.keepLogOnClose(connection, false)
    }

    /// VACUUM attaches a temporary database, which nothing else may.
    func vacuumAlone() throws {
        guard let connection = sqliteConnection else { return }
        let main = try mainFile()
        sqlite3_limit(connection, SQLITE_LIMIT_ATTACHED, 1)
        main.isExempt = true
        defer {
            main.isExempt = false
            sqlite3_limit(connection, SQLITE_LIMIT_ATTACHED, 0)
        }
        try execute(sql: "VACUUM")
    }
}
