import ArgumentParser

/// Every subcommand, in the order in which `--help` lists them.
enum CommandTree {
    static let all: [any ParsableCommand.Type] = [CompletionsCommand.self]
}
