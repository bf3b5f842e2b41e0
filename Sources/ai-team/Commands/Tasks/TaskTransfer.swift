import ArgumentParser
import Vault

/// `tasks import FILE`.
struct TasksImport: Command {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Take in tasks from JSON Lines, all of them or none.",
        discussion: """
            Each line is an object with at least "title". An "id" that exists is updated, unknown \
            keys are kept \
            in "metadata".

            EXAMPLES:
              ai-team tasks import tasks.jsonl
              ai-team --home other tasks export | ai-team tasks import -
            """)

    @Argument(help: "The file; - reads standard input.") var file: String
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let text = try InputFile.bytes(file, limit: 1 << 30)
        let report = try context.vault().write { try $0.importTasks(jsonLines: text) }
        context.console.emit(report) {
            ["imported: \(report.created) new, \(report.updated) updated, \(report.unchanged) unchanged"]
        }
    }
}

/// `tasks export`.
struct TasksExport: Command {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Print all tasks as JSON Lines, in plain text.",
        discussion: """
            EXAMPLES:
              ai-team tasks export > tasks.jsonl
            """)

    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        try context.vault().read { vault in
            try vault.exportTasks { StandardOutput.write($0) }
        }
    }
}
