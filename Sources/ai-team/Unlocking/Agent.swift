import ArgumentParser
import Glibc
import KeyRing
import Vault

/// The key agent of a home: this program, started again with a hidden subcommand.
enum Agent {
    /// The client for the agent of `home`, whether one runs or not.
    static func client(of home: Home) throws -> KeyAgentClient {
        KeyAgentClient(path: try socketPath(of: home))
    }

    /// The keys that the agent opens; nil when none runs, or when the root was replaced since.
    static func keys(of home: Home) throws -> UnlockedKeys? {
        let vault = try KeyRing.summary(in: home.keysDirectory).vaultID
        return try client(of: home).keys(of: vault, in: home.keysDirectory)
    }

    /// Starts an agent that holds the root of `keys` until it was not used for `lifetime`.
    static func start(_ keys: UnlockedKeys, for lifetime: AgentLifetime, home: Home) throws
        -> KeyAgentClient.Status
    {
        try KeyAgent.start(
            for: keys, lifetime: lifetime, socketPath: socketPath(of: home), executable: "/proc/self/exe",
            arguments: [AgentProcess.configuration.commandName ?? ""])
    }

    private static func socketPath(of home: Home) throws -> String {
        try AgentSocket.path(
            runDirectory: home.runDirectory, runtimeDirectory: SecretSource.variable("XDG_RUNTIME_DIR"),
            temporaryDirectory: SecretSource.variable("TMPDIR") ?? "/tmp")
    }
}

/// The hidden subcommand that is the agent's process. It reads from its starter's pipe what to hold.
struct AgentProcess: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key-agent", abstract: "The key agent's own process.", shouldDisplay: false)

    func run() throws { try KeyAgent.serve() }
}
