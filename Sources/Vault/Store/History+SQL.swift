internal import FoundationEssentials
internal import GRDB

extension ReadTransaction {
    /// What happened to a task, oldest first: the change log's entries about it, its links and comments.
    public func history(of id: String) throws -> [TaskEvent] {
        guard try exists(.task, id, inTrash: true) else { throw notFound(id, .task) }
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT c.collection, c.fields, b.stamp, b.actor, b.origin, c.record FROM change c
                JOIN change_batch b ON b.seq = c.batch JOIN origin o ON o.id = b.origin
                WHERE c.record = ?1 AND c.collection = 1
                    OR c.record IN (SELECT id FROM link WHERE task_id = ?1 UNION ALL
                        SELECT id FROM comment WHERE task_id = ?1) AND c.collection IN (2, 3)
                ORDER BY b.stamp, o.device, c.seq
                """,
            arguments: [id])
        var status = ""
        let state = try state(RecordKey(Collection.task.number, id))
        return try rows.map { row in
            let fields = try FieldCodec.decode(Array(row[1] as Data))
            let collection = Collection.numbered(row[0]) ?? .task
            let device = Hex.encode(try origins.origin(db, row[4]).device)
            return TaskEvent(
                time: HybridTime(rawValue: row[2]).time, actor: row[3],
                action: Self.action(collection, fields, status: &status),
                fields: collection.json(fields, record: row[5]), device: device,
                overruled: collection.number == state.key.collection
                    ? try overruled(
                        fields, HybridTime(rawValue: row[2]), try origins.origin(db, row[4]), in: state)
                    : [])
        }
    }

    /// The fields whose value gave way to one whose author had not seen it, or was demoted.
    private func overruled(
        _ fields: [FieldChange], _ stamp: HybridTime, _ origin: Origin, in state: RecordState
    ) throws -> [String] {
        try fields.filter { change in
            let register = Register(change.value, stamp: stamp, origin: origin)
            if state.isDemoted(register, change.field) { return true }
            if let winner = state.winner(change.field), winner < register { return true }
            let next = state.registers(change.field).first {
                register < $0 && !state.isDemoted($0, change.field)
            }
            guard let next, let group = SyncGroup(collection: state.key.collection) else { return false }
            return try !wasSeen(register, by: next, group)
        }.map { Collection.task.column($0.field) ?? "field_\($0.field)" }
    }

    /// Names what a set of changes means. `status` carries the status from one event to the next.
    private static func action(
        _ collection: Collection, _ fields: [FieldChange], status: inout String
    ) -> String {
        let deleted = fields.first { $0.field == Collection.deletedField }?.value
        if collection.number == Collection.link.number {
            return deleted == nil || deleted == .null ? "linked" : "unlinked"
        }
        if collection.number == Collection.comment.number { return "commented" }
        if fields.contains(where: { $0.field == Collection.purgedField }) { return "purged" }
        if let deleted { return deleted == .null ? "restored" : "deleted" }
        guard case .text(let new)? = fields.first(where: { $0.field == TaskField.status.rawValue })?.value
        else {
            let onlyAssigned = fields.allSatisfy { $0.field == TaskField.assignedTo.rawValue }
            return onlyAssigned ? "assigned" : "updated"
        }
        defer { status = new }
        if status.isEmpty { return "created" }
        switch new {
        case "in_progress": return "started"
        case "pending": return status == "in_progress" || status == "assigned" ? "released" : "reopened"
        default: return new
        }
    }
}

extension Collection {
    /// Fields by their names, for people.
    /// - Parameter record: an id that is added for others than tasks.
    func json(_ fields: [FieldChange], record: String? = nil) -> JSONObject {
        var object = JSONObject()
        if number != Self.task.number, let record { object["id"] = .string(record) }
        for change in fields {
            let name = column(change.field) ?? "field_\(change.field)"
            object[name] = readable(name, change.value)
        }
        return object
    }

    private func readable(_ name: String, _ value: FieldValue) -> JSONValue {
        switch value {
        case .null: return .null
        case .integer(let number) where name.hasSuffix("_at") || name == "deadline":
            return .string(Timestamp(milliseconds: number).description)
        case .integer(let number) where name == "priority":
            return TaskPriority(rawValue: Int(number)).map { .string($0.name) } ?? .integer(number)
        case .integer(let number): return .integer(number)
        case .real(let number): return .number(number)
        case .text(let text) where name == "tags" || name == "metadata" || name == "parents":
            return (try? JSONValue(parsing: text)) ?? .string(text)
        case .text(let text): return .string(text)
        case .blob(let bytes): return .string(Hex.encode(bytes))
        }
    }

    /// Fields from what `json` makes of them.
    func fields(_ value: JSONValue) throws -> [FieldChange] {
        guard let object = value.object else {
            throw VaultError(.invalid, "not a JSON object", hint: "give one with a member for each field")
        }
        return try object.members.map { name, value in
            guard let field = field(name) else { throw VaultError(.invalid, "no field is called '\(name)'") }
            return FieldChange(field, try written(name, value))
        }
    }

    private func written(_ name: String, _ value: JSONValue) throws -> FieldValue {
        switch value {
        case .null: return .null
        case .integer(let number): return .integer(number)
        case .number(let number): return .real(number)
        case .array, .object: return .text(value.text)
        case .string(let text) where name.hasSuffix("_at") || name == "deadline":
            guard let time = Timestamp(text) else { throw VaultError(.invalid, "'\(name)' is not a time") }
            return .integer(time.milliseconds)
        case .string(let text) where name == "priority":
            guard let priority = TaskPriority(name: text) else {
                throw VaultError(.invalid, "'\(text)' is no priority")
            }
            return .integer(Int64(priority.rawValue))
        case .string(let text): return .text(text)
        case .bool: throw VaultError(.invalid, "'\(name)' can't be true or false")
        }
    }
}
