internal import EncryptedSQLite
internal import GRDB

extension ReadTransaction {
    /// Tasks whose title, description, tags or output match, the best first: those with every phrase before
    /// those with any part. Text without a letter or digit finds nothing.
    public func searchTasks(_ text: String, filter: TaskFilter = TaskFilter()) throws -> Page<TaskHit> {
        let query = SearchQuery(text)
        let limit = filter.limit > 0 ? filter.limit + 1 : Int(Int32.max)
        var rows: [(row: Int64, snippet: String)] = []
        var seen: Set<Int64> = []
        for expression in [query.strict, query.loose] {
            guard let expression, rows.count < limit else { continue }
            for hit in try matches(expression, limit: limit) where seen.insert(hit.row).inserted {
                rows.append(hit)
            }
        }
        let hits = try rows.prefix(limit).compactMap { hit in
            try fetchTasks(where: "t.row = ?", [hit.row]).first
                .map { TaskHit(task: $0, snippet: hit.snippet) }
        }
        let hasMore = filter.limit > 0 && hits.count > filter.limit
        return Page(items: hasMore ? Array(hits.prefix(filter.limit)) : hits, hasMore: hasMore)
    }

    private func matches(_ expression: String, limit: Int) throws -> [(row: Int64, snippet: String)] {
        let statement = try db.cachedStatement(
            sql: """
                SELECT task_fts.rowid, snippet(task_fts, -1, '[', ']', '…', 16)
                FROM task_fts JOIN task t ON t.row = task_fts.rowid
                WHERE task_fts MATCH ? AND t.deleted_at IS NULL
                ORDER BY bm25(task_fts, 4.0, 1.0, 2.0, 1.0) LIMIT ?
                """)
        return try Row.fetchAll(statement, arguments: [expression, limit]).map { ($0[0], $0[1]) }
    }
}

/// The full-text index over tasks. It holds no text of its own. Triggers keep it in step with rows that
/// change or go; what a new row brings is added by the statement that follows its own: a trigger would make
/// SQLite open a savepoint for each row, and the index write each row out at once instead of in bulk.
enum SearchIndex {
    static let schema = """
        CREATE VIRTUAL TABLE task_fts USING fts5(
            title, description, tags, output, content='task', content_rowid='row', tokenize='vault');
        INSERT INTO task_fts(task_fts, rank) VALUES ('pgsz', \(EncryptedDatabase.fullTextPieceBytes));
        CREATE TRIGGER task_fts_insert AFTER INSERT ON task BEGIN
            INSERT INTO task_fts(rowid, title, description, tags, output)
            VALUES (new.row, new.title, new.description, new.tags, new.output);
        END;
        CREATE TRIGGER task_fts_delete AFTER DELETE ON task BEGIN
            INSERT INTO task_fts(task_fts, rowid, title, description, tags, output)
            VALUES ('delete', old.row, old.title, old.description, old.tags, old.output);
        END;
        CREATE TRIGGER task_fts_update AFTER UPDATE OF title, description, tags, output ON task BEGIN
            INSERT INTO task_fts(task_fts, rowid, title, description, tags, output)
            VALUES ('delete', old.row, old.title, old.description, old.tags, old.output);
            INSERT INTO task_fts(rowid, title, description, tags, output)
            VALUES (new.row, new.title, new.description, new.tags, new.output);
        END;
        """

    /// What an insert's trigger did in the first homes.
    static let explicitInserts = "DROP TRIGGER task_fts_insert"

    /// Adds the text of a new row.
    static func add(_ db: Database, row: Int64, _ values: [(column: String, value: FieldValue)]) throws {
        func text(_ column: String) -> DatabaseValue? {
            values.first { $0.column == column }?.value.databaseValue
        }
        try db.cachedStatement(
            sql: "INSERT INTO task_fts(rowid, title, description, tags, output) VALUES (?, ?, ?, ?, ?)"
        ).execute(arguments: [row, text("title"), text("description"), text("tags"), text("output")])
    }

    private static let versionKey = "vault/tokenizer"

    static func isCurrent(_ db: Database) throws -> Bool {
        let version = try String.fetchOne(
            db, sql: "SELECT value FROM setting WHERE key = ?", arguments: [versionKey])
        return version == TextRuns.version
    }

    /// Builds the index anew with this program's tokenizer.
    static func rebuild(_ db: Database, at time: Timestamp) throws {
        try db.execute(sql: "INSERT INTO task_fts(task_fts) VALUES ('rebuild')")
        try db.execute(
            sql: "INSERT OR REPLACE INTO setting(key, value, updated_at) VALUES (?, ?, ?)",
            arguments: [versionKey, TextRuns.version, time.milliseconds])
    }

    /// Merges the index into one piece, so that what was removed is gone from it.
    static func compact(_ db: Database) throws {
        try db.execute(sql: "INSERT INTO task_fts(task_fts) VALUES ('optimize')")
    }
}
