internal import FoundationEssentials
internal import GRDB

/// Intents and rows of stored blobs: what keeps a blob from being swept.
extension WriteTransaction {
    /// Announces the names that an upload is about to use.
    func addIntents(_ names: [String], upload: [UInt8]) throws {
        let statement = try db.cachedStatement(
            sql: "INSERT OR IGNORE INTO blob_intent(name, upload, created_at) VALUES (?, ?, ?)")
        for name in names { try statement.execute(arguments: [name, Data(upload), now.milliseconds]) }
    }

    func removeIntents(upload: [UInt8]) throws {
        try db.execute(sql: "DELETE FROM blob_intent WHERE upload = ?", arguments: [Data(upload)])
    }

    func addBlob(_ blob: StagedBlob, stored: Int64) throws {
        let statement = try db.cachedStatement(
            sql: """
                INSERT OR IGNORE INTO blob(name, epoch, sha256, size, stored, created_at)
                VALUES (?, ?, ?, ?, ?, ?)
                """)
        try statement.execute(
            arguments: [
                blob.name, blob.reference.epoch, Data(blob.reference.sha256), blob.reference.size, stored,
                now.milliseconds,
            ])
    }

    /// Removes rows of blobs that no version names; intents older than a day are of uploads that died.
    /// - Returns: the names of all blobs that must stay.
    func dropUnreferencedBlobs(named referenced: Set<String>) throws -> Set<String> {
        try db.execute(
            sql: "DELETE FROM blob_intent WHERE created_at < ?",
            arguments: [now.advanced(byMilliseconds: -86_400_000).milliseconds])
        let intents = try String.fetchSet(db, sql: "SELECT name FROM blob_intent")
        let kept = referenced.union(intents)
        for name in try String.fetchAll(db, sql: "SELECT name FROM blob") where !kept.contains(name) {
            try db.execute(sql: "DELETE FROM blob WHERE name = ?", arguments: [name])
        }
        return kept
    }
}
