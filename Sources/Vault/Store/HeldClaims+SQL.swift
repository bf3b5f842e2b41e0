internal import FoundationEssentials
internal import GRDB

/// A claim of a task that this home holds.
public struct HeldClaim: Sendable, Hashable {
    /// The task.
    public let task: String
    /// Who works on it.
    public let agent: String
    /// The proof, 16 bytes.
    public let token: [UInt8]
    /// When it ends unless it is renewed.
    public let end: Timestamp
}

/// Who last said of a task what it is and whose.
public struct TaskWord: Sendable, Hashable {
    /// The device, 16 bytes.
    public let device: [UInt8]
    /// What the task is now.
    public let status: TaskStatus
}

/// What claims by a remote ask of the tables.
extension ReadTransaction {
    /// The tasks that a claim by this agent could take, the most urgent first.
    ///
    /// - Parameter limit: at most so many.
    public func claimableTasks(agent: String, type: TaskType? = nil, limit: Int) throws -> [String] {
        try String.fetchAll(
            db,
            sql: "SELECT t.id FROM task t WHERE \(TaskSQL.isClaimable) ORDER BY \(TaskSQL.urgency) LIMIT ?3",
            arguments: [AgentCatalogue.canonical(agent), type?.rawValue, limit])
    }

    /// Tasks in progress under no claim of this home, the most urgent first: a claim of another device that
    /// has run out leaves them so.
    ///
    /// - Parameter limit: at most so many.
    public func tasksRunningElsewhere(type: TaskType? = nil, limit: Int) throws -> [String] {
        try String.fetchAll(
            db,
            sql: """
                SELECT t.id FROM task t WHERE t.status = 'in_progress' AND t.lease_token IS NULL
                AND t.deleted_at IS NULL AND (?1 IS NULL OR t.type = ?1) AND NOT \(TaskSQL.isBlocked)
                ORDER BY \(TaskSQL.urgency) LIMIT ?2
                """,
            arguments: [type?.rawValue, limit])
    }

    /// The claims of this home that have not ended, by task.
    public func heldClaims() throws -> [HeldClaim] {
        try Row.fetchAll(
            db,
            sql: """
                SELECT id, lease_holder, lease_token, lease_expires_at FROM task
                WHERE status = 'in_progress' AND lease_expires_at >= ? ORDER BY id
                """,
            arguments: [now.milliseconds]
        ).map { row in
            HeldClaim(
                task: row[0], agent: row[1], token: Array(row[2] as Data),
                end: Timestamp(milliseconds: row[3]))
        }
    }

    /// Who last changed a task's status or whose it is; nil for a task that is not here any more.
    public func lastWord(on task: String) throws -> TaskWord? {
        let state = try state(RecordKey(Collection.task.number, task))
        let status = state.winner(TaskField.status.rawValue, notAfter: .lastBelieved(at: now))
        let assigned = state.winner(TaskField.assignedTo.rawValue, notAfter: .lastBelieved(at: now))
        guard let status, case .text(let text) = status.value, let value = TaskStatus(rawValue: text) else {
            return nil
        }
        let last = value == .completed ? status : max(status, assigned ?? status)
        return TaskWord(device: last.origin.device, status: value)
    }

    /// The ids of tasks that were completed before a time.
    public func tasksCompleted(before time: Timestamp) throws -> [String] {
        try String.fetchAll(
            db, sql: "SELECT id FROM task WHERE status = 'completed' AND completed_at < ? ORDER BY row",
            arguments: [time.milliseconds])
    }
}

extension WriteTransaction {
    /// Takes one task under a claim that the remote has granted.
    ///
    /// - Parameters:
    ///   - token: the claim's, 16 bytes.
    ///   - end: until when the remote says that it holds.
    /// - Returns: nil when the task can't be claimed any more.
    public func claimTask(
        _ id: String, agent: String, type: TaskType? = nil, token: [UInt8], until end: Timestamp
    ) throws -> TaskClaim? {
        try claim(agent: agent, type: type, only: id, token: token, until: end)
    }

    /// Gives a task back whose claim by another device has run out. After three tries it fails.
    public func takeBack(_ task: String) throws {
        let isRunning = try Bool.fetchOne(
            db,
            sql: """
                SELECT EXISTS (SELECT 1 FROM task WHERE id = ? AND status = 'in_progress'
                    AND lease_token IS NULL AND deleted_at IS NULL)
                """,
            arguments: [task])
        if isRunning == true { try endClaim(of: task) }
    }

    /// Ends a claim of this home that has lost against another device's: the task is that one's agent's.
    ///
    /// - Returns: false when the claim was over already.
    public func yieldClaim(_ claim: HeldClaim, to agent: String) throws -> Bool {
        try db.execute(
            sql: """
                UPDATE task SET lease_token = NULL, lease_holder = NULL, lease_expires_at = NULL
                WHERE id = ? AND lease_token = ?
                """,
            arguments: [claim.task, Data(claim.token)])
        guard db.changesCount == 1 else { return false }
        try update(.task, id: claim.task, [TaskField.assignedTo(agent)])
        return true
    }
}
