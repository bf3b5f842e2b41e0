internal import EncryptedSQLite
internal import GRDB

extension ReadTransaction {
    /// Tasks whose title, description, tags or output match, the best first: those with every phrase before
    /// those with any part. Text without a letter or digit finds nothing.
    public func searchTasks(_ text: String, filter: TaskFilter = TaskFilter()) throws -> Page<TaskHit> {
        let limit = filter.limit > 0 ? filter.limit + 1 : Int(Int32.max)
        let matches = try SearchIndex.table.matches(
            db, SearchQuery(text),
            condition: "NOT IN (SELECT row FROM task WHERE deleted_at IS NOT NULL)", [], limit: limit)
        let hits = try matches.compactMap { match -> TaskHit? in
            let snippet = try SearchIndex.table.snippet(
                db, match.row, match.expression, column: -1, tokens: 16)
            return try fetchTasks(where: "t.row = ?", [match.row]).first
                .map { TaskHit(task: $0, snippet: snippet ?? "") }
        }
        let hasMore = filter.limit > 0 && hits.count > filter.limit
        return Page(items: hasMore ? Array(hits.prefix(filter.limit)) : hits, hasMore: hasMore)
    }
}

/// The full-text index over tasks. It holds no text of its own. Triggers keep it in step with rows that
/// change or go; what a new row brings is added by the statement that follows its own: a trigger would make
/// SQLite open a savepoint for each row, and the index write each row out at once instead of in bulk.
enum SearchIndex {
    static let table = FullTextTable(
        name: "task_fts", weights: [4, 1, 2, 1],
        heads: FullTextHeads(table: "task_fts", filter: "{title tags} : ", weights: [4, 1, 2, 1]))

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

    /// Builds the index anew with this program's tokenizer.
    static func rebuild(_ db: Database) throws {
        try db.execute(sql: "INSERT INTO task_fts(task_fts) VALUES ('rebuild')")
    }

    /// Merges the index into one piece, so that what was removed is gone from it.
    static func compact(_ db: Database) throws {
        try db.execute(sql: "INSERT INTO task_fts(task_fts) VALUES ('optimize')")
    }
}
