internal import GRDB

extension ReadTransaction {
    /// Projects, oldest first.
    public func projects(archived: Bool = true, deleted: Bool = false) throws -> [ProjectRecord] {
        try fetchProjects(
            "p.deleted_at IS \(deleted ? "NOT " : "")NULL" + (archived ? "" : " AND p.status = 'active'"), [])
    }

    /// The project with this full id.
    public func project(_ id: String) throws -> ProjectRecord {
        guard let project = try fetchProjects("p.id = ?", [id]).first else { throw notFound(id, .project) }
        return project
    }

    /// The full id of the project that an id, a shortened id or an exact name means.
    public func resolveProject(_ text: String) throws -> String {
        let named = try String.fetchAll(
            db, sql: "SELECT id FROM project WHERE name = ? AND deleted_at IS NULL LIMIT 11",
            arguments: [text])
        if named.count == 1 { return named[0] }
        guard named.isEmpty else {
            throw VaultError(
                .ambiguousID, "several projects are called '\(text)'",
                hint: "give the id: " + named.joined(separator: ", "), candidates: named)
        }
        return try resolve(text, .project)
    }

    private func fetchProjects(_ condition: String, _ arguments: StatementArguments) throws -> [ProjectRecord]
    {
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT p.id, p.name, p.description, p.status, p.created_at, p.updated_at, p.deleted_at,
                    count(t.id), count(t.id) FILTER (WHERE t.status NOT IN ('completed', 'cancelled'))
                FROM project p LEFT JOIN task t ON t.project_id = p.id AND t.deleted_at IS NULL
                WHERE \(condition) GROUP BY p.row ORDER BY p.row
                """,
            arguments: arguments)
        return rows.map { row in
            ProjectRecord(
                id: row[0], name: row[1], description: row[2],
                status: ProjectStatus(rawValue: row[3]) ?? .active,
                createdAt: Timestamp(milliseconds: row[4]), updatedAt: Timestamp(milliseconds: row[5]),
                deletedAt: (row[6] as Int64?).map(Timestamp.init(milliseconds:)),
                taskCount: row[7], openTaskCount: row[8])
        }
    }
}

extension WriteTransaction {
    /// Makes a project.
    @discardableResult
    public func createProject(name: String, description: String = "") throws -> ProjectRecord {
        let id = try ids.next(.project)
        try insert(
            .project, id: id,
            [
                FieldChange(1, .text(try Text.line(name, "the project's name"))),
                FieldChange(2, .text(description)), FieldChange(3, .text(ProjectStatus.active.rawValue)),
                FieldChange(4, .integer(now.milliseconds)),
            ])
        return try project(id)
    }

    /// Changes a project's name, description or status.
    @discardableResult
    public func updateProject(
        _ id: String, name: String? = nil, description: String? = nil, status: ProjectStatus? = nil
    ) throws -> ProjectRecord {
        var fields: [FieldChange] = []
        if let name { fields.append(FieldChange(1, .text(try Text.line(name, "the project's name")))) }
        if let description { fields.append(FieldChange(2, .text(description))) }
        if let status { fields.append(FieldChange(3, .text(status.rawValue))) }
        try update(.project, id: id, fields)
        return try project(id)
    }

    /// Puts a project into the trash; its tasks stay. With tasks in it that are not final, this is refused
    /// unless `force`.
    public func deleteProject(_ id: String, force: Bool = false) throws {
        let open = try project(id).openTaskCount
        guard open == 0 || force else {
            throw VaultError(
                .conflict, "the project has \(open) open task\(open == 1 ? "" : "s")",
                hint: "finish or move them, archive the project instead, or confirm the deletion")
        }
        try update(.project, id: id, [FieldChange(Collection.deletedField, .integer(now.milliseconds))])
    }

    /// Takes a project out of the trash.
    @discardableResult
    public func restoreProject(_ id: String) throws -> ProjectRecord {
        try update(.project, id: id, [FieldChange(Collection.deletedField, .null)])
        return try project(id)
    }
}
