import ArgumentParser

/// `sync push`.
struct SyncPush: Command {
    static let configuration = CommandConfiguration(
        commandName: "push", abstract: "Send what was written here.",
        discussion: """
            Sealed and signed here, sent, and known to be stored when the command ends.

            EXAMPLES:
              ai-team sync push
            """)

    @OptionGroup var remote: RemoteOption
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        try context.syncSession(remote).round(pulls: false, pushes: true).print(context)
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

    @OptionGroup var remote: RemoteOption
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        try context.syncSession(remote).round(pulls: true, pushes: false).print(context)
    }
}

/// `sync both`.
struct SyncBoth: Command {
    static let configuration = CommandConfiguration(
        commandName: "both", abstract: "Get what others wrote, then send what was written here.",
        discussion: """
            EXAMPLES:
              ai-team sync both
              ai-team sync both --remote file:///media/usb/vault
            """)

    @OptionGroup var remote: RemoteOption
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        try context.syncSession(remote).round(pulls: true, pushes: true).print(context)
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
