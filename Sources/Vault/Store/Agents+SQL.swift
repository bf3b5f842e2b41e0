internal import GRDB

extension ReadTransaction {
    /// The twelve agents with what they are doing.
    public func agents() throws -> [AgentRecord] {
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT assigned_to, id FROM task
                WHERE status = 'in_progress' AND assigned_to IS NOT NULL AND deleted_at IS NULL
                ORDER BY started_at DESC
                """)
        let current = rows.reduce(into: [String: String]()) { $0[$1[0]] = $1[1] as String }
        return AgentCatalogue.all.map { agent in
            var agent = agent
            agent.currentTaskID = current[agent.id]
            agent.status = agent.currentTaskID == nil ? "idle" : "busy"
            return agent
        }
    }

    /// One of the twelve, by its name with or without `agent-`.
    public func agent(_ name: String) throws -> AgentRecord {
        let id = try AgentCatalogue.resolve(name)
        guard let agent = try agents().first(where: { $0.id == id }) else {
            throw VaultError(.notFound, "no agent is called '\(name)'")
        }
        return agent
    }

    /// What an agent has done.
    public func metrics(of name: String) throws -> AgentMetrics {
        let id = try AgentCatalogue.resolve(name)
        let row = try Row.fetchOne(
            db,
            sql: """
                SELECT count(*), count(*) FILTER (WHERE status = 'completed'),
                    count(*) FILTER (WHERE status = 'failed'),
                    avg(completed_at - started_at)
                        FILTER (WHERE status = 'completed' AND started_at IS NOT NULL) / 1000.0,
                    max(max(ifnull(started_at, 0), ifnull(completed_at, 0)))
                FROM task WHERE assigned_to = ? AND deleted_at IS NULL
                """,
            arguments: [id])
        let (total, completed, failed): (Int, Int, Int) = (row?[0] ?? 0, row?[1] ?? 0, row?[2] ?? 0)
        let last: Int64 = row?[4] ?? 0
        return AgentMetrics(
            agentID: id, totalTasks: total, completedTasks: completed, failedTasks: failed,
            successRate: completed + failed > 0 ? Double(completed) / Double(completed + failed) : nil,
            averageCompletionSeconds: row?[3],
            lastActive: last > 0 ? Timestamp(milliseconds: last) : nil)
    }
}
