internal import GRDB

/// What every connection needs before its first statement.
enum ConnectionSetup {
    static func apply(_ db: Database) throws {
        db.add(tokenizer: FTSTokenizer.self)
        try FTSScore.register(db)
        db.add(function: VectorIndex.cleared)
        try db.execute(
            sql: "PRAGMA temp_store = MEMORY; PRAGMA secure_delete = ON; PRAGMA foreign_keys = OFF")
        for table in [SearchIndex.table, ChunkIndex.table] { try FullTextVocabulary.add(db, of: table.name) }
    }
}
