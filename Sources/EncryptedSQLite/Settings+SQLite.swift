import Cryptography
import GRDB
import GRDBSQLite

/// What every connection is set to before anyone else sees it.
enum Settings {
    /// How long a writer waits for its turn, in milliseconds.
    static let busyMilliseconds = 30_000

    static func configuration(_ given: Configuration, isCreating: Bool) -> Configuration {
        var configuration = given
        if case .immediateError = configuration.busyMode {
            configuration.busyMode = .timeout(Double(busyMilliseconds) / 1000)
        }
        configuration.prepareDatabase { database in try prepare(database, isCreating: isCreating) }
        return configuration
    }

    private static func prepare(_ database: Database, isCreating: Bool) throws {
        guard let connection = database.sqliteConnection else { return }
        if isCreating {
            var reserved: Int32 = Int32(Layout.trailer)
            sqlite3_file_control(connection, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserved)
        }
        // Only this program's own checkpoints run: also not when a connection closes.
        Switch.keepLogOnClose(connection, true)
        // Nothing can be attached, so nothing can be copied out by SQL; `vacuum` lifts it for itself.
        sqlite3_limit(connection, SQLITE_LIMIT_ATTACHED, 0)
        try database.execute(sql: settings)
        Checkpointer.install(on: connection)
        Blinding.register(on: connection)
    }

    private static let settings = """
        PRAGMA synchronous = FULL;
        PRAGMA temp_store = MEMORY;
        PRAGMA cache_size = -8000;
        """
}

/// The 16 random bytes of each transaction, without which the checksums in `-shm` would tell about its pages.
enum Blinding {
    static let count = 16
    // SQLITE_TRANSIENT, a macro: SQLite copies the bytes.
    private static let copies = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

    /// `blind()` in SQL: 16 fresh random bytes, and the transaction counts as blinded.
    static func register(on connection: OpaquePointer) {
        sqlite3_create_function_v2(
            connection, "blind", 0, SQLITE_UTF8 | SQLITE_DIRECTONLY, nil,
            { context, _, _ in
                guard let bytes = try? RandomBytes.bytes(Blinding.count) else {
                    return sqlite3_result_error_code(context, SQLITE_IOERR)
                }
                sqlite3_result_blob(context, bytes, Int32(bytes.count), Blinding.copies)
                if let connection = sqlite3_context_db_handle(context) {
                    MainFile.of(connection)?.isBlinded = true
                }
            }, nil, nil, nil)
    }
}
