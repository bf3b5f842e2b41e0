internal import GRDB

/// Fields of a task by the numbers they have in the change log.
enum TaskField: UInt32 {
    case type = 1
    case title, description, status, priority, assignedTo, projectID, createdBy
    case createdAt, startedAt, completedAt, deadline, output, error, review, tags, metadata

    func callAsFunction(_ value: FieldValue) -> FieldChange { FieldChange(rawValue, value) }
    func callAsFunction(_ text: String?) -> FieldChange { self(text.map(FieldValue.text) ?? .null) }
    func callAsFunction(_ time: Timestamp?) -> FieldChange {
        self(time.map { .integer($0.milliseconds) } ?? .null)
    }
}

extension WriteTransaction {
    /// Makes a task. Its project and the tasks it is linked to must exist.
    @discardableResult
    public func createTask(_ draft: TaskDraft) throws -> TaskRecord {
        let id = try draft.id ?? ids.next(.task)
        guard isForeignID(id) else {
            throw VaultError(
                .invalid, "'\(id)' can't be an id", hint: "1 to 64 letters, digits, dots, dashes, underscores"
            )
        }
        guard try !exists(.task, id, inTrash: true) else {
            throw VaultError(.conflict, "there is a task \(id) already")
        }
        guard try draft.id == nil || state(RecordKey(Collection.task.number, id)).purge == nil else {
            throw VaultError(
                .conflict, "a task \(id) was removed for good", hint: "give this one another id")
        }
        if let project = draft.projectID, try !exists(.project, project) { throw notFound(project, .project) }
        try insert(
            .task, id: id,
            [
                TaskField.type(draft.type.rawValue), TaskField.title(try Text.line(draft.title, "the title")),
                TaskField.description(draft.description), TaskField.status(TaskStatus.pending.rawValue),
                TaskField.priority(.integer(Int64(draft.priority.rawValue))),
                TaskField.assignedTo(draft.assignedTo.map(AgentCatalogue.canonical)),
                TaskField.projectID(draft.projectID), TaskField.createdBy(draft.createdBy ?? actor),
                TaskField.createdAt(now), TaskField.deadline(draft.deadline),
                TaskField.tags(Text.encode(try Text.tags(draft.tags))),
                TaskField.metadata(JSONValue.object(draft.metadata).text),
            ])
        for target in draft.dependencies { try addLink(id, TaskLink(kind: .blocks, id: target)) }
        for link in draft.links { try addLink(id, link) }
        return try task(id)
    }

    /// Changes a task's fields and links; its status changes by `start`, `complete` and the like.
    @discardableResult
    public func updateTask(_ id: String, _ changes: TaskUpdate) throws -> TaskRecord {
        let task = try liveTask(id)
        if let version = changes.ifVersion, version != task.version {
            throw VaultError(
                .conflict, "\(id) has changed: it has version \(task.version), not \(version)",
                hint: "look at it again, then repeat the change")
        }
        if case .some(.some(let project)) = changes.projectID, try !exists(.project, project) {
            throw notFound(project, .project)
        }
        var fields: [FieldChange] = []
        if let title = changes.title { fields.append(TaskField.title(try Text.line(title, "the title"))) }
        if let type = changes.type { fields.append(TaskField.type(type.rawValue)) }
        if let text = changes.description { fields.append(TaskField.description(text)) }
        if let priority = changes.priority {
            fields.append(TaskField.priority(.integer(Int64(priority.rawValue))))
        }
        if let agent = changes.assignedTo {
            fields.append(TaskField.assignedTo(agent.map(AgentCatalogue.canonical)))
        }
        if let project = changes.projectID { fields.append(TaskField.projectID(project)) }
        if let deadline = changes.deadline { fields.append(TaskField.deadline(deadline)) }
        if let output = changes.output { fields.append(TaskField.output(output)) }
        if let error = changes.error { fields.append(TaskField.error(error)) }
        if let review = changes.review { fields.append(TaskField.review(review.rawValue)) }
        if let tags = changes.tags { fields.append(TaskField.tags(Text.encode(try Text.tags(tags)))) }
        if let metadata = changes.metadata {
            fields.append(TaskField.metadata(JSONValue.object(metadata).text))
        }
        try update(.task, id: id, fields)
        for link in changes.removeLinks { try removeLink(id, link) }
        for link in changes.addLinks { try addLink(id, link) }
        return try self.task(id)
    }

    /// The task, which must not be in the trash.
    func liveTask(_ id: String) throws -> TaskRecord {
        let task = try self.task(id)
        guard task.deletedAt == nil else {
            throw VaultError(.conflict, "\(id) is in the trash", hint: "restore it first")
        }
        return task
    }

    /// Says something about a task.
    @discardableResult
    public func comment(_ text: String, on id: String) throws -> TaskComment {
        _ = try liveTask(id)
        guard !text.isEmpty else { throw VaultError(.invalid, "the comment is empty") }
        let comment = TaskComment(
            id: try ids.next(.comment), taskID: id, author: actor, text: text, createdAt: now)
        try insert(
            .comment, id: comment.id,
            [
                FieldChange(1, .text(id)), FieldChange(2, .text(actor)), FieldChange(3, .text(text)),
                FieldChange(4, .integer(now.milliseconds)),
            ])
        return comment
    }
}

extension ReadTransaction {
    /// What was said about a task, oldest first.
    public func comments(of id: String) throws -> [TaskComment] {
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT id, task_id, author, body, created_at FROM comment
                WHERE task_id = ? AND deleted_at IS NULL ORDER BY row
                """,
            arguments: [id])
        return rows.map { row in
            TaskComment(
                id: row[0], taskID: row[1], author: row[2], text: row[3],
                createdAt: Timestamp(milliseconds: row[4]))
        }
    }
}
