import ArgumentParser
import Vault

/// `projects show PROJECT`.
struct ProjectsShow: Command {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show a project.",
        discussion: """
            EXAMPLES:
              ai-team projects show website
            """)

    @Argument(help: "The project, by id or name.") var project: String
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let found = try context.vault().read { try $0.project($0.resolveProject(project)) }
        context.console.emit(found) {
            details([
                ("id", found.id), ("name", found.name), ("status", found.status.rawValue),
                ("description", found.description),
                ("tasks", "\(found.taskCount), \(found.openTaskCount) open"),
                ("created", found.createdAt.short), ("updated", found.updatedAt.short),
            ])
        }
    }
}

/// `projects rename PROJECT NAME`.
struct ProjectsRename: Command {
    static let configuration = CommandConfiguration(
        commandName: "rename", abstract: "Give a project another name.",
        discussion: """
            EXAMPLES:
              ai-team projects rename website "public site"
            """)

    @Argument(help: "The project, by id or name.") var project: String
    @Argument(help: "Its new name.") var name: String
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let changed = try context.vault().write {
            try $0.updateProject($0.resolveProject(project), name: name)
        }
        context.console.emit(changed: changed, "renamed")
    }
}

/// `projects archive PROJECT`.
struct ProjectsArchive: Command {
    static let configuration = CommandConfiguration(
        commandName: "archive", abstract: "Set a project aside, or take it up again.",
        discussion: """
            EXAMPLES:
              ai-team projects archive website
              ai-team projects archive website --undo
            """)

    @Argument(help: "The project, by id or name.") var project: String
    @Flag(help: "Make it active again.") var undo = false
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let changed = try context.vault().write {
            try $0.updateProject($0.resolveProject(project), status: undo ? .active : .archived)
        }
        context.console.emit(changed: changed, undo ? "took up" : "archived")
    }
}

/// `projects delete PROJECT`.
struct ProjectsDelete: Command {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Put a project into the trash; its tasks stay.",
        discussion: """
            EXAMPLES:
              ai-team projects delete website
              ai-team projects delete website --yes
            """)

    @Argument(help: "The project, by id or name.") var project: String
    @Flag(help: "Also when it has open tasks.") var yes = false
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let gone = try context.vault().write { vault in
            let id = try vault.resolveProject(project)
            try vault.deleteProject(id, force: yes)
            return try vault.project(id)
        }
        context.console.emit(changed: gone, "put into the trash")
    }
}

/// `projects restore ID`.
struct ProjectsRestore: Command {
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Take a project out of the trash.",
        discussion: """
            EXAMPLES:
              ai-team list-projects --deleted
              ai-team projects restore 4c9dm2
            """)

    @Argument(help: "The project's id.") var id: String
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let changed = try context.vault().write {
            try $0.restoreProject($0.resolve(id, .project, inTrash: true))
        }
        context.console.emit(changed: changed, "restored")
    }
}
