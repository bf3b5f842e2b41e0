internal import GRDB

/// The tables of the vault, as the steps that lead to them. A step that has shipped never changes.
package struct Schema: Sendable {
    private struct Step: Sendable {
        let id: String
        let sql: [String]
    }

    private let steps: [Step]

    /// What this program makes and needs.
    package static let current = Schema(
        steps: [
            Step(id: "1", sql: [changeLog, tasks, SearchIndex.schema, documents, local]),
            Step(id: "2", sql: [merging]),
            Step(id: "3", sql: [sync]),
            Step(id: "4", sql: [checkpoints]),
            Step(id: "5", sql: [blobsInRemote]),
            Step(id: "6", sql: [SearchIndex.explicitInserts]),
            Step(id: "7", sql: [blobsLookedAt]),
            Step(id: "8", sql: [sealedLogs]),
            Step(id: "9", sql: [voided]),
            Step(id: "10", sql: [ChunkIndex.schema]),
            Step(id: "11", sql: [VectorIndex.schema]),
            Step(id: "12", sql: [VectorIndex.generations]),
            Step(id: "13", sql: [ChunkIndex.headSchema]),
            Step(id: "14", sql: [VectorIndex.centred]),
            Step(id: "15", sql: [documentProject]),
        ])

    /// With one more step, as a later program would have it.
    package func adding(_ id: String, sql: String) -> Schema {
        Schema(steps: steps + [Step(id: id, sql: [sql])])
    }

    /// The steps that are missing.
    /// - Throws: `newer_format` when a newer program has made steps that this one does not know.
    private func missing(_ db: Database) throws -> [Step] {
        // Made by GRDB's migrator in the first homes, and kept by its name.
        guard try db.tableExists("grdb_migrations") else { return steps }
        let done = try String.fetchSet(db, sql: "SELECT identifier FROM grdb_migrations")
        guard done.isSubset(of: steps.map(\.id)) else {
            throw VaultError(
                .newerFormat, "this vault was written by a newer ai-team",
                hint: "install the newest ai-team; nothing was changed")
        }
        return steps.filter { !done.contains($0.id) }
    }

    /// Whether tables have to change before use.
    func isOlder(_ db: Database) throws -> Bool { try !missing(db).isEmpty }

    /// Whether nothing needs to be done before use.
    func isCurrent(_ db: Database) throws -> Bool { try !isOlder(db) && TokenizerVersion.isCurrent(db) }

    /// Takes the steps that are missing and rebuilds the search indexes of another tokenizer: all in one
    /// transaction, which ends only when tables and indexes fit together. A crash leaves the old or the new.
    func bringUpToDate(_ writer: any DatabaseWriter, surroundings: Surroundings) throws {
        try writer.write { db in
            let missing = try missing(db)
            if !missing.isEmpty {
                try db.execute(
                    sql: "CREATE TABLE IF NOT EXISTS grdb_migrations (identifier TEXT NOT NULL PRIMARY KEY)")
            }
            for step in missing {
                for sql in step.sql { try db.execute(sql: sql) }
                try db.execute(
                    sql: "INSERT INTO grdb_migrations(identifier) VALUES (?)", arguments: [step.id])
            }
            if try !TokenizerVersion.isCurrent(db) {
                try TokenizerVersion.rebuild(db, at: surroundings.now())
            }
            try Blinding.write(db)
            let found = try String.fetchAll(db, sql: "PRAGMA integrity_check(1)")
            guard found == ["ok"] else {
                throw VaultError(
                    .integrityFailure, "the database's structure is damaged: \(found.first ?? "")",
                    hint: "restore from a backup; nothing was changed")
            }
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

    /// What syncing remembers, in the same transactions as the records that it speaks of.
    private static let sync = """
        CREATE TABLE sync_state(id INTEGER PRIMARY KEY CHECK (id = 1), value BLOB NOT NULL);
        CREATE TABLE sync_segment(
            device BLOB NOT NULL, incarnation INTEGER NOT NULL, stream INTEGER NOT NULL,
            sequence INTEGER NOT NULL, hash BLOB NOT NULL, first_batch INTEGER NOT NULL,
            last_batch INTEGER NOT NULL, is_own INTEGER NOT NULL,
            PRIMARY KEY(device, incarnation, stream, sequence)) WITHOUT ROWID;
        CREATE INDEX sync_segment_batches ON sync_segment(is_own, first_batch);
        CREATE TABLE sync_outbox(
            device BLOB NOT NULL, incarnation INTEGER NOT NULL, stream INTEGER NOT NULL,
            sequence INTEGER NOT NULL, hash BLOB NOT NULL, bytes BLOB NOT NULL, offered INTEGER NOT NULL,
            settled INTEGER NOT NULL,
            PRIMARY KEY(device, incarnation, stream, sequence)) WITHOUT ROWID;
        """

    /// Which transactions of the log came from a checkpoint: their segments' own transactions are not known.
    private static let checkpoints = """
        CREATE TABLE sync_checkpoint(first_batch INTEGER PRIMARY KEY, last_batch INTEGER NOT NULL);
        """

    /// Which blobs the remote is said to hold, and by which device; how far the log is sealed, by stream.
    private static let blobsInRemote = """
        CREATE TABLE sync_blob(
            sha256 BLOB NOT NULL, epoch INTEGER NOT NULL, device BLOB NOT NULL,
            misses INTEGER NOT NULL DEFAULT 0, PRIMARY KEY(sha256, epoch)) WITHOUT ROWID;
        CREATE TABLE sync_sealed(stream INTEGER PRIMARY KEY, through INTEGER NOT NULL);
        """

    /// When this device last found a blob in the remote itself, and whether it found it lost there.
    private static let blobsLookedAt = """
        ALTER TABLE sync_blob ADD COLUMN found_at INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE sync_blob ADD COLUMN is_lost INTEGER NOT NULL DEFAULT 0;
        """

    /// Log objects in their final bytes, as long as they may not be in the remote, with the lines in them.
    private static let sealedLogs = """
        CREATE TABLE sync_log(
            sequence INTEGER PRIMARY KEY, hash BLOB NOT NULL, day INTEGER NOT NULL,
            first_line INTEGER NOT NULL, last_line INTEGER NOT NULL, bytes BLOB NOT NULL);
        """

    /// Changes that count nowhere, one a row, and why.
    private static let voided = """
        CREATE TABLE sync_void(
            number INTEGER PRIMARY KEY, device BLOB NOT NULL, incarnation INTEGER NOT NULL,
            stream INTEGER NOT NULL, sequence INTEGER NOT NULL, stamp INTEGER NOT NULL, actor TEXT NOT NULL,
            collection INTEGER NOT NULL, record TEXT NOT NULL, birth_device BLOB NOT NULL,
            birth_incarnation INTEGER NOT NULL, counter INTEGER NOT NULL, fields BLOB NOT NULL,
            reason TEXT NOT NULL, is_taken INTEGER NOT NULL);
        CREATE INDEX sync_void_segment ON sync_void(device, incarnation, stream, sequence);
        """

    /// A document's project. Where the log has changes of other devices, which may have known projects of
    /// documents before, the documents count as hidden, so that the next round shows them anew.
    private static let documentProject = """
        ALTER TABLE document ADD COLUMN project_id TEXT;
        CREATE INDEX document_project ON document(project_id) WHERE project_id IS NOT NULL;
        INSERT OR IGNORE INTO hidden(collection, record, until)
        SELECT \(Collection.document.number), id, 0 FROM document
        WHERE (SELECT count(DISTINCT device) FROM origin) > 1;
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

    /// Records are folded and hashed in the order of their keys.
    private static let merging = """
        CREATE INDEX change_of_record ON change(collection, record);
        DROP INDEX change_record;
        CREATE TABLE hidden(
            collection INTEGER NOT NULL, record TEXT NOT NULL, until INTEGER NOT NULL,
            PRIMARY KEY(collection, record)) WITHOUT ROWID;
        CREATE TABLE conflict(
            collection INTEGER NOT NULL, record TEXT NOT NULL, id TEXT NOT NULL,
            detected_at INTEGER NOT NULL, PRIMARY KEY(collection, record, id)) WITHOUT ROWID;
        CREATE TABLE heard(
            sync_group INTEGER NOT NULL, origin INTEGER NOT NULL, upto INTEGER NOT NULL,
            told INTEGER NOT NULL, PRIMARY KEY(sync_group, origin)) WITHOUT ROWID;
        CREATE TABLE seen(
            observer INTEGER NOT NULL, sync_group INTEGER NOT NULL, observed INTEGER NOT NULL,
            since INTEGER NOT NULL, upto INTEGER NOT NULL,
            PRIMARY KEY(observer, sync_group, observed, since)) WITHOUT ROWID;
        """
}
