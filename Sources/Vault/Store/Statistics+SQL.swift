internal import GRDB

extension ReadTransaction {
    /// Counts and sizes.
    /// - Parameter days: how many days `completedPerDay` covers, today (UTC) included.
    public func statistics(days: Int = 14) throws -> Statistics {
        var result = Statistics()
        for row in try Row.fetchAll(
            db, sql: "SELECT status, count(*) FROM task WHERE deleted_at IS NULL GROUP BY status")
        {
            if let status = TaskStatus(rawValue: row[0]) { result.tasksByStatus[status] = row[1] }
        }
        for row in try Row.fetchAll(
            db, sql: "SELECT priority, count(*) FROM task WHERE deleted_at IS NULL GROUP BY priority")
        {
            if let priority = TaskPriority(rawValue: row[0]) { result.tasksByPriority[priority] = row[1] }
        }
        func count(_ sql: String, _ arguments: StatementArguments = []) throws -> Int {
            try Int.fetchOne(db, sql: "SELECT count(*) FROM " + sql, arguments: arguments) ?? 0
        }
        let open = "task t WHERE t.deleted_at IS NULL AND " + TaskSQL.isOpen
        result.blockedTasks = try count("\(open) AND \(TaskSQL.isBlocked)")
        result.readyTasks = try count(open) - result.blockedTasks
        result.overdueTasks = try count(
            """
            task WHERE deleted_at IS NULL AND status IN ('pending','assigned','in_progress')
            AND deadline < ?
            """, [now.milliseconds])
        result.tasksInTrash = try count("task WHERE deleted_at IS NOT NULL")
        result.completedPerDay = try completedPerDay(days)
        result.projects = try count("project WHERE deleted_at IS NULL")
        result.documents = try count("document WHERE deleted_at IS NULL")
        result.documentVersions = try count("document_version WHERE deleted_at IS NULL")
        result.documentBytes =
            try Int64.fetchOne(
                db, sql: "SELECT ifnull(sum(size), 0) FROM document_version WHERE deleted_at IS NULL") ?? 0
        result.blobs = try count("blob")
        result.blobBytes = try Int64.fetchOne(db, sql: "SELECT ifnull(sum(stored), 0) FROM blob") ?? 0
        result.vectors = try count("vector")
        (result.indexedDocuments, result.chunks, _) = try indexCounts()
        result.busyAgents = try agents().filter { $0.status == "busy" }.count
        result.logLines = try count("log")
        result.changes = try lastChangeSequence()
        return result
    }

    private func completedPerDay(_ days: Int) throws -> [Int] {
        guard days > 0 else { return [] }
        let today = now.milliseconds.flooredDivision(by: 86_400_000).0
        let first = today - Int64(days) + 1
        var counts = [Int](repeating: 0, count: days)
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT completed_at / 86400000, count(*) FROM task
                WHERE status = 'completed' AND completed_at >= ? AND deleted_at IS NULL GROUP BY 1
                """,
            arguments: [first * 86_400_000])
        for row in rows {
            let index = (row[0] as Int64) - first
            if counts.indices.contains(Int(index)) { counts[Int(index)] = row[1] }
        }
        return counts
    }
}
