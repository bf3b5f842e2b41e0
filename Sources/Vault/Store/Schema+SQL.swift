internal import GRDB

/// The tables of the vault. A migration that has shipped never changes.
enum Schema {
    /// The newest migration that this program knows.
    static let migrator: DatabaseMigrator = {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1") { db in
            try db.execute(sql: changeLog)
            try db.execute(sql: tasks)
            try db.execute(sql: SearchIndex.schema)
            try db.execute(sql: documents)
            try db.execute(sql: local)
            try Blinding.write(db)
        }
        return migrator
    }()

    /// Whether nothing needs to be done before use.
    /// - Throws: `newer_format` when a newer program has migrated the database.
    static func isCurrent(_ reader: any DatabaseReader) throws -> Bool {
        try reader.read { db in
            if try migrator.hasBeenSuperseded(db) {
                throw VaultError(
                    .newerFormat, "this vault was written by a newer ai-team",
                    hint: "install the newest ai-team; nothing was changed")
            }
            return try migrator.hasCompletedMigrations(db) && SearchIndex.isCurrent(db)
        }
    }

    static func appliedMigrations(_ reader: any DatabaseReader) throws -> [String] {
        try reader.read { db in try migrator.completedMigrations(db) }
    }

    /// Runs the migrations that are missing, and rebuilds the search index of another tokenizer.
    static func bringUpToDate(_ writer: any DatabaseWriter, surroundings: Surroundings) throws {
        guard try !isCurrent(writer) else { return }
        try migrator.migrate(writer)
        try writer.write { db in
            guard try !SearchIndex.isCurrent(db) else { return }
            try SearchIndex.rebuild(db, at: surroundings.now())
            try Blinding.write(db)
        }
    }

    /// The columns every travelling record has: creation dot, number of changes, last change.
    private static let header = """
        id TEXT NOT NULL UNIQUE, origin INTEGER NOT NULL, counter INTEGER NOT NULL,
        version INTEGER NOT NULL, updated_at INTEGER NOT NULL, deleted_at INTEGER
        """

    private static let changeLog = """
        CREATE TABLE origin(
            id INTEGER PRIMARY KEY, device BLOB NOT NULL, incarnation INTEGER NOT NULL,
            UNIQUE(device, incarnation));
        CREATE TABLE change_batch(
            seq INTEGER PRIMARY KEY, random BLOB NOT NULL, stamp INTEGER NOT NULL,
            origin INTEGER NOT NULL, actor TEXT NOT NULL);
        CREATE TABLE change(
            seq INTEGER PRIMARY KEY, batch INTEGER NOT NULL, collection INTEGER NOT NULL,
            record TEXT NOT NULL, origin INTEGER NOT NULL, counter INTEGER NOT NULL,
            fields BLOB NOT NULL);
        CREATE INDEX change_record ON change(record);
        CREATE INDEX change_of_batch ON change(batch);
        CREATE TABLE blinding(id INTEGER PRIMARY KEY, random BLOB NOT NULL);
        """

    private static let tasks = """
        CREATE TABLE task(
            row INTEGER PRIMARY KEY, \(header),
            type TEXT NOT NULL DEFAULT 'implement_feature', title TEXT NOT NULL DEFAULT '',
            description TEXT NOT NULL DEFAULT '', status TEXT NOT NULL DEFAULT 'pending',
            priority INTEGER NOT NULL DEFAULT 1, assigned_to TEXT, project_id TEXT,
            created_by TEXT NOT NULL DEFAULT '', created_at INTEGER NOT NULL DEFAULT 0,
            started_at INTEGER, completed_at INTEGER, deadline INTEGER, output TEXT, error TEXT,
            review TEXT NOT NULL DEFAULT 'none', tags TEXT NOT NULL DEFAULT '[]',
            metadata TEXT NOT NULL DEFAULT '{}',
            lease_token BLOB, lease_holder TEXT, lease_expires_at INTEGER, tries INTEGER NOT NULL DEFAULT 0);
        CREATE INDEX task_queue ON task(priority DESC, ifnull(deadline, 9223372036854775807), created_at, id)
            WHERE status IN ('pending', 'assigned') AND deleted_at IS NULL;
        CREATE INDEX task_running ON task(assigned_to, lease_expires_at) WHERE status = 'in_progress';
        CREATE INDEX task_project ON task(project_id) WHERE project_id IS NOT NULL;
        CREATE TABLE link(
            row INTEGER PRIMARY KEY, \(header),
            task_id TEXT NOT NULL DEFAULT '', kind TEXT NOT NULL DEFAULT 'related',
            target_id TEXT NOT NULL DEFAULT '');
        CREATE INDEX link_task ON link(task_id, kind, target_id) WHERE deleted_at IS NULL;
        CREATE INDEX link_target ON link(target_id) WHERE deleted_at IS NULL;
        CREATE TABLE comment(
            row INTEGER PRIMARY KEY, \(header),
            task_id TEXT NOT NULL DEFAULT '', author TEXT NOT NULL DEFAULT '',
            body TEXT NOT NULL DEFAULT '', created_at INTEGER NOT NULL DEFAULT 0);
        CREATE INDEX comment_task ON comment(task_id);
        CREATE TABLE project(
            row INTEGER PRIMARY KEY, \(header),
            name TEXT NOT NULL DEFAULT '', description TEXT NOT NULL DEFAULT '',
            status TEXT NOT NULL DEFAULT 'active', created_at INTEGER NOT NULL DEFAULT 0);
        """

    private static let documents = """
        CREATE TABLE document(
            row INTEGER PRIMARY KEY, \(header),
            name BLOB NOT NULL DEFAULT x'', path BLOB NOT NULL DEFAULT x'',
            title TEXT NOT NULL DEFAULT '', category TEXT NOT NULL DEFAULT '',
            tags TEXT NOT NULL DEFAULT '[]', created_by TEXT NOT NULL DEFAULT '',
            created_at INTEGER NOT NULL DEFAULT 0);
        CREATE INDEX document_path ON document(path) WHERE deleted_at IS NULL;
        CREATE TABLE document_version(
            row INTEGER PRIMARY KEY, \(header),
            document_id TEXT NOT NULL DEFAULT '', number INTEGER NOT NULL DEFAULT 1,
            content_type TEXT NOT NULL DEFAULT 'application/octet-stream', size INTEGER NOT NULL DEFAULT 0,
            sha256 BLOB NOT NULL DEFAULT x'', epoch INTEGER NOT NULL DEFAULT 1,
            text_size INTEGER, text_sha256 BLOB, parents TEXT NOT NULL DEFAULT '[]',
            created_at INTEGER NOT NULL DEFAULT 0);
        CREATE INDEX version_document ON document_version(document_id, number);
        CREATE TABLE blob(
            name TEXT PRIMARY KEY, epoch INTEGER NOT NULL, sha256 BLOB NOT NULL, size INTEGER NOT NULL,
            stored INTEGER NOT NULL, created_at INTEGER NOT NULL) WITHOUT ROWID;
        CREATE INDEX blob_content ON blob(sha256);
        CREATE TABLE blob_intent(
            name TEXT NOT NULL, upload BLOB NOT NULL, created_at INTEGER NOT NULL,
            PRIMARY KEY(name, upload)) WITHOUT ROWID;
        """

    private static let local = """
        CREATE TABLE setting(
            key TEXT PRIMARY KEY, value TEXT NOT NULL, updated_at INTEGER NOT NULL) WITHOUT ROWID;
        CREATE TABLE log(
            seq INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL, level INTEGER NOT NULL,
            component TEXT NOT NULL, message TEXT NOT NULL, agent_id TEXT, task_id TEXT,
            fields TEXT NOT NULL);
        CREATE INDEX log_task ON log(task_id) WHERE task_id IS NOT NULL;
        """
}
