public import Cryptography
internal import FoundationEssentials
internal import GRDB

extension ReadTransaction {
    /// The value of an encrypted setting; these stay in this home and don't travel.
    public func setting(_ key: String) throws -> String? {
        try String.fetchOne(
            db.cachedStatement(sql: "SELECT value FROM setting WHERE key = ?"), arguments: [key])
    }

    /// A setting that is a secret: no string is made of it.
    public func secretSetting(_ key: String) throws -> SecretBytes? {
        let rows = try Row.fetchCursor(
            db.cachedStatement(sql: "SELECT CAST(value AS BLOB) FROM setting WHERE key = ?"), arguments: [key]
        )
        guard let row = try rows.next() else { return nil }
        var secret: SecretBytes?
        try row.withUnsafeData(atIndex: 0) { data in
            data?.withUnsafeBytes { secret = SecretBytes(copying: $0) }
        }
        return secret
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
    /// Stores a setting that is a secret; its bytes are UTF-8.
    public func setSecretSetting(_ key: String, _ secret: borrowing SecretBytes) throws {
        try secret.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { return }
            // Lent, not copied: SQLite copies it into the page.
            let data = Data(
                bytesNoCopy: UnsafeMutableRawPointer(mutating: start), count: bytes.count, deallocator: .none)
            try db.execute(
                sql: """
                    INSERT OR REPLACE INTO setting(key, value, updated_at)
                    VALUES (?, CAST(? AS TEXT), ?)
                    """, arguments: [key, data, now.milliseconds])
        }
    }

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
