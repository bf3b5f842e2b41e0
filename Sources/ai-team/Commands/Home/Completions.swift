import ArgumentParser

/// `completions SHELL`: the script that a shell reads to complete our commands.
struct CompletionsCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "completions",
        abstract: "Print the completion script of a shell.",
        discussion: """
            EXAMPLES:
              ai-team completions bash > /etc/bash_completion.d/ai-team
              ai-team completions zsh > ~/.zfunc/_ai-team
            """)

    @Argument(help: "bash, zsh or fish.")
    var shell: String

    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        guard let shell = CompletionShell(rawValue: shell) else {
            throw Failure(.usage, "no completions for \(shell)", hint: "choose bash, zsh or fish")
        }
        StandardOutput.write(AITeam.completionScript(for: shell) + "\n")
    }
}
