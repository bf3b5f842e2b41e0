import ArgumentParser
import Vault

/// `tasks show ID`.
struct TasksShow: Command {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show everything about a task.",
        discussion: """
            EXAMPLES:
              ai-team tasks show 7f3k2q
            """)

    @Argument(help: "The task's id, or at least 4 characters of its beginning or end.") var id: String
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let (task, comments) = try context.vault().read {
            let task = try $0.task($0.resolve(id, .task, inTrash: true))
            return (task, try $0.comments(of: task.id))
        }
        context.console.emit(task: task, comments: comments)
    }
}

/// `tasks history ID`.
struct TasksHistory: Command {
    static let configuration = CommandConfiguration(
        commandName: "history", abstract: "Show who changed what in a task, and when.",
        discussion: """
            EXAMPLES:
              ai-team tasks history 7f3k2q --json
            """)

    @Argument(help: "The task's id, or at least 4 characters of its beginning or end.") var id: String
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let events = try context.vault().read { try $0.history(of: $0.resolve(id, .task, inTrash: true)) }
        context.console.emit(
            list: Page(items: events, hasMore: false), none: "no history",
            columns: ["TIME", "WHO", "WHAT", "FIELDS"], flexible: 3
        ) { event in
            let fields = event.fields.members.map { name, value in
                let mark = event.overruled.contains(name) ? " (overruled)" : ""
                return "\(name)=\(value.string ?? value.text)\(mark)"
            }
            return [event.time.short, event.actor, event.action, fields.joined(separator: " ")]
        }
    }
}

/// `tasks comment ID TEXT`.
struct TasksComment: Command {
    static let configuration = CommandConfiguration(
        commandName: "comment", abstract: "Add a comment to a task.",
        discussion: """
            EXAMPLES:
              ai-team tasks comment 7f3k2q "waits for the new certificate"
              ai-team tasks comment 7f3k2q - < review.txt
            """)

    @Argument(help: "The task's id, or at least 4 characters of its beginning or end.") var id: String
    @Argument(help: "The comment; - reads standard input.") var text: String
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let text = try InputFile.text(of: text) ?? ""
        let comment = try context.vault().write { try $0.comment(text, on: $0.resolve(id, .task)) }
        context.console.emit(comment) { ["commented on \(comment.taskID)"] }
    }
}
