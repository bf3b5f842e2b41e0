import ArgumentParser
import Glibc
import Knowledge
import Vault

/// `kb watch DIR`.
struct DocumentWatch: Command {
    static let configuration = CommandConfiguration(
        commandName: "watch", abstract: "Keep a folder's files in step with the knowledge base.",
        discussion: """
            Runs here, in the foreground, until interrupted: uploads what is new or changed, once it has not \
            changed for an interval, knows renamed files by their content, and puts documents into the \
            trash whose files are gone. When more than a fifth of them (and more than 10) are gone at once, \
            or the folder itself, nothing is deleted. Hidden files and links are left out. With --json each \
            look that found something is one line.

            EXAMPLES:
              ai-team kb watch ~/notes --category note
              ai-team kb watch docs --once
            """)

    @Argument(help: "The folder.") var folder: String
    @Option(help: ArgumentHelp("The category; found out when not given.", valueName: "category"))
    var category: String?
    @Option(help: ArgumentHelp("A tag; may be repeated.", valueName: "tag")) var tag: [String] = []
    @Option(help: ArgumentHelp("The project, by id or name; '' is none.", valueName: "project"))
    var project: String?
    @Option(help: ArgumentHelp("Time between looks; 2s unless said.", valueName: "duration"))
    var interval: DurationArgument?
    @Flag(help: "Look once, and end.") var once = false
    @Flag(help: "Put documents into the trash however many files are gone.") var allowMassDelete = false
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let vault = try context.vault()
        var options = UploadOptions()
        options.category = category
        options.tags = tag.isEmpty ? nil : tag
        options.projectID = try vault.projectID(project)
        options.indexer = try context.indexer()
        var watched = try WatchedFolder(
            RawArguments.bytes(of: [folder])[0], workingDirectory: Array(absolute(".").utf8))
        var told = 0
        while true {
            let progress = Progress("uploading", console: context.console)
            let report = try vault.look(
                at: &watched, options: options, allowsMassDeletion: allowMassDelete
            ) { files, _, total in progress.update(done: Int64(files), total: Int64(total)) }
            progress.finish()
            if once || !report.isEmpty { tell(report, context) }
            if report.withheld != told { warn(report.withheld, context) }
            told = report.withheld
            if once {
                if !report.failed.isEmpty || report.withheld > 0 { context.exitStatus = 1 }
                return
            }
            StandardOutput.flush()
            usleep(useconds_t(clamping: (interval?.milliseconds ?? 2000) * 1000))
        }
    }

    private func tell(_ report: WatchReport, _ context: Context) {
        context.console.emit(report) {
            report.uploaded.map {
                "\($0.oldPath == nil ? $0.status.rawValue : "renamed")  \($0.id.shortID)  "
                    + $0.title.printable
            } + report.trashed.map { "trashed  \($0.id.shortID)  \($0.title.printable)" }
        }
        for failure in report.failed {
            let path = String(decoding: failure.path, as: UTF8.self).printable
            context.console.warn("\(path): \(failure.error.message)")
        }
    }

    private func warn(_ withheld: Int, _ context: Context) {
        guard withheld > 0 else { return }
        context.console.warn(
            "\(counted(withheld, "file")) gone at once: their documents stay; if that is meant, run it with "
                + "--allow-mass-delete")
    }
}
