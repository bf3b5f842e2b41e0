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
        let task = try context.vault().write { try $0.startTask($0.resolve(id, .task)) }
        context.console.emit(changed: task, "started")
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
        let task = try context.vault().write {
            try $0.completeTask($0.resolve(id, .task), output: output, lease: lease)
        }
        context.console.emit(changed: task, "completed")
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
        let task = try context.vault().write {
            try $0.failTask($0.resolve(id, .task), error: reason, lease: lease)
        }
        context.console.emit(changed: task, "failed")
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
        let task = try context.vault().write { try $0.cancelTask($0.resolve(id, .task)) }
        context.console.emit(changed: task, "cancelled")
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
        let task = try context.vault().write { try $0.reopenTask($0.resolve(id, .task)) }
        context.console.emit(changed: task, "reopened")
    }
}
