import ArgumentParser
import KeyRing
import Vault

/// `unlock [--for D]`.
struct Unlock: Command {
    static let configuration = CommandConfiguration(
        commandName: "unlock", abstract: "Keep the keys in a key agent, so that no command asks again.",
        discussion: """
            The agent forgets them when they were not used for the time that --for gives (15 \
            minutes unless said \
            otherwise, 12 hours at most), and at `lock`.

            EXAMPLES:
              ai-team unlock
              ai-team unlock --for 8h
            """)

    @Option(help: ArgumentHelp("How long since the last use.", valueName: "duration"))
    var `for`: DurationArgument?
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let home = try context.existingHome()
        let lifetime = try self.lifetime()
        let keys = try context.unlock()
        let status = try Agent.start(keys, for: lifetime, home: home)
        let now = Surroundings.system.now()
        let end = now.advanced(byMilliseconds: Int64(clamping: status.remainingMilliseconds))
        context.console.emit({ $0.object { $0.field("unlocked_until", end) } }) {
            ["unlocked until \(end.short), later when it is used before"]
        }
    }

    private func lifetime() throws -> AgentLifetime {
        guard let span = self.for else { return .standard }
        do {
            return try AgentLifetime(idleSeconds: UInt64(max(0, span.milliseconds / 1000)))
        } catch {
            throw Failure(.usage, error.message)
        }
    }
}

/// `lock`.
struct Lock: Command {
    static let configuration = CommandConfiguration(
        commandName: "lock", abstract: "Make the key agent forget the keys.",
        discussion: """
            EXAMPLES:
              ai-team lock
            """)

    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let wasRunning = try Agent.client(of: context.existingHome()).lock()
        context.console.emit({ $0.object { $0.field("locked", true) } }) {
            [wasRunning ? "locked" : "locked already: no key agent was running"]
        }
    }
}
