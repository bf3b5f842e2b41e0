/// A task as a line of an import describes it.
struct ImportedTask {
    var draft: TaskDraft
    var links: [TaskLink] = []
    /// A project's id or name.
    var project: String?
    /// What a new task doesn't have from its draft: status, output and the like.
    var states: [FieldChange] = []
    private var given: Set<String> = []

    /// What the vault works out by itself, and so doesn't take from a line.
    private static let derived: Set<String> = [
        "updated_at", "version", "blocked", "ready", "tries", "lease_expires_at", "deleted_at",
    ]

    init(_ value: JSONValue) throws {
        guard let object = value.object else { throw VaultError(.invalid, "not a JSON object") }
        guard let title = object["title"]?.string else {
            throw VaultError(.invalid, "'title' is missing or not a text")
        }
        draft = TaskDraft(title: try Text.line(title, "the title"))
        var unknown = JSONObject()
        for (key, value) in object.members where key != "title" {
            if Self.derived.contains(key) { continue }
            if value != .null { given.insert(key) }
            if value == .null { continue }
            if try take(key, value) { continue }
            unknown[key] = value
        }
        for (key, value) in unknown.members { draft.metadata[key] = value }
        if !unknown.isEmpty { given.insert("metadata") }
        given.insert("title")
    }

    /// - Returns: false for a key that is not a task's.
    private mutating func take(_ key: String, _ value: JSONValue) throws -> Bool {
        func text() throws -> String {
            guard let text = value.string else { throw VaultError(.invalid, "'\(key)' is not a text") }
            return text
        }
        func list() throws -> [JSONValue] {
            guard let list = value.array else { throw VaultError(.invalid, "'\(key)' is not an array") }
            return list
        }
        switch key {
        case "id":
            let id = try text()
            guard isForeignID(id) else { throw VaultError(.invalid, "'\(id)' can't be an id") }
            draft.id = id
        case "type": draft.type = try Self.word(try text(), key, TaskType.init(rawValue:))
        case "description": draft.description = try text()
        case "priority": draft.priority = try Self.word(try text(), key, TaskPriority.init(name:))
        case "assigned_to": draft.assignedTo = try text()
        case "project_id", "project": project = try text()
        case "created_by": draft.createdBy = try text()
        case "deadline": draft.deadline = try time(key, value)
        case "tags": draft.tags = try list().compactMap(\.string)
        case "metadata":
            guard let object = value.object else { throw VaultError(.invalid, "'metadata' is not an object") }
            for (key, value) in object.members { draft.metadata[key] = value }
        case "dependencies": links += try list().map { try link(.blocks, $0) }
        case "links":
            links += try list().map { item in
                let kind = try Self.word(item.object?["kind"]?.string ?? "", "kind", LinkKind.init(rawValue:))
                return try link(kind, item.object?["id"] ?? .null)
            }
        case "status":
            states.append(
                TaskField.status(try Self.word(try text(), key, TaskStatus.init(rawValue:)).rawValue))
        case "review":
            states.append(
                TaskField.review(try Self.word(try text(), key, ReviewState.init(rawValue:)).rawValue))
        case "output": states.append(TaskField.output(try text()))
        case "error": states.append(TaskField.error(try text()))
        case "created_at": states.append(TaskField.createdAt(try time(key, value)))
        case "started_at": states.append(TaskField.startedAt(try time(key, value)))
        case "completed_at": states.append(TaskField.completedAt(try time(key, value)))
        default: return false
        }
        return true
    }

    private func link(_ kind: LinkKind, _ value: JSONValue) throws -> TaskLink {
        guard let id = value.string else { throw VaultError(.invalid, "a link without an id") }
        return TaskLink(kind: kind, id: id)
    }

    /// RFC 3339, or milliseconds since 1970.
    private func time(_ key: String, _ value: JSONValue) throws -> Timestamp {
        if let text = value.string, let time = Timestamp(text) { return time }
        if let ms = value.integer { return Timestamp(milliseconds: ms) }
        throw VaultError(.invalid, "'\(key)' is not a time", hint: "write it like 2026-01-31T12:00:00Z")
    }

    private static func word<T>(_ text: String, _ key: String, _ parse: (String) -> T?) throws -> T {
        guard let value = parse(text) else {
            throw VaultError(.invalid, "'\(text)' is no \(key) of a task")
        }
        return value
    }

    /// The fields that the line names and that differ from what the task has.
    func changes(from old: TaskRecord) -> [FieldChange] {
        var metadata = old.metadata
        for (key, value) in draft.metadata.members { metadata[key] = value }
        var fields: [FieldChange] = []
        func compare<T: Equatable>(_ key: String, _ new: T, _ old: T, _ change: FieldChange) {
            if given.contains(key) && new != old { fields.append(change) }
        }
        compare("title", draft.title, old.title, TaskField.title(draft.title))
        compare("type", draft.type, old.type, TaskField.type(draft.type.rawValue))
        compare("description", draft.description, old.description, TaskField.description(draft.description))
        compare(
            "priority", draft.priority, old.priority,
            TaskField.priority(.integer(Int64(draft.priority.rawValue))))
        let agent = draft.assignedTo.map(AgentCatalogue.canonical)
        compare("assigned_to", agent, old.assignedTo, TaskField.assignedTo(agent))
        if project != nil && draft.projectID != old.projectID {
            fields.append(TaskField.projectID(draft.projectID))
        }
        compare("created_by", draft.createdBy, old.createdBy, TaskField.createdBy(draft.createdBy))
        compare("deadline", draft.deadline, old.deadline, TaskField.deadline(draft.deadline))
        compare("tags", draft.tags, old.tags, TaskField.tags(Text.encode(draft.tags)))
        compare("metadata", metadata, old.metadata, TaskField.metadata(JSONValue.object(metadata).text))
        // Completion is final, whatever an older list says.
        let states = states.filter { old.status != .completed || $0.field != TaskField.status.rawValue }
        return fields + states.filter { $0.value != old.value(of: $0.field) }
    }
}

extension TaskRecord {
    /// The present value of one of the fields that an import may set directly.
    fileprivate func value(of field: UInt32) -> FieldValue {
        func text(_ text: String?) -> FieldValue { text.map(FieldValue.text) ?? .null }
        func time(_ time: Timestamp?) -> FieldValue { time.map { .integer($0.milliseconds) } ?? .null }
        return switch TaskField(rawValue: field) {
        case .status: .text(status.rawValue)
        case .review: .text(review.rawValue)
        case .output: text(output)
        case .error: text(error)
        case .createdAt: time(createdAt)
        case .startedAt: time(startedAt)
        case .completedAt: time(completedAt)
        default: .null
        }
    }
}
