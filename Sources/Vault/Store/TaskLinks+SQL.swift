internal import GRDB

extension WriteTransaction {
    /// Links a task to another one; a link that is there already stays.
    /// - Throws: `conflict` when it would close a circle, with the way round.
    public func addLink(_ id: String, _ link: TaskLink) throws {
        guard try exists(.task, link.id) else { throw notFound(link.id, .task) }
        let kinds = link.kind.acyclicWith
        if !kinds.isEmpty, let path = try path(from: link.id, to: id, kinds) {
            throw VaultError(
                .conflict, "that would close a circle: \(([id] + path).joined(separator: " -> "))",
                hint: "remove one of these links first")
        }
        let record = linkID(id, link)
        let deleted = try Bool.fetchOne(
            db.cachedStatement(sql: "SELECT deleted_at IS NOT NULL FROM link WHERE id = ?"),
            arguments: [record])
        switch deleted {
        case false?: return
        case true?: try update(.link, id: record, [FieldChange(Collection.deletedField, .null)])
        case nil:
            try insert(
                .link, id: record,
                [
                    FieldChange(1, .text(id)), FieldChange(2, .text(link.kind.rawValue)),
                    FieldChange(3, .text(link.id)),
                ])
        }
    }

    /// Removes a link.
    public func removeLink(_ id: String, _ link: TaskLink) throws {
        let record = linkID(id, link)
        guard try exists(.link, record) else {
            throw VaultError(.notFound, "\(id) has no link \(link.kind.rawValue) to \(link.id)")
        }
        try update(.link, id: record, [FieldChange(Collection.deletedField, .integer(now.milliseconds))])
    }

    private func linkID(_ id: String, _ link: TaskLink) -> String {
        "\(id)>\(link.kind.rawValue)>\(link.id)"
    }

    /// The shortest way along links from one task to another, both included; nil when there is none.
    private func path(from start: String, to goal: String, _ kinds: [LinkKind]) throws -> [String]? {
        let names = kinds.map { "'\($0.rawValue)'" }.joined(separator: ",")
        let next = try db.cachedStatement(
            sql: """
                SELECT target_id FROM link
                WHERE task_id = ? AND kind IN (\(names)) AND deleted_at IS NULL ORDER BY row
                """)
        var cameFrom: [String: String] = [start: start]
        var queue = [start]
        var position = 0
        while position < queue.count {
            let current = queue[position]
            position += 1
            if current == goal {
                var path = [current]
                while let last = path.last, let before = cameFrom[last], before != last {
                    path.append(before)
                }
                return path.reversed()
            }
            for target in try String.fetchAll(next, arguments: [current]) where cameFrom[target] == nil {
                cameFrom[target] = current
                queue.append(target)
            }
        }
        return nil
    }
}
