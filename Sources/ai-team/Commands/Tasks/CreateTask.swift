import ArgumentParser
import Vault

/// What a new task is made from; shared by `create-task` and `tasks create`.
struct TaskArguments: ParsableArguments {
    @Argument(help: "One line that says what is to be done.")
    var title: String

    @Option(help: "The kind of work.")
    var type: TaskType = .implementFeature

    @Option(help: ArgumentHelp("The project, by id or name.", valueName: "project"))
    var project: String?

    @Option(help: "How urgent it is.")
    var priority: TaskPriority = .medium

    @Option(help: ArgumentHelp("The agent who shall do it.", valueName: "agent"))
    var assign: String?

    @Option(help: ArgumentHelp("A task that must be done first; may be repeated.", valueName: "id"))
    var depends: [String] = []

    @Option(help: ArgumentHelp("RFC 3339, or a date, which means its end (UTC).", valueName: "time"))
    var deadline: DeadlineArgument?

    @Option(help: ArgumentHelp("More than the title says; - reads standard input.", valueName: "text"))
    var description: String?

    @Option(help: ArgumentHelp("A word to find it by; may be repeated.", valueName: "tag"))
    var tag: [String] = []

    func create(_ context: Context) throws {
        var draft = TaskDraft(title: title)
        draft.type = type
        draft.priority = priority
        draft.assignedTo = try assign.map(AgentCatalogue.resolve)
        draft.deadline = deadline?.time
        draft.description = try InputFile.text(of: description) ?? ""
        draft.tags = tag
        let task = try context.vault().write { vault in
            draft.projectID = try project.map(vault.resolveProject)
            draft.dependencies = try depends.map { try vault.resolve($0, .task) }
            return try vault.createTask(draft)
        }
        context.console.emit(changed: task, "created")
    }
}

/// `create-task TITLE`.
struct CreateTask: Command {
    static let configuration = CommandConfiguration(
        commandName: "create-task",
        abstract: "Create a task.",
        discussion: """
            EXAMPLES:
              ai-team create-task "Write the manual" --priority high --assign pm
              ai-team create-task "實現用戶認證系統" --type develop_api --depends 7f3k2q
              git log -1 --format=%B | ai-team create-task "Review" --description -
            """)

    @OptionGroup var arguments: TaskArguments
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws { try arguments.create(context) }
}

/// `tasks create TITLE`.
struct TasksCreate: Command {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Create a task (create-task).",
        discussion: CreateTask.configuration.discussion)

    @OptionGroup var arguments: TaskArguments
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws { try arguments.create(context) }
}
