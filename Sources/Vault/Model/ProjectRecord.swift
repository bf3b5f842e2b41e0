/// Whether a project is being worked on.
public enum ProjectStatus: String, Sendable, CaseIterable { case active, archived }

/// A project: a name that tasks belong to.
public struct ProjectRecord: Sendable, Equatable {
    public var id: String
    public var name: String
    public var description: String
    public var status: ProjectStatus
    public var createdAt: Timestamp
    public var updatedAt: Timestamp
    public var deletedAt: Timestamp?
    /// How many tasks it has that are not in the trash, and how many of them are not final yet.
    public var taskCount: Int
    public var openTaskCount: Int
}

extension ProjectRecord: JSONEncodable {
    public func encode(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.field("id", id)
            writer.field("name", name)
            writer.field("description", description)
            writer.field("status", status.rawValue)
            writer.field("created_at", createdAt)
            writer.field("updated_at", updatedAt)
            writer.field("deleted_at", deletedAt)
            writer.field("tasks", taskCount)
            writer.field("open_tasks", openTaskCount)
        }
    }
}
