internal import GRDB

extension ReadTransaction {
    /// The task with this full id, in the trash or not.
    public func task(_ id: String) throws -> TaskRecord {
        guard let task = try fetchTasks(where: "t.id = ?", [id]).first else { throw notFound(id, .task) }
        return task
    }

    /// Tasks, the most urgent first: priority, then deadline, then age.
    public func tasks(_ filter: TaskFilter = TaskFilter()) throws -> Page<TaskRecord> {
        var conditions = [filter.deleted ? "t.deleted_at IS NOT NULL" : "t.deleted_at IS NULL"]
        var arguments: [any DatabaseValueConvertible] = []
        func require(_ condition: String, _ value: any DatabaseValueConvertible) {
            conditions.append(condition)
            arguments.append(value)
        }
        if !filter.statuses.isEmpty {
            let marks = Array(repeating: "?", count: filter.statuses.count).joined(separator: ",")
            conditions.append("t.status IN (\(marks))")
            arguments += filter.statuses.map(\.rawValue)
        }
        if let project = filter.projectID { require("t.project_id = ?", project) }
        if let agent = filter.assignedTo { require("t.assigned_to = ?", AgentCatalogue.canonical(agent)) }
        if let type = filter.type { require("t.type = ?", type.rawValue) }
        if let priority = filter.priority { require("t.priority = ?", priority.rawValue) }
        if let tag = filter.tag {
            require("EXISTS (SELECT 1 FROM json_each(t.tags) j WHERE j.value = ?)", tag)
        }
        if filter.readyOnly { conditions.append(TaskSQL.isOpen + " AND NOT " + TaskSQL.isBlocked) }
        if filter.overdueOnly {
            require("t.status IN ('pending','assigned','in_progress') AND t.deadline < ?", now.milliseconds)
        }
        let limit = filter.limit > 0 ? " LIMIT \(filter.limit + 1)" : ""
        let tasks = try fetchTasks(
            where: conditions.joined(separator: " AND "), StatementArguments(arguments),
            suffix: " ORDER BY \(TaskSQL.urgency)\(limit)")
        let hasMore = filter.limit > 0 && tasks.count > filter.limit
        return Page(items: hasMore ? Array(tasks.prefix(filter.limit)) : tasks, hasMore: hasMore)
    }

    /// Tasks that meet an SQL condition on `task t`, links and all.
    func fetchTasks(
        where condition: String, _ arguments: StatementArguments, suffix: String = ""
    ) throws -> [TaskRecord] {
        let statement = try db.cachedStatement(
            sql: "SELECT \(TaskSQL.columns) FROM task t WHERE \(condition)\(suffix)")
        var tasks: [TaskRecord] = []
        let rows = try Row.fetchCursor(statement, arguments: arguments)
        while let row = try rows.next() { tasks.append(try TaskSQL.record(row)) }
        try addLinks(to: &tasks)
        return tasks
    }

    private func addLinks(to tasks: inout [TaskRecord]) throws {
        if tasks.count > 50 {
            var links: [String: [TaskLink]] = [:]
            let rows = try Row.fetchCursor(
                db,
                sql: "SELECT task_id, kind, target_id FROM link WHERE deleted_at IS NULL ORDER BY row")
            while let row = try rows.next() {
                guard let kind = LinkKind(rawValue: row[1]) else { continue }
                links[row[0], default: []].append(TaskLink(kind: kind, id: row[2]))
            }
            guard !links.isEmpty else { return }
            for i in tasks.indices { tasks[i].setLinks(links[tasks[i].id] ?? []) }
        } else {
            for i in tasks.indices { tasks[i].setLinks(try links(of: tasks[i].id)) }
        }
    }

    func links(of id: String) throws -> [TaskLink] {
        let statement = try db.cachedStatement(
            sql: """
                SELECT kind, target_id FROM link WHERE task_id = ? AND deleted_at IS NULL ORDER BY row
                """)
        return try Row.fetchAll(statement, arguments: [id]).compactMap { row in
            LinkKind(rawValue: row[0]).map { TaskLink(kind: $0, id: row[1]) }
        }
    }
}

extension TaskRecord {
    fileprivate mutating func setLinks(_ all: [TaskLink]) {
        dependencies = all.filter { $0.kind == .blocks }.map(\.id)
        links = all.filter { $0.kind != .blocks }
    }
}

/// Pieces of SQL that speak about `task t`.
enum TaskSQL {
    static let columns = """
        t.id, t.type, t.title, t.description, t.status, t.priority, t.assigned_to, t.project_id, t.created_by,
        t.created_at, t.updated_at, t.started_at, t.completed_at, t.deadline, t.output, t.error, t.review,
        t.tags, t.metadata, t.version, t.deleted_at, t.tries, t.lease_expires_at,
        (\(isOpen) AND \(isBlocked))
        """

    /// Waiting to be started.
    static let isOpen = "t.status IN ('pending', 'assigned')"

    /// Some task that it waits for has not come to the end it waits for. What is in the trash holds up
    /// nothing.
    static let isBlocked = """
        EXISTS (SELECT 1 FROM link l JOIN task d ON d.id = l.target_id
            WHERE l.task_id = t.id AND l.kind IN ('blocks', 'on_failure') AND l.deleted_at IS NULL
            AND d.deleted_at IS NULL
            AND d.status <> CASE l.kind WHEN 'blocks' THEN 'completed' ELSE 'failed' END)
        """

    /// An agent, the first argument, may take it; the second is a type or null.
    static let isClaimable = """
        \(isOpen) AND t.deleted_at IS NULL AND (t.assigned_to IS NULL OR t.assigned_to = ?1)
        AND (?2 IS NULL OR t.type = ?2) AND NOT \(isBlocked)
        """

    /// Critical first, then the nearest deadline, then the oldest.
    static let urgency = "t.priority DESC, ifnull(t.deadline, 9223372036854775807), t.created_at, t.id"

    static func record(_ row: Row) throws -> TaskRecord {
        func time(_ index: Int) -> Timestamp? {
            (row[index] as Int64?).map(Timestamp.init(milliseconds:))
        }
        return try TaskRecord(
            id: row[0], type: TaskType(rawValue: row[1]) ?? .implementFeature, title: row[2],
            description: row[3], status: TaskStatus(rawValue: row[4]) ?? .pending,
            priority: TaskPriority(rawValue: row[5]) ?? .medium, assignedTo: row[6], projectID: row[7],
            createdBy: row[8], createdAt: Timestamp(milliseconds: row[9]),
            updatedAt: Timestamp(milliseconds: row[10]), startedAt: time(11), completedAt: time(12),
            deadline: time(13), output: row[14], error: row[15],
            review: ReviewState(rawValue: row[16]) ?? .none, tags: Text.decodeList(row[17]),
            metadata: Text.decodeObject(row[18]), version: row[19], deletedAt: time(20), dependencies: [],
            links: [], isBlocked: row[23], tries: row[21], leaseExpiresAt: time(22))
    }
}
