/// One of the twelve agents. Its status and current task follow from the tasks.
public struct AgentRecord: Sendable, Equatable {
    /// Without the prefix `agent-`.
    public var id: String
    public var name: String
    public var role: String
    public var capabilities: [String]
    /// `idle` or `busy`.
    public var status: String
    public var currentTaskID: String?
}

extension AgentRecord: JSONEncodable {
    public func encode(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.field("id", id)
            writer.field("name", name)
            writer.field("role", role)
            writer.field("status", status)
            writer.field("capabilities", capabilities)
            writer.field("current_task_id", currentTaskID)
        }
    }
}

/// What an agent has done so far.
public struct AgentMetrics: Sendable, Equatable {
    public var agentID: String
    public var totalTasks: Int
    public var completedTasks: Int
    public var failedTasks: Int
    /// Completed among completed and failed, 0…1; nil before the first of either.
    public var successRate: Double?
    /// Mean seconds from start to completion; nil before the first.
    public var averageCompletionSeconds: Double?
    public var lastActive: Timestamp?
}

extension AgentMetrics: JSONEncodable {
    public func encode(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.field("agent_id", agentID)
            writer.field("total_tasks", totalTasks)
            writer.field("completed_tasks", completedTasks)
            writer.field("failed_tasks", failedTasks)
            writer.field("success_rate", successRate)
            writer.field("avg_completion_s", averageCompletionSeconds)
            writer.field("last_active", lastActive)
        }
    }
}
