import ArgumentParser

/// The root command: names the groups of subcommands and hands the work to `Program`.
@main struct AITeam: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ai-team",
        abstract: "An encrypted, local-first vault for a team's tasks and documents.",
        discussion: """
            Global options stand before or after the subcommand: --home, --mode, --json, --quiet, \
            --verbose, --no-color, --passphrase-file, --key-file, --recovery-code-file. \
            `ai-team --version` prints version, commit and build date.

            EXAMPLES:
              ai-team init --key-file ~/.ai-team-key
              ai-team create-task "Write the manual" --priority high
              ai-team kb upload 'docs/**/*.md'
              ai-team backup create
            """,
        subcommands: CommandTree.all)

    static func main() {
        Program.main(CommandLine.arguments)
    }
}
