internal import FoundationEssentials
internal import GRDB

/// How often a claim may run out before the task counts as failed.
package let claimTriesMax = 3

extension WriteTransaction {
    /// Takes the most urgent ready task for `agent`, in one statement, so that no two callers get the same.
    /// Tasks that are assigned to somebody else stay theirs.
    /// - Parameters:
    ///   - type: only a task of this type.
    ///   - leaseMilliseconds: how long the claim holds unless it is renewed.
    /// - Returns: nil when nothing is ready.
    public func claimTask(
        agent: String, type: TaskType? = nil, leaseMilliseconds: Int64 = 300_000
    ) throws -> TaskClaim? {
        try reclaimExpired()
        return try claim(
            agent: agent, type: type, only: nil, token: surroundings.random(16),
            until: now.advanced(byMilliseconds: leaseMilliseconds))
    }

    /// - Parameter id: the only task that may be taken; nil for the most urgent one.
    func claim(
        agent: String, type: TaskType?, only id: String?, token: [UInt8], until end: Timestamp
    ) throws -> TaskClaim? {
        let agent = AgentCatalogue.canonical(try Text.line(agent, "the agent"))
        let statement = try db.cachedStatement(
            sql: """
                UPDATE task SET status = 'in_progress', assigned_to = ?1, started_at = ?3, lease_token = ?4,
                    lease_holder = ?1, lease_expires_at = ?5, version = version + 1,
                    updated_at = max(updated_at, ?6)
                WHERE row = (SELECT t.row FROM task t WHERE \(TaskSQL.isClaimable)
                    AND (?7 IS NULL OR t.id = ?7) ORDER BY \(TaskSQL.urgency) LIMIT 1)
                RETURNING id, origin, counter
                """)
        let claimed = try Row.fetchOne(
            statement,
            arguments: [
                agent, type?.rawValue, now.milliseconds, Data(token), end.milliseconds,
                try stampTime().milliseconds, id,
            ])
        guard let claimed else { return nil }
        try record(
            .task, id: claimed[0], dot: (claimed[1], claimed[2]),
            [
                TaskField.status(TaskStatus.inProgress.rawValue), TaskField.assignedTo(agent),
                TaskField.startedAt(now),
            ])
        return TaskClaim(
            task: try task(claimed[0]), leaseToken: Hex.encode(token), leaseExpiresAt: end)
    }

    /// Prolongs a claim.
    /// - Returns: when it ends now.
    /// - Throws: `lease_lost` when the claim has run out and been given to another, or was ended.
    @discardableResult
    public func heartbeat(_ id: String, lease: String, leaseMilliseconds: Int64 = 300_000) throws -> Timestamp
    {
        try requireLease(lease, of: id)
        let end = now.advanced(byMilliseconds: leaseMilliseconds)
        try db.execute(
            sql: "UPDATE task SET lease_expires_at = max(lease_expires_at, ?) WHERE id = ?",
            arguments: [end.milliseconds, id])
        return end
    }

    /// Gives tasks back whose claims have run out; after three tries a task fails.
    /// - Returns: the ids.
    @discardableResult
    public func reclaimExpired() throws -> [String] {
        let ids = try String.fetchAll(
            db,
            sql: "SELECT id FROM task WHERE status = 'in_progress' AND lease_expires_at < ? ORDER BY row",
            arguments: [now.milliseconds])
        for id in ids { try endClaim(of: id) }
        return ids
    }

    /// Ends a claim that has run out: its task waits again, or fails when that was its last try.
    func endClaim(of id: String) throws {
        let tries = try Int.fetchOne(
            db,
            sql: """
                UPDATE task SET tries = tries + 1, lease_token = NULL, lease_holder = NULL,
                    lease_expires_at = NULL
                WHERE id = ? RETURNING tries
                """,
            arguments: [id])
        if let tries, tries >= claimTriesMax {
            try update(
                .task, id: id,
                [
                    TaskField.status(TaskStatus.failed.rawValue), TaskField.completedAt(now),
                    TaskField.error("its claim ran out \(tries) times"),
                ])
        } else {
            try update(.task, id: id, Self.backToPending + [TaskField.assignedTo(nil as String?)])
        }
    }

    /// Without a token anything goes; with one, it must be the present claim's.
    func requireLease(_ token: String?, of id: String) throws {
        guard let token else { return }
        let held = try Data.fetchOne(
            db, sql: "SELECT lease_token FROM task WHERE id = ? AND status = 'in_progress'", arguments: [id])
        guard let held, Hex.encode(Array(held)) == token else {
            throw VaultError(
                .leaseLost, "the lease of \(id) is no longer yours",
                hint: "claim a task again; another worker may have taken this one")
        }
    }
}
