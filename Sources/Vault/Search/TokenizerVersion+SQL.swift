internal import GRDB

/// Which tokenizer the full-text indexes were built with.
enum TokenizerVersion {
    private static let key = "vault/tokenizer"

    static func isCurrent(_ db: Database) throws -> Bool {
        let version = try String.fetchOne(
            db, sql: "SELECT value FROM setting WHERE key = ?", arguments: [key])
        return version == TextRuns.version
    }

    /// Builds all indexes anew with this program's tokenizer.
    static func rebuild(_ db: Database, at time: Timestamp) throws {
        try SearchIndex.rebuild(db)
        try ChunkIndex.rebuild(db)
        try db.execute(
            sql: "INSERT OR REPLACE INTO setting(key, value, updated_at) VALUES (?, ?, ?)",
            arguments: [key, TextRuns.version, time.milliseconds])
    }
}
