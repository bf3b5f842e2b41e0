import ArgumentParser

/// What every round takes.
struct RoundOptions: ParsableArguments {
    @Flag(help: "Show what the round would do; change nothing, here or there.") var dryRun = false
    @Flag(
        help: "Let the round delete more than a fifth of the tasks, projects or documents (and more than 10)."
    )
    var allowMassDelete = false

    func run(_ context: Context, _ remote: RemoteOption, pulls: Bool, pushes: Bool) throws {
        if dryRun {
            return try PlannedRound(context, remote, pulls: pulls, pushes: pushes).print(context)
        }
        try context.syncSession(remote)
            .round(pulls: pulls, pushes: pushes, allowsMassDeletion: allowMassDelete).print(context)
    }
}

/// `sync push`.
struct SyncPush: Command {
    static let configuration = CommandConfiguration(
        commandName: "push", abstract: "Send what was written here.",
        discussion: """
            Sealed and signed here, sent, and known to be stored when the command ends.

            EXAMPLES:
              ai-team sync push
              ai-team sync push --dry-run
            """)

    @OptionGroup var round: RoundOptions
    @OptionGroup var remote: RemoteOption
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        try round.run(context, remote, pulls: false, pushes: true)
    }
}

/// `sync pull`.
struct SyncPull: Command {
    static let configuration = CommandConfiguration(
        commandName: "pull", abstract: "Get what other devices wrote.",
        discussion: """
            One request when there is nothing new.

            EXAMPLES:
              ai-team sync pull
            """)

    @OptionGroup var round: RoundOptions
    @OptionGroup var remote: RemoteOption
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        try round.run(context, remote, pulls: true, pushes: false)
    }
}

/// `sync both`.
struct SyncBoth: Command {
    static let configuration = CommandConfiguration(
        commandName: "both", abstract: "Get what others wrote, then send what was written here.",
        discussion: """
            EXAMPLES:
              ai-team sync both
              ai-team sync both --dry-run
              ai-team sync both --remote file:///media/usb/vault
            """)

    @OptionGroup var round: RoundOptions
    @OptionGroup var remote: RemoteOption
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        try round.run(context, remote, pulls: true, pushes: true)
    }
}

/// `sync verify`.
struct SyncVerify: Command {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Look at the vault's genesis, its roster and all heads at the remote.",
        discussion: """
            Compares what every device says that it has seen with what is known here, whatever the bell \
            says. Done by itself once an hour by whoever syncs.

            EXAMPLES:
              ai-team sync verify
            """)

    @OptionGroup var remote: RemoteOption
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        try context.syncSession(remote).round(pulls: true, pushes: false, looksAtAll: true).print(
            context)
    }
}
