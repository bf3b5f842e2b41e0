import ArgumentParser
import Vault

/// `tasks update ID …`.
struct TasksUpdate: Command {
    static let configuration = CommandConfiguration(
        commandName: "update", abstract: "Change fields of a task.",
        discussion: """
            An empty value ('') takes away an agent, a project, a deadline, an output or an error.

            EXAMPLES:
              ai-team tasks update 7f3k2q --priority critical --assign qa
              ai-team tasks update 7f3k2q --deadline '' --remove-depends 9w1x
            """)

    @Argument(help: "The task's id, or at least 4 characters of its beginning or end.") var id: String
    @Option(help: ArgumentHelp("A new title.", valueName: "text")) var title: String?
    @Option(help: ArgumentHelp("A new description; - reads standard input.", valueName: "text"))
    var description: String?
    @Option(help: "The kind of work.") var type: TaskType?
    @Option(help: "How urgent it is.") var priority: TaskPriority?
    @Option(help: "A legal next status.") var status: TaskStatus?
    @Option(help: ArgumentHelp("The agent.", valueName: "agent")) var assign: String?
    @Option(help: ArgumentHelp("The project, by id or name.", valueName: "project")) var project: String?
    @Option(help: ArgumentHelp("RFC 3339 or a date.", valueName: "time")) var deadline: String?
    @Option(help: "The state of the review.") var review: ReviewState?
    @Option(help: ArgumentHelp("What came of it; - reads standard input.", valueName: "text"))
    var output: String?
    @Option(help: ArgumentHelp("The tags from now on; may be repeated.", valueName: "tag"))
    var tag: [String] = []
    @Option(help: ArgumentHelp("One more task that must be done first.", valueName: "id"))
    var depends: [String] = []
    @Option(help: ArgumentHelp("A dependency that is none.", valueName: "id")) var removeDepends: [String] =
        []
    @Option(help: ArgumentHelp("Fail unless the task still has this version.", valueName: "n"))
    var ifVersion: Int?
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        var changes = TaskUpdate()
        changes.title = title
        changes.description = try InputFile.text(of: description)
        changes.type = type
        changes.priority = priority
        changes.assignedTo = try assign.map { $0.isEmpty ? nil : try AgentCatalogue.resolve($0) }
        changes.deadline = try deadline.map(Self.deadline)
        changes.review = review
        changes.output = try InputFile.text(of: output).map { $0.isEmpty ? nil : $0 }
        changes.tags = tag.isEmpty ? nil : tag.filter { !$0.isEmpty }
        changes.ifVersion = ifVersion
        let task = try context.vault().write { vault in
            let task = try vault.resolve(id, .task)
            changes.projectID = try project.map { $0.isEmpty ? nil : try vault.resolveProject($0) }
            changes.addLinks = try depends.map { TaskLink(kind: .blocks, id: try vault.resolve($0, .task)) }
            changes.removeLinks = try removeDepends.map {
                TaskLink(kind: .blocks, id: try vault.resolve($0, .task, inTrash: true))
            }
            var changed = try vault.updateTask(task, changes)
            if let status, status != changed.status { changed = try vault.setStatus(task, status) }
            return changed
        }
        context.console.emit(changed: task, "updated")
    }

    private static func deadline(_ text: String) throws -> Timestamp? {
        if text.isEmpty { return nil }
        guard let deadline = DeadlineArgument(argument: text) else {
            throw Failure(.usage, "'\(text)' is not a time", hint: "write 2026-12-31 or 2026-12-31T17:00:00Z")
        }
        return deadline.time
    }
}
