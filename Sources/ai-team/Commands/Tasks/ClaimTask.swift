import ArgumentParser
import Sync
import Vault

/// `tasks claim`: the most urgent ready task, for one agent alone.
struct TasksClaim: Command {
    static let configuration = CommandConfiguration(
        commandName: "claim",
        abstract: "Take the most urgent ready task; nobody else gets the same.",
        discussion: """
            The claim ends after 5 minutes unless `tasks heartbeat` renews it. Exits 3 when no task \
            is ready, or became ready in the time that --wait gives. With a remote and mode cloud or auto no \
            other device gets the same task either, and the command exits 5 (lease_lost) when others have \
            claimed all that seemed ready. Claims made offline are settled by the next sync: one that has \
            lost ends, and sync says claim_lost.

            EXAMPLES:
              ai-team tasks claim --agent backend-dev --json
              ai-team tasks claim --type write_tests --lease 30m --wait 10m
            """)

    @Option(help: ArgumentHelp("Who claims it.", valueName: "agent")) var agent = "coordinator"
    @Option(help: "Only a task of this type.") var type: TaskType?
    @Option(help: ArgumentHelp("How long the claim holds.", valueName: "duration"))
    var lease: DurationArgument?
    @Option(help: ArgumentHelp("Wait so long for a task to become ready.", valueName: "duration"))
    var wait: DurationArgument?
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let claim = try claim(context)
        guard let claim else {
            throw Failure(.notFound, "no task is ready", hint: "ai-team list-tasks shows what holds them up")
        }
        context.console.emit(claim) {
            details([
                ("claimed", claim.task.id), ("title", claim.task.title), ("lease", claim.leaseToken),
                ("until", claim.leaseExpiresAt.short),
            ])
        }
    }

    /// By the remote, where the mode says so and it can be reached; else here alone.
    private func claim(_ context: Context) throws -> TaskClaim? {
        let vault = try context.vault()
        let agent = try AgentCatalogue.resolve(agent)
        let span = lease?.milliseconds ?? 300_000
        let patience = wait?.milliseconds ?? 0
        guard let exchange = context.exchange else {
            return try vault.claimTask(
                agent: agent, type: type, leaseMilliseconds: span, waitMilliseconds: patience)
        }
        var refusal: SyncError?
        let claim = try vault.awaitClaim(agent: agent, type: type, waitMilliseconds: patience) {
            try !$0.tasksRunningElsewhere(type: type, limit: 1).isEmpty
        } _: {
            do {
                switch try exchange.claim(agent: agent, type: type, leaseMilliseconds: span) {
                case .decided(let claim): return claim
                case .onlyHere:
                    return try vault.claimTask(agent: agent, type: type, leaseMilliseconds: span)
                }
            } catch let error as SyncError {
                // Another task may become ready while there is time.
                refusal = error
                return nil
            }
        }
        if claim == nil, let refusal { throw refusal }
        return claim
    }
}

/// `tasks heartbeat ID --lease TOKEN`.
struct TasksHeartbeat: Command {
    static let configuration = CommandConfiguration(
        commandName: "heartbeat", abstract: "Renew a claim.",
        discussion: """
            EXAMPLES:
              ai-team tasks heartbeat 7f3k2q --lease 0f3c…
            """)

    @Argument(help: "The task's id, or at least 4 characters of its beginning or end.") var id: String
    @Option(help: ArgumentHelp("The token that `tasks claim` printed.", valueName: "token")) var lease: String
    @Option(help: ArgumentHelp("For how long.", valueName: "duration")) var `for`: DurationArgument?
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let (task, end) = try context.vault().write {
            let task = try $0.resolve(id, .task)
            let span = self.for?.milliseconds ?? 300_000
            return (task, try $0.heartbeat(task, lease: lease, leaseMilliseconds: span))
        }
        context.console.emit({ writer in
            writer.object {
                $0.field("id", task)
                $0.field("lease_expires_at", end)
            }
        }) { ["renewed \(task) until \(end.short)"] }
    }
}

/// `tasks release ID`.
struct TasksRelease: Command {
    static let configuration = CommandConfiguration(
        commandName: "release", abstract: "Give a task in progress back; it is pending again.",
        discussion: """
            EXAMPLES:
              ai-team tasks release 7f3k2q --lease 0f3c…
            """)

    @Argument(help: "The task's id, or at least 4 characters of its beginning or end.") var id: String
    @Option(help: ArgumentHelp("The claim's token.", valueName: "token")) var lease: String?
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        try context.change(task: id, "released") { try $0.releaseTask($1, lease: lease) }
    }
}
