internal import EncryptedSQLite
internal import GRDB

extension Vault {
    /// Compares the full-text indexes with the texts that they were built from, word by word.
    package func textIndexFits() throws -> Bool {
        try database.pool.writeWithoutTransaction { db in
            for name in [SearchIndex.table.name] + ChunkIndex.indexes {
                do {
                    try db.execute(
                        sql: "INSERT INTO \(name)(\(name), rank) VALUES ('integrity-check', 1)")
                } catch let error as DatabaseError {
                    guard error.resultCode == .SQLITE_CORRUPT else { throw error }
                    return false
                }
            }
            return true
        }
    }

    /// Compares the index with the documents.
    ///
    /// - Returns: what does not fit together, in words; empty when all does.
    public func checkSearchIndex() throws -> [String] {
        var found: [String] = []
        if try !textIndexFits() { found.append("the text index is not what the texts make") }
        return try found + read { try $0.strayIndexRows() }
    }
}

extension ReadTransaction {
    func strayIndexRows() throws -> [String] {
        let checks = [
            (
                "passages of no document",
                "SELECT count(*) FROM chunk WHERE document NOT IN (SELECT document FROM indexed)"
            ),
            (
                "indexed documents that are not there",
                "SELECT count(*) FROM indexed WHERE document NOT IN (SELECT row FROM document)"
            ),
        ]
        return try checks.compactMap { name, sql in
            let count = try Int.fetchOne(db, sql: sql) ?? 0
            return count > 0 ? "\(count) \(name)" : nil
        }
    }
}

extension WriteTransaction {
    func rebuildTextIndexes() throws {
        try db.execute(sql: "DELETE FROM chunk WHERE document NOT IN (SELECT row FROM document)")
        try db.execute(sql: "DELETE FROM indexed WHERE document NOT IN (SELECT row FROM document)")
        try SearchIndex.rebuild(db)
        try ChunkIndex.rebuild(db)
    }
}
