import ArgumentParser
import Vault

/// `tasks delete ID`.
struct TasksDelete: Command {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Put a task into the trash, which keeps it for 30 days.",
        discussion: """
            EXAMPLES:
              ai-team tasks delete 7f3k2q
              ai-team tasks delete 7f3k2q --purge --yes
            """)

    @Argument(help: "The task's id, or at least 4 characters of its beginning or end.") var id: String
    @Flag(help: "Remove it for good, its text, comments and history.") var purge = false
    @Flag(help: "Do not ask.") var yes = false
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let vault = try context.vault()
        let task = try vault.read { try $0.task($0.resolve(id, .task, inTrash: purge)) }
        if purge {
            try Confirmation.require("remove \(task.id) \"\(task.title.printable)\" for good?", yes: yes)
            try vault.write { try $0.purgeTask(task.id) }
            context.console.emit(task) { ["removed \(task.id) for good"] }
        } else {
            let task = try vault.write { try $0.deleteTask(task.id) }
            context.console.emit(task) { ["put \(task.id) into the trash; `tasks restore` brings it back"] }
        }
    }
}

/// `tasks restore ID`.
struct TasksRestore: Command {
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Take a task out of the trash.",
        discussion: """
            EXAMPLES:
              ai-team list-tasks --deleted
              ai-team tasks restore 7f3k2q
            """)

    @Argument(help: "The task's id, or at least 4 characters of its beginning or end.") var id: String
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        try context.change(task: id, inTrash: true, "restored") { try $0.restoreTask($1) }
    }
}
