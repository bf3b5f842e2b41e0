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

    /// Forgets uploads that never ended.
    /// - Parameter isAlone: no upload runs, so all have ended; else those that began a day ago or more.
    func dropIntents(isAlone: Bool) throws {
        let limit = isAlone ? Int64.max : now.advanced(byMilliseconds: -intentMilliseconds).milliseconds
        try db.execute(sql: "DELETE FROM blob_intent WHERE created_at <= ?", arguments: [limit])
    }

    func dropBlob(_ name: String) throws {
        try db.cachedStatement(sql: "DELETE FROM blob WHERE name = ?").execute(arguments: [name])
    }
}

/// How long an upload may take from its announcement to its rows.
let intentMilliseconds: Int64 = 86_400_000

extension ReadTransaction {
    func blobIntents() throws -> Set<String> {
        try String.fetchSet(db, sql: "SELECT name FROM blob_intent")
    }

    /// The names of all blobs that have a row, whether a version names them or not.
    func blobRows() throws -> [String] { try String.fetchAll(db, sql: "SELECT name FROM blob") }
}
