internal import GRDB

/// How long the trash keeps things.
package let trashDays: Int64 = 30

extension WriteTransaction {
    /// Puts a task into the trash. What it holds up is held up no longer.
    @discardableResult
    public func deleteTask(_ id: String) throws -> TaskRecord {
        _ = try liveTask(id)
        try update(.task, id: id, [FieldChange(Collection.deletedField, .integer(now.milliseconds))])
        return try task(id)
    }

    /// Takes a task out of the trash.
    @discardableResult
    public func restoreTask(_ id: String) throws -> TaskRecord {
        let task = try self.task(id)
        guard task.deletedAt != nil else { throw VaultError(.conflict, "\(id) is not in the trash") }
        try update(.task, id: id, [FieldChange(Collection.deletedField, .null)])
        return try self.task(id)
    }

    /// Removes a task for good: its text, its comments, its links and its history.
    public func purgeTask(_ id: String) throws {
        guard try exists(.task, id, inTrash: true) else { throw notFound(id, .task) }
        try purgeRecords(ofTask: id)
        try SearchIndex.compact(db)
    }

    private func purgeRecords(ofTask id: String) throws {
        let comments = try String.fetchAll(
            db, sql: "SELECT id FROM comment WHERE task_id = ?", arguments: [id])
        let links = try String.fetchAll(
            db, sql: "SELECT id FROM link WHERE task_id = ?1 OR target_id = ?1", arguments: [id])
        for comment in comments { try purge(.comment, id: comment) }
        for link in links { try purge(.link, id: link) }
        try purge(.task, id: id)
    }

    /// Purges what has been in the trash for 30 days, `limit` tasks, projects and documents at most of each.
    /// `Vault.sweepBlobs` then removes what the documents held.
    /// - Returns: how many went.
    @discardableResult
    public func emptyTrash(limit: Int = Int(Int32.max)) throws -> Int {
        // Who may not remove for good learns of it from the others.
        guard rules?.allowsPurge ?? true else { return 0 }
        let end = now.advanced(byMilliseconds: -trashDays * 86_400_000).milliseconds
        func expired(_ table: String) throws -> [String] {
            try String.fetchAll(
                db, sql: "SELECT id FROM \(table) WHERE deleted_at < ? LIMIT ?", arguments: [end, limit])
        }
        let tasks = try expired("task")
        for id in tasks { try purgeRecords(ofTask: id) }
        if !tasks.isEmpty { try SearchIndex.compact(db) }
        let projects = try expired("project")
        for id in projects { try purge(.project, id: id) }
        let documents = try expired("document")
        for id in documents { try purgeRecords(ofDocument: id) }
        if !documents.isEmpty { try ChunkIndex.compact(db) }
        return tasks.count + projects.count + documents.count
    }
}
