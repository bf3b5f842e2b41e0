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
                JOIN change_batch b ON b.seq = c.batch
                WHERE c.record = ?1 AND c.collection = 1
                    OR c.record IN (SELECT id FROM link WHERE task_id = ?1 UNION ALL
                        SELECT id FROM comment WHERE task_id = ?1) AND c.collection IN (2, 3)
                ORDER BY b.stamp, c.seq
                """,
            arguments: [id])
        var status = ""
        return try rows.map { row in
            let fields = try FieldCodec.decode(Array(row[1] as Data))
            let collection = Collection.numbered(row[0]) ?? .task
            let device = Hex.encode(try origins.origin(db, row[4]).device)
            return TaskEvent(
                time: HybridTime(rawValue: row[2]).time, actor: row[3],
                action: Self.action(collection, fields, status: &status),
                fields: collection.json(fields, record: row[5]), device: device)
        }
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
    func json(_ fields: [FieldChange], record: String) -> JSONObject {
        var object = JSONObject()
        if number != Self.task.number { object["id"] = .string(record) }
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
}
