internal import GRDB

extension ReadTransaction {
    /// The value of an encrypted setting; these stay in this home and don't travel.
    public func setting(_ key: String) throws -> String? {
        try String.fetchOne(
            db.cachedStatement(sql: "SELECT value FROM setting WHERE key = ?"), arguments: [key])
    }

    /// All settings whose key begins with `prefix`.
    public func settings(prefix: String = "") throws -> [String: String] {
        let rows = try Row.fetchAll(
            db, sql: "SELECT key, value FROM setting WHERE substr(key, 1, length(?1)) = ?1",
            arguments: [prefix])
        return rows.reduce(into: [:]) { $0[$1[0]] = $1[1] as String }
    }
}

extension WriteTransaction {
    /// Stores a setting; nil removes it.
    public func setSetting(_ key: String, _ value: String?) throws {
        if let value {
            try db.execute(
                sql: "INSERT OR REPLACE INTO setting(key, value, updated_at) VALUES (?, ?, ?)",
                arguments: [key, value, now.milliseconds])
        } else {
            try db.execute(sql: "DELETE FROM setting WHERE key = ?", arguments: [key])
        }
    }
}
