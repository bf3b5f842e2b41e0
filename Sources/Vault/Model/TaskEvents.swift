/// One entry of a task's history: what one transaction changed in it.
public struct TaskEvent: Sendable, Equatable {
    public var time: Timestamp
    /// Who did it.
    public var actor: String
    /// `created, assigned, started, completed, failed, cancelled, released, reopened, deleted, restored,
    /// purged, commented, linked, unlinked` or `updated`.
    public var action: String
    /// The fields that changed and what they became.
    public var fields: JSONObject
    /// The device that wrote it, in hexadecimal.
    public var device: String
    /// The fields whose value did not last: another device changed them without knowing of it, or its clock
    /// was ahead.
    public var overruled: [String] = []
}

extension TaskEvent: JSONEncodable {
    public func encode(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.field("time", time)
            writer.field("actor", actor)
            writer.field("action", action)
            writer.field("fields", .object(fields))
            writer.field("device", device)
            writer.field("overruled", overruled)
        }
    }
}

/// What somebody said about a task.
public struct TaskComment: Sendable, Equatable {
    public var id: String
    public var taskID: String
    public var author: String
    public var text: String
    public var createdAt: Timestamp
}

extension TaskComment: JSONEncodable {
    public func encode(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.field("id", id)
            writer.field("task_id", taskID)
            writer.field("author", author)
            writer.field("text", text)
            writer.field("created_at", createdAt)
        }
    }
}

/// A claimed task and the proof of the claim.
public struct TaskClaim: Sendable, Equatable {
    public var task: TaskRecord
    public var leaseToken: String
    public var leaseExpiresAt: Timestamp
}

extension TaskClaim: JSONEncodable {
    public func encode(to writer: inout JSONWriter) {
        writer.object { writer in
            var task = task
            task.leaseExpiresAt = leaseExpiresAt
            writer.taskFields(task)
            writer.field("lease_token", leaseToken)
        }
    }
}

/// A task that matched a search.
public struct TaskHit: Sendable, Equatable {
    public var task: TaskRecord
    /// A piece of the text around the match, the match between `[` and `]`.
    public var snippet: String
}

extension TaskHit: JSONEncodable {
    public func encode(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.taskFields(task)
            writer.field("snippet", snippet)
        }
    }
}
