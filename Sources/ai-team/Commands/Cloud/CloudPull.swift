import ArgumentParser
import Backup
import FileSystem
import Vault

/// `backup cloud pull [ID]`.
struct CloudPull: Command {
    static let configuration = CommandConfiguration(
        commandName: "pull", abstract: "Bring back what the home's own backups lack.",
        discussion: """
            With --only, documents and files from outside the vault are written in plain text below \
            --target instead, straight from the bucket: no more of the backup is fetched than holds them. \
            Patterns are about the tree of `backup export`; a document's id, or 6 characters of it, names \
            its newest version.

            EXAMPLES:
              ai-team backup cloud pull
              ai-team backup cloud pull 7f3k2q --only 9m4x0a --target ~/documents
              ai-team backup cloud pull 7f3k2q --only 'documents/plans/**' --target ~/documents
            """)

    @Argument(help: "Only this backup and those before it: its id, or 4 characters of it.") var id: String?
    @Option(
        help: ArgumentHelp(
            "Write only this document, or what fits; may be repeated.", valueName: "pattern|id"))
    var only: [String] = []
    @Option(help: ArgumentHelp("The directory for what --only names.", valueName: "dir")) var target: String?
    @OptionGroup var remote: RemoteOption
    @OptionGroup var rollback: RollbackOption
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func validate() throws {
        if only.isEmpty != (target == nil) { throw ValidationError("--only and --target belong together") }
        if !only.isEmpty, id == nil { throw ValidationError("--only needs a backup's id") }
    }

    func execute(_ context: Context) throws {
        if let id, let target { return try writeParts(of: id, Home(path: absolute(target)), context) }
        let cloud = try context.cloud(remote)
        let bar = BackupBar("fetching", context.console)
        defer { bar.finish() }
        let done = try cloud.pull(id, acceptsRollback: rollback.isAccepted, progress: bar.show)
        bar.finish()
        context.report(done.problems)
        context.console.emit({ writer in
            writer.object { writer in
                writer.field("downloaded", done.downloaded)
                writer.field("skipped", done.skipped)
                writer.field("bytes", Int64(clamping: done.bytes))
                writer.field("requests", Int64(clamping: cloud.requests))
            }
        }) {
            let got = "\(counted(done.downloaded, "object")), \(sizeText(Int64(clamping: done.bytes)))"
            return [done.downloaded == 0 ? "nothing to fetch" : "fetched \(got)"]
        }
    }

    private func writeParts(of id: String, _ directory: Home, _ context: Context) throws {
        try directory.requirePlainPlace()
        let cloud = try context.cloud(remote)
        try Files.createDirectory(directory.path)
        let bar = Progress("fetching", console: context.console)
        defer { bar.finish() }
        let report = try cloud.export(
            id, to: .directory(directory.path), only: RawArguments.bytes(of: only),
            acceptsRollback: rollback.isAccepted
        ) { bar.update(done: Int64(clamping: $0), total: Int64(clamping: $1)) }
        bar.finish()
        context.tell(report, path: directory.path, requests: cloud.requests)
    }
}
