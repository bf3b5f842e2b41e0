import ArgumentParser
import Vault

/// `create-project NAME`.
struct CreateProject: Command {
    static let configuration = CommandConfiguration(
        commandName: "create-project", abstract: "Create a project.",
        discussion: """
            EXAMPLES:
              ai-team create-project "電商平台開發"
              ai-team create-project website --description "the public site"
            """)

    @Argument(help: "Its name.") var name: String
    @Option(help: ArgumentHelp("What it is about; - reads standard input.", valueName: "text"))
    var description: String?
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let description = try InputFile.text(of: description) ?? ""
        let project = try context.vault().write { try $0.createProject(name: name, description: description) }
        context.console.emit(changed: project, "created")
    }
}

/// `list-projects`.
struct ListProjects: Command {
    static let configuration = CommandConfiguration(
        commandName: "list-projects", abstract: "List projects.",
        discussion: """
            EXAMPLES:
              ai-team list-projects
              ai-team list-projects --active
            """)

    @Flag(help: "Without the archived ones.") var active = false
    @Flag(help: "The trash instead.") var deleted = false
    @OptionGroup var limit: LimitOption
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let all = try context.vault().read { try $0.projects(archived: !active, deleted: deleted) }
        context.console.emit(
            list: all.page(limit: limit.limit), none: "no projects",
            columns: ["ID", "NAME", "STATUS", "OPEN", "TASKS", "CREATED"], flexible: 1
        ) {
            [
                $0.id.shortID, $0.name, $0.status.rawValue, "\($0.openTaskCount)", "\($0.taskCount)",
                $0.createdAt.short,
            ]
        }
    }
}

/// `projects …`.
struct ProjectsGroup: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "projects", abstract: "Show, rename, archive and delete projects.",
        subcommands: [
            ProjectsShow.self, ProjectsRename.self, ProjectsArchive.self, ProjectsDelete.self,
            ProjectsRestore.self,
        ])
}

extension Console {
    /// One project after a change.
    func emit(changed project: ProjectRecord, _ verb: String) {
        emit(project) { ["\(verb) \(project.id): \(project.name.printable) (\(project.status.rawValue))"] }
    }
}

extension Array where Element: Sendable {
    /// The first `limit` elements, 0 for all, and whether there are more.
    func page(limit: Int) -> Page<Element> {
        guard limit > 0, count > limit else { return Page(items: self, hasMore: false) }
        return Page(items: Array(prefix(limit)), hasMore: true)
    }
}
