import ArgumentParser
import Vault

/// `kb delete ID`.
struct DocumentDelete: Command {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Put a document into the trash, which keeps it for 30 days.",
        discussion: """
            With --purge the document, its versions, its history and its passages and vectors leave this \
            vault, and other devices with their next sync. Backups that were made before keep them until \
            they are pruned, and so does the remote for a month or more.

            EXAMPLES:
              ai-team kb delete 7f3k2q
              ai-team kb delete 7f3k2q --purge --yes
            """)

    @Argument(help: "The document's id, or at least 4 characters of its beginning or end.") var id: String
    @Flag(help: "Remove it for good, all versions.") var purge = false
    @Flag(help: "Do not ask.") var yes = false
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let vault = try context.vault()
        let found = try vault.read { try $0.document($0.resolve(id, .document, inTrash: purge)) }
        if purge {
            try Confirmation.require("remove \(found.id) \"\(found.title.printable)\" for good?", yes: yes)
            try vault.write { try $0.purgeDocument(found.id) }
            if try !vault.sweepBlobs().isComplete {
                try vault.hastenMaintenance()
                context.console.note("its files are removed when the backup that is running has ended")
            }
        } else {
            _ = try vault.write { try $0.deleteDocument(found.id) }
        }
        context.console.emit(found) {
            [purge ? "removed \(found.id) for good" : "put \(found.id) into the trash"]
        }
    }
}

/// `kb restore ID`.
struct DocumentRestore: Command {
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Take a document out of the trash.",
        discussion: """
            EXAMPLES:
              ai-team kb restore 7f3k2q
            """)

    @Argument(help: "The document's id, or at least 4 characters of its beginning or end.") var id: String
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let found = try context.vault().write { vault in
            let document = try vault.resolve(id, .document, inTrash: true)
            _ = try vault.restoreDocument(document)
            return try vault.document(document)
        }
        context.console.emit(found) { ["restored \(found.id): \(found.title.printable)"] }
    }
}
