import ArgumentParser
import Vault

/// What `list-tasks` and `tasks list` filter by.
struct TaskListArguments: ParsableArguments {
    @Option(help: "Only tasks in this status; may be repeated.")
    var status: [TaskStatus] = []

    @Option(help: ArgumentHelp("Only tasks of this project, by id or name.", valueName: "project"))
    var project: String?

    @Option(help: ArgumentHelp("Only tasks of this agent.", valueName: "agent"))
    var assigned: String?

    @Option(help: "Only tasks of this type.")
    var type: TaskType?

    @Option(help: "Only tasks of this priority.")
    var priority: TaskPriority?

    @Option(help: ArgumentHelp("Only tasks with this tag.", valueName: "tag"))
    var tag: String?

    @Flag(help: "Only tasks that could be begun now.")
    var ready = false

    @Flag(help: "Only tasks whose deadline is past.")
    var overdue = false

    @Flag(help: "The trash instead.")
    var deleted = false

    @OptionGroup var limit: LimitOption

    func list(_ context: Context) throws {
        var filter = TaskFilter()
        filter.statuses = status
        filter.assignedTo = try assigned.map(AgentCatalogue.resolve)
        filter.type = type
        filter.priority = priority
        filter.tag = tag
        filter.readyOnly = ready
        filter.overdueOnly = overdue
        filter.deleted = deleted
        filter.limit = limit.limit
        let page = try context.vault().read { vault in
            filter.projectID = try project.map(vault.resolveProject)
            return try vault.tasks(filter)
        }
        context.console.emit(tasks: page)
    }
}

/// `list-tasks`.
struct ListTasks: Command {
    static let configuration = CommandConfiguration(
        commandName: "list-tasks",
        abstract: "List tasks, the most urgent first.",
        discussion: """
            EXAMPLES:
              ai-team list-tasks --status pending --priority critical
              ai-team list-tasks --ready --assigned qa
              ai-team list-tasks --limit 0 --json
            """)

    @OptionGroup var arguments: TaskListArguments
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws { try arguments.list(context) }
}

/// `tasks list`.
struct TasksList: Command {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List tasks, the most urgent first (list-tasks).",
        discussion: ListTasks.configuration.discussion)

    @OptionGroup var arguments: TaskListArguments
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws { try arguments.list(context) }
}
