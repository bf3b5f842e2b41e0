/// A task as the vault holds it, with what follows from other tasks.
public struct TaskRecord: Sendable, Equatable {
    public var id: String
    public var type: TaskType
    public var title: String
    public var description: String
    public var status: TaskStatus
    public var priority: TaskPriority
    /// An agent's name without `agent-`, or a person's.
    public var assignedTo: String?
    public var projectID: String?
    public var createdBy: String
    public var createdAt: Timestamp
    public var updatedAt: Timestamp
    public var startedAt: Timestamp?
    public var completedAt: Timestamp?
    public var deadline: Timestamp?
    public var output: String?
    public var error: String?
    public var review: ReviewState
    public var tags: [String]
    /// A JSON object: what an import knew and the vault has no column for.
    public var metadata: JSONObject
    /// Counts the changes to this record.
    public var version: Int
    /// When it went into the trash.
    public var deletedAt: Timestamp?
    /// The ids this task waits for (links of kind `blocks`).
    public var dependencies: [String]
    /// The links of other kinds.
    public var links: [TaskLink]
    /// True when an open task waits for another one.
    public var isBlocked: Bool
    /// True when it may be started now.
    public var isReady: Bool { !isBlocked && deletedAt == nil && (status == .pending || status == .assigned) }
    /// How often a claim of it has run out.
    public var tries: Int
    /// When the running claim ends unless it is renewed.
    public var leaseExpiresAt: Timestamp?
}

extension TaskRecord: JSONEncodable {
    public func encode(to writer: inout JSONWriter) {
        writer.object { $0.taskFields(self) }
    }
}

extension JSONWriter {
    /// The members of a task's object, for records that add some of their own.
    public mutating func taskFields(_ task: TaskRecord) {
        field("id", task.id)
        field("type", task.type.rawValue)
        field("title", task.title)
        field("description", task.description)
        field("status", task.status.rawValue)
        field("priority", task.priority.name)
        field("assigned_to", task.assignedTo)
        field("project_id", task.projectID)
        field("dependencies", task.dependencies)
        field("created_by", task.createdBy)
        field("created_at", task.createdAt)
        field("updated_at", task.updatedAt)
        field("started_at", task.startedAt)
        field("completed_at", task.completedAt)
        field("deadline", task.deadline)
        field("output", task.output)
        field("error", task.error)
        field("metadata", .object(task.metadata))
        field("tags", task.tags)
        field("version", task.version)
        field("links", task.links)
        field("review", task.review.rawValue)
        field("blocked", task.isBlocked)
        field("ready", task.isReady)
        field("tries", task.tries)
        field("lease_expires_at", task.leaseExpiresAt)
        field("deleted_at", task.deletedAt)
    }
}

extension TaskLink: JSONEncodable {
    public func encode(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.field("kind", kind.rawValue)
            writer.field("id", id)
        }
    }
}
