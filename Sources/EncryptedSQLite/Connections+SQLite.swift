import CSystem
import GRDB
import GRDBSQLite

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

    /// The next close of this connection, if it is the last, may remove the log.
    func allowLastClose() {
        guard let connection = sqliteConnection else { return }
        cs_sqlite_switch(connection, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0)
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
