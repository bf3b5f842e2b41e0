import ArgumentParser
import Vault

/// `agent …`: the twelve agents as the vault knows them.
struct AgentGroup: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "agent", abstract: "List agents, and show what they do and did.",
        subcommands: [AgentList.self, AgentStatus.self, AgentMetricsCommand.self])
}

/// `agent list`.
struct AgentList: Command {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the agents.",
        discussion: """
            EXAMPLES:
              ai-team agent list
            """)

    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let agents = try context.vault().read { try $0.agents() }
        context.console.emit(
            list: Page(items: agents, hasMore: false), none: "no agents",
            columns: ["AGENT", "ROLE", "STATUS", "TASK", "CAPABILITIES"], flexible: 4
        ) {
            [
                $0.id, $0.role, $0.status, $0.currentTaskID?.shortID ?? "-",
                $0.capabilities.joined(separator: ", "),
            ]
        }
    }
}

/// `agent status AGENT`.
struct AgentStatus: Command {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Show what an agent is doing.",
        discussion: """
            EXAMPLES:
              ai-team agent status backend-dev
            """)

    @Argument(help: "The agent, with or without agent- in front.") var agent: String
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let found = try context.vault().read { try $0.agent(agent) }
        context.console.emit(found) {
            details([
                ("agent", found.id), ("role", found.role), ("status", found.status),
                ("task", found.currentTaskID), ("capabilities", found.capabilities.joined(separator: ", ")),
            ])
        }
    }
}

/// `agent metrics AGENT`.
struct AgentMetricsCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "metrics", abstract: "Show what an agent has done.",
        discussion: """
            EXAMPLES:
              ai-team agent metrics qa --json
            """)

    @Argument(help: "The agent, with or without agent- in front.") var agent: String
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let metrics = try context.vault().read { try $0.metrics(of: agent) }
        context.console.emit(metrics) {
            details([
                ("agent", metrics.agentID), ("tasks", "\(metrics.totalTasks)"),
                ("completed", "\(metrics.completedTasks)"), ("failed", "\(metrics.failedTasks)"),
                ("success", metrics.successRate.map { "\(Int(($0 * 100).rounded())) %" }),
                ("average time", metrics.averageCompletionSeconds.map { "\(Int($0.rounded())) s" }),
                ("last active", metrics.lastActive?.short),
            ])
        }
    }
}
