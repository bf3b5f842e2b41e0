import ArgumentParser
import Backup
import Vault

/// `backup verify [ID]`.
struct BackupVerify: Command {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Check one backup, or all of them.",
        discussion: """
            Without --data: signatures, the chain of manifests, presence and size of packs. With it every \
            byte is read, and the database is restored into a directory of its own and checked by SQLite: \
            that of the backup, or without an ID that of each device's newest. Exits 6 when anything is wrong.

            EXAMPLES:
              ai-team backup verify
              ai-team backup verify 7f3k2q --data
            """)

    @Argument(help: "The backup's id, or at least 4 characters of its beginning or end.") var id: String?
    @Flag(help: "Read and decrypt everything, and try a restore.") var data = false
    @OptionGroup var rollback: RollbackOption
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let bar = BackupBar("verifying", context.console)
        defer { bar.finish() }
        let found = try context.backups().verify(
            id, data: data, acceptsRollback: rollback.isAccepted, progress: bar.show)
        bar.finish()
        let isFine = found.problems.isEmpty
        if context.console.json {
            if !isFine { context.exitStatus = Failure.Code.integrityFailure.exitStatus }
        } else {
            context.report(found.problems)
        }
        context.console.emit({ writer in
            writer.object { writer in
                writer.field("ok", isFine)
                writer.field("checked", found.checked)
                writer.failures(found.problems)
                writer.field("bytes", Int64(clamping: found.bytes))
            }
        }) {
            let read = data ? ", \(sizeText(Int64(clamping: found.bytes))) read" : ""
            return [
                "\(counted(found.checked, "backup")) checked\(read): \(isFine ? "all is well" : "NOT ok")"
            ]
        }
    }
}
