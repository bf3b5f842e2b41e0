internal import GRDB
internal import GRDBSQLite

/// Copies tables from one database to another, value by value without looking at them.
enum TableCopy {
    /// Tables that say nothing without this program, or what others say already.
    private static let internals: Set<String> = [
        "blinding", "blob_intent", "hidden", "conflict", "heard", "seen", "chunk", "indexed",
        "vector", "vector_block", "vector_free", "vector_space",
    ]

    /// Copies every ordinary table; indexes, triggers and virtual tables stay behind.
    static func copy(from source: Database, to target: Database) throws {
        let tables = try Row.fetchAll(
            source,
            sql: """
                SELECT m.name, m.sql FROM sqlite_master m
                JOIN pragma_table_list l ON l.schema = 'main' AND l.name = m.name
                WHERE m.type = 'table' AND l.type = 'table' AND m.name NOT GLOB 'sqlite_*' ORDER BY m.rowid
                """)
        for table in tables where !internals.contains(table[0]) {
            try target.execute(sql: table[1])
            try copyRows("\"" + (table[0] as String).replacing("\"", with: "\"\"") + "\"", source, target)
        }
    }

    /// C: sqlite3_column_value, sqlite3_bind_value
    private static func copyRows(_ table: String, _ source: Database, _ target: Database) throws {
        let select = try source.makeStatement(sql: "SELECT * FROM \(table)")
        let marks = Array(repeating: "?", count: select.columnCount).joined(separator: ",")
        let insert = try target.makeStatement(sql: "INSERT INTO \(table) VALUES (\(marks))")
        let (from, to) = (select.sqliteStatement, insert.sqliteStatement)
        defer {
            sqlite3_reset(from)
            sqlite3_reset(to)
            sqlite3_clear_bindings(to)
        }
        while true {
            let status = sqlite3_step(from)
            if status == SQLITE_DONE { return }
            guard status == SQLITE_ROW else { throw failure(source) }
            for column in 0..<Int32(select.columnCount) {
                guard sqlite3_bind_value(to, column + 1, sqlite3_column_value(from, column)) == SQLITE_OK
                else { throw failure(target) }
            }
            guard sqlite3_step(to) == SQLITE_DONE else { throw failure(target) }
            sqlite3_reset(to)
        }
    }

    private static func failure(_ db: Database) -> DatabaseError {
        DatabaseError(resultCode: db.lastErrorCode, message: db.lastErrorMessage)
    }
}
