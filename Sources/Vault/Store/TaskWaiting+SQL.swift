internal import GRDB
internal import Glibc

extension ReadTransaction {
    /// Whether a claim by this agent would find a task now, or give one back that has run out.
    func mayClaim(agent: String, type: TaskType?) throws -> Bool {
        if try hasExpiredClaim() { return true }
        let statement = try db.cachedStatement(
            sql: "SELECT EXISTS (SELECT 1 FROM task t WHERE \(TaskSQL.isClaimable))")
        return try Bool.fetchOne(statement, arguments: [agent, type?.rawValue]) ?? false
    }

    private func hasExpiredClaim() throws -> Bool {
        let statement = try db.cachedStatement(
            sql: """
                SELECT EXISTS (SELECT 1 FROM task WHERE status = 'in_progress' AND lease_expires_at < ?)
                """)
        return try Bool.fetchOne(statement, arguments: [now.milliseconds]) ?? false
    }

    /// Whether a task may have become ready since the log ended at `sequence`.
    fileprivate func hasNews(since sequence: Int64) throws -> Bool {
        try lastChangeSequence() != sequence || hasExpiredClaim()
    }
}

extension Vault {
    /// How often the log's end is looked at while waiting: a read of one row.
    private static let pollMicroseconds: UInt32 = 100_000

    /// Takes the most urgent ready task for `agent`, as `WriteTransaction.claimTask` does; waits for one when
    /// none is ready. Writes nothing while there is nothing to take.
    /// - Parameter waitMilliseconds: how long at most.
    /// - Returns: nil when time was up.
    public func claimTask(
        agent: String, type: TaskType? = nil, leaseMilliseconds: Int64 = 300_000,
        waitMilliseconds: Int64 = 0
    ) throws -> TaskClaim? {
        try awaitClaim(agent: agent, type: type, waitMilliseconds: waitMilliseconds) {
            try write(actor: AgentCatalogue.canonical(agent)) {
                try $0.claimTask(agent: agent, type: type, leaseMilliseconds: leaseMilliseconds)
            }
        }
    }

    /// Tries to claim a task when one may be ready for `agent`: at once, and after each change of the vault
    /// until time is up.
    /// - Parameters:
    ///   - orElse: something else that makes a try worth it.
    ///   - attempt: gives nil when it finds none.
    /// - Returns: nil when time was up.
    public func awaitClaim(
        agent: String, type: TaskType? = nil, waitMilliseconds: Int64,
        orElse isWorthIt: (ReadTransaction) throws -> Bool = { _ in false },
        _ attempt: () throws -> TaskClaim?
    ) throws -> TaskClaim? {
        let agent = AgentCatalogue.canonical(try Text.line(agent, "the agent"))
        let deadline = ContinuousClock.now + .milliseconds(waitMilliseconds)
        while true {
            let (mayClaim, sequence) = try read {
                (try $0.mayClaim(agent: agent, type: type) || isWorthIt($0), try $0.lastChangeSequence())
            }
            if mayClaim, let claim = try attempt() { return claim }
            repeat {
                if ContinuousClock.now >= deadline { return nil }
                usleep(Self.pollMicroseconds)
            } while try !read { try $0.hasNews(since: sequence) }
        }
    }
}
