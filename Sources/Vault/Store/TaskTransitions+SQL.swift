internal import GRDB

extension WriteTransaction {
    /// Begins work on a task that waits for nothing.
    @discardableResult
    public func startTask(_ id: String, by agent: String? = nil) throws -> TaskRecord {
        let task = try move(id, to: .inProgress)
        guard !task.isBlocked else {
            let open = try openPrerequisites(of: id)
            throw VaultError(
                .conflict, "\(id) waits for \(open.joined(separator: ", "))",
                hint: "complete these first, or remove the links")
        }
        var fields = [TaskField.status(TaskStatus.inProgress.rawValue), TaskField.startedAt(now)]
        if let agent { fields.append(TaskField.assignedTo(AgentCatalogue.canonical(agent))) }
        return try apply(fields, to: id)
    }

    /// Hands a task to somebody, as the coordinator does: its status becomes `assigned`.
    @discardableResult
    public func assignTask(_ id: String, to agent: String) throws -> TaskRecord {
        _ = try move(id, to: .assigned)
        return try apply(
            [
                TaskField.status(TaskStatus.assigned.rawValue),
                TaskField.assignedTo(AgentCatalogue.canonical(try Text.line(agent, "the agent"))),
            ], to: id)
    }

    /// - Parameter lease: the token of a claim; a lease that is no longer the caller's is `lease_lost`.
    @discardableResult
    public func completeTask(_ id: String, output: String? = nil, lease: String? = nil) throws -> TaskRecord {
        try requireLease(lease, of: id)
        let task = try move(id, to: .completed)
        var fields = [TaskField.status(TaskStatus.completed.rawValue), TaskField.completedAt(now)]
        if task.startedAt == nil { fields.append(TaskField.startedAt(now)) }
        if let output { fields.append(TaskField.output(output)) }
        return try apply(fields, to: id)
    }

    @discardableResult
    public func failTask(_ id: String, error: String, lease: String? = nil) throws -> TaskRecord {
        try requireLease(lease, of: id)
        _ = try move(id, to: .failed)
        return try apply(
            [
                TaskField.status(TaskStatus.failed.rawValue), TaskField.completedAt(now),
                TaskField.error(error),
            ], to: id)
    }

    @discardableResult
    public func cancelTask(_ id: String) throws -> TaskRecord {
        _ = try move(id, to: .cancelled)
        return try apply(
            [TaskField.status(TaskStatus.cancelled.rawValue), TaskField.completedAt(now)], to: id)
    }

    /// Makes a failed or cancelled task pending again.
    @discardableResult
    public func reopenTask(_ id: String) throws -> TaskRecord {
        let task = try liveTask(id)
        guard task.status == .failed || task.status == .cancelled else { throw illegal(task, .pending) }
        try db.execute(sql: "UPDATE task SET tries = 0 WHERE id = ?", arguments: [id])
        return try apply(Self.backToPending + [TaskField.error(nil as String?)], to: id)
    }

    /// Gives a running task back, to whoever takes it next.
    @discardableResult
    public func releaseTask(_ id: String, lease: String? = nil) throws -> TaskRecord {
        try requireLease(lease, of: id)
        let task = try liveTask(id)
        guard task.status == .inProgress else { throw illegal(task, .pending) }
        // Who claimed it from the queue gives it back to the queue.
        let isClaimed = task.leaseExpiresAt != nil
        return try apply(
            Self.backToPending + (isClaimed ? [TaskField.assignedTo(nil as String?)] : []), to: id)
    }

    /// Moves a task by the name of a status, as `update --status` and imports do.
    @discardableResult
    public func setStatus(_ id: String, _ status: TaskStatus) throws -> TaskRecord {
        let task = try liveTask(id)
        guard task.status != status else { return task }
        switch status {
        case .pending:
            if task.status == .inProgress { return try releaseTask(id) }
            if task.status == .assigned { return try apply(Self.backToPending, to: id) }
            return try reopenTask(id)
        case .assigned:
            guard let agent = task.assignedTo else {
                throw VaultError(.invalid, "\(id) has nobody to be assigned to", hint: "name the agent")
            }
            return try assignTask(id, to: agent)
        case .inProgress: return try startTask(id)
        case .completed: return try completeTask(id)
        case .failed: return try failTask(id, error: task.error ?? "")
        case .cancelled: return try cancelTask(id)
        }
    }

    static var backToPending: [FieldChange] {
        [
            TaskField.status(TaskStatus.pending.rawValue), TaskField.startedAt(nil as Timestamp?),
            TaskField.completedAt(nil as Timestamp?),
        ]
    }

    /// Checks that the status may follow the present one.
    private func move(_ id: String, to status: TaskStatus) throws -> TaskRecord {
        let task = try liveTask(id)
        guard task.status.successors.contains(status) else { throw illegal(task, status) }
        return task
    }

    private func illegal(_ task: TaskRecord, _ status: TaskStatus) -> VaultError {
        let legal = task.status.successors.map(\.rawValue).joined(separator: ", ")
        return VaultError(
            .conflict, "\(task.id) is \(task.status.rawValue) and can't become \(status.rawValue)",
            hint: legal.isEmpty ? "\(task.status.rawValue) is final" : "legal from here: \(legal)")
    }

    /// Every change of status ends the lease.
    private func apply(_ fields: [FieldChange], to id: String) throws -> TaskRecord {
        try db.execute(
            sql: """
                UPDATE task SET lease_token = NULL, lease_holder = NULL, lease_expires_at = NULL
                WHERE id = ? AND lease_token IS NOT NULL
                """,
            arguments: [id])
        try update(.task, id: id, fields)
        return try task(id)
    }

    private func openPrerequisites(of id: String) throws -> [String] {
        try String.fetchAll(
            db,
            sql: """
                SELECT d.id || ' (' || d.status || ')' FROM link l JOIN task d ON d.id = l.target_id
                WHERE l.task_id = ? AND l.deleted_at IS NULL AND d.deleted_at IS NULL
                AND (l.kind = 'blocks' AND d.status <> 'completed'
                    OR l.kind = 'on_failure' AND d.status <> 'failed')
                ORDER BY l.row LIMIT 10
                """,
            arguments: [id])
    }
}
