import ArgumentParser
import Knowledge
import Vault

/// The kinds of entries that a team's knowledge is written down in; each is a category of documents.
enum EntryType: String, ExpressibleByArgument, CaseIterable {
    case decision
    case bestPractice = "best_practice"
    case prd
    case architecture
    case bugReport = "bug_report"
}

/// `kb add --type T [FILE]`.
struct DocumentAdd: Command {
    static let configuration = CommandConfiguration(
        commandName: "add",
        abstract: "Write down a decision, a best practice, a PRD, an architecture or a bug.",
        discussion: """
            The text is Markdown. An entry's type is its category: `kb list --category decision` lists \
            the decisions, `kb search --category` searches among them.

            EXAMPLES:
              ai-team kb add --type decision --title "Ed25519 for manifests" - < decision.md
              ai-team kb add --type bug_report report.md --tag login
            """)

    @Option(
        help: ArgumentHelp(
            "decision, best_practice, prd, architecture or bug_report.", valueName: "type"))
    var type: EntryType
    @Option(help: ArgumentHelp("The first heading when not given.", valueName: "title")) var title: String?
    @Option(help: ArgumentHelp("A tag; may be repeated.", valueName: "tag")) var tag: [String] = []
    @Option(help: ArgumentHelp("The project, by id or name.", valueName: "project"))
    var project: String?
    @Argument(help: "A file; - is standard input.") var file = "-"
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let text = try InputFile.bytes(file)
        let vault = try context.vault()
        var options = UploadOptions()
        options.tags = tag.isEmpty ? nil : tag
        options.projectID = try vault.projectID(project)
        options.indexer = try context.indexer()
        let added = try vault.addDocument(
            text, title: title, category: type.rawValue, options: options)
        context.console.emit(added) { ["added \(added.id)  \(added.title.printable)"] }
    }
}
