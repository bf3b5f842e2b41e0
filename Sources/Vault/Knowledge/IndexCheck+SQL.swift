internal import EncryptedSQLite
internal import FoundationEssentials
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
    /// The passages of a document as they are kept, in their order.
    func storedPassages(ofDocument row: Int64) throws -> [StoredPassage] {
        let statement = try db.cachedStatement(
            sql: """
                SELECT ordinal, start, heading, text, hash FROM chunk WHERE document = ? ORDER BY ordinal, row
                """)
        return try Row.fetchAll(statement, arguments: [row]).map {
            StoredPassage(
                ordinal: $0[0], start: $0[1], heading: $0[2], text: $0[3], hash: Array($0[4] as Data))
        }
    }

    /// Passages that should have one vector of a model and have none or several, in words; empty when all is
    /// well.
    public func vectorGaps() throws -> [String] {
        var found: [String] = []
        for space in try vectorSpaces() {
            let ids = VectorIndex.ids(of: space.id)
            let lacking = try Int.fetchOne(
                db,
                sql: """
                    SELECT count(*) FROM chunk c WHERE c.row <= ? AND NOT EXISTS (
                        SELECT 1 FROM vector v WHERE v.chunk = c.row AND +v.id BETWEEN ? AND ?)
                    """, arguments: [space.filled, ids.lowerBound, ids.upperBound])
            if let lacking, lacking > 0 {
                found.append("\(space.identity.model) lacks vectors of \(lacking) passages")
            }
            let double = try Int.fetchOne(
                db,
                sql: """
                    SELECT count(*) FROM (SELECT chunk FROM vector INDEXED BY vector_chunk
                        WHERE chunk >= 0 AND +id BETWEEN ? AND ? GROUP BY chunk HAVING count(*) > 1)
                    """, arguments: [ids.lowerBound, ids.upperBound])
            if let double, double > 0 {
                found.append("\(space.identity.model) has two vectors of \(double) passages")
            }
        }
        return found
    }

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
