import ArgumentParser
import Vault

/// `kb …`: the knowledge base's documents.
struct DocumentGroup: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kb", abstract: "Upload, search, list, read and export documents.",
        subcommands: [
            DocumentUpload.self, DocumentAdd.self, DocumentWatch.self, DocumentSearch.self,
            DocumentReindex.self,
            DocumentEmbed.self, DocumentVerifyRecall.self,
            DocumentList.self, DocumentShow.self, DocumentGet.self, DocumentDelete.self,
            DocumentRestore.self, DocumentHistory.self, DocumentExport.self,
        ])
}

/// `kb list`.
struct DocumentList: Command {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List documents.",
        discussion: """
            EXAMPLES:
              ai-team kb list --category guide --project website
              ai-team kb list --deleted
            """)

    @Option(help: ArgumentHelp("Only this category.", valueName: "category")) var category: String?
    @Option(help: ArgumentHelp("Only documents with this tag.", valueName: "tag")) var tag: String?
    @Option(help: ArgumentHelp("Only documents of this project, by id or name.", valueName: "project"))
    var project: String?
    @Flag(help: "The trash instead.") var deleted = false
    @OptionGroup var limit: LimitOption
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let page = try context.vault().read { vault in
            try vault.documents(
                category: category, tag: tag, project: project.map(vault.resolveProject), deleted: deleted,
                limit: limit.limit)
        }
        context.console.emit(
            list: page, none: "no documents",
            columns: ["ID", "TITLE", "CATEGORY", "SIZE", "VERSION", "UPDATED"], flexible: 1
        ) { (document: DocumentRecord) in
            [
                document.id.shortID, document.title, document.category,
                sizeText(document.size) + (document.isHere ? "" : " *"), "\(document.version)",
                document.updatedAt.short,
            ]
        }
        let elsewhere = page.items.count { !$0.isHere }
        if elsewhere > 0 {
            context.console.note(
                "* the contents of \(counted(elsewhere, "document")) are not on this device yet: "
                    + "`ai-team sync pull` or `ai-team kb get` gets them")
        }
    }
}

/// `kb show ID`.
struct DocumentShow: Command {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show what is known of a document.",
        discussion: """
            EXAMPLES:
              ai-team kb show 7f3k2q
            """)

    @Argument(help: "The document's id, or at least 4 characters of its beginning or end.") var id: String
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let vault = try context.vault()
        var found = try vault.read { try $0.document($0.resolve(id, .document, inTrash: true)) }
        if !found.isHere, context.tryToFetch(try vault.missingContent(found.id), of: found.id) {
            found = try vault.read { try $0.document(found.id) }
        }
        context.console.emit(found) {
            details([
                ("id", found.id), ("title", found.title), ("category", found.category),
                ("tags", found.tags.joined(separator: ", ")), ("project", found.projectID),
                ("type", found.contentType),
                ("size", sizeText(found.size)), ("version", "\(found.version)"),
                ("content", found.isHere ? nil : "not on this device yet"),
                ("name", String(decoding: found.name, as: UTF8.self)),
                ("from", String(decoding: found.path, as: UTF8.self)),
                ("created", found.createdAt.short), ("updated", found.updatedAt.short),
            ])
        }
    }
}

/// `kb history ID`.
struct DocumentHistory: Command {
    static let configuration = CommandConfiguration(
        commandName: "history", abstract: "List the versions of a document.",
        discussion: """
            EXAMPLES:
              ai-team kb history 7f3k2q
            """)

    @Argument(help: "The document's id, or at least 4 characters of its beginning or end.") var id: String
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let versions = try context.vault().read {
            try $0.versions(of: $0.resolve(id, .document, inTrash: true))
        }
        context.console.emit(
            list: Page(items: versions, hasMore: false), none: "no versions",
            columns: ["VERSION", "SIZE", "TYPE", "CREATED"], flexible: 2
        ) { (version: DocumentVersion) in
            [
                "\(version.number)", sizeText(version.content.size), version.contentType,
                version.createdAt.short,
            ]
        }
    }
}
