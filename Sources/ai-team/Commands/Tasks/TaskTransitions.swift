import ArgumentParser
import Vault

/// `start-task ID`.
struct StartTask: Command {
    static let configuration = CommandConfiguration(
        commandName: "start-task", abstract: "Mark a task as in progress.",
        discussion: """
            EXAMPLES:
              ai-team start-task 7f3k2q
            """)

    @Argument(help: "The task's id, or at least 4 characters of its beginning or end.") var id: String
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        try context.change(task: id, "started") { try $0.startTask($1) }
    }
}

/// `complete-task ID`.
struct CompleteTask: Command {
    static let configuration = CommandConfiguration(
        commandName: "complete-task", abstract: "Mark a task as completed.",
        discussion: """
            EXAMPLES:
              ai-team complete-task 7f3k2q --output "merged in 4f2a"
              make test 2>&1 | ai-team complete-task 7f3k2q --output -
            """)

    @Argument(help: "The task's id, or at least 4 characters of its beginning or end.") var id: String
    @Option(help: ArgumentHelp("What came of it; - reads standard input.", valueName: "text"))
    var output: String?
    @Option(help: ArgumentHelp("The claim under which it was done.", valueName: "token")) var lease: String?
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let output = try InputFile.text(of: output)
        try context.change(task: id, "completed") { try $0.completeTask($1, output: output, lease: lease) }
    }
}

/// `fail-task ID --error TEXT`.
struct FailTask: Command {
    static let configuration = CommandConfiguration(
        commandName: "fail-task", abstract: "Mark a task in progress as failed.",
        discussion: """
            EXAMPLES:
              ai-team fail-task 7f3k2q --error "the staging host is down"
            """)

    @Argument(help: "The task's id, or at least 4 characters of its beginning or end.") var id: String
    @Option(help: ArgumentHelp("Why it failed; - reads standard input.", valueName: "text"))
    var error: String
    @Option(help: ArgumentHelp("The claim under which it was done.", valueName: "token")) var lease: String?
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let reason = try InputFile.text(of: error) ?? ""
        try context.change(task: id, "failed") { try $0.failTask($1, error: reason, lease: lease) }
    }
}

/// `tasks cancel ID`.
struct TasksCancel: Command {
    static let configuration = CommandConfiguration(
        commandName: "cancel", abstract: "Cancel a task that is not completed.",
        discussion: """
            EXAMPLES:
              ai-team tasks cancel 7f3k2q
            """)

    @Argument(help: "The task's id, or at least 4 characters of its beginning or end.") var id: String
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        try context.change(task: id, "cancelled") { try $0.cancelTask($1) }
    }
}

/// `tasks reopen ID`.
struct TasksReopen: Command {
    static let configuration = CommandConfiguration(
        commandName: "reopen", abstract: "Make a failed or cancelled task pending again.",
        discussion: """
            EXAMPLES:
              ai-team tasks reopen 7f3k2q
            """)

    @Argument(help: "The task's id, or at least 4 characters of its beginning or end.") var id: String
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        try context.change(task: id, "reopened") { try $0.reopenTask($1) }
    }
}
