internal import GRDB

extension ReadTransaction {
    /// Reads every page that the database uses, which authenticates it, and checks tables and indexes.
    /// - Returns: how many pages the database has.
    /// - Throws: `VaultError` with code `integrity_failure` for what does not fit together, and the
    ///   database's
    ///   own error for a page that does not authenticate.
    public func checkIntegrity() throws -> Int {
        let found = try String.fetchAll(db, sql: "PRAGMA integrity_check(10)")
        guard found == ["ok"] else {
            throw VaultError(
                .integrityFailure, "the database's structure is damaged: \(found.prefix(3))",
                hint: "restore from a backup")
        }
        return try Int.fetchOne(db, sql: "PRAGMA page_count") ?? 0
    }
}
