import ArgumentParser
import Backup
import Vault

/// `backup offer DIR`.
struct BackupOffer: Command {
    static let configuration = CommandConfiguration(
        commandName: "offer",
        abstract: "Leave the vault's state, as ciphertext, for a machine that only writes backups.",
        discussion: """
            DIR gets the database's pages and the documents as they stand on the disk, the signed roster \
            and a signed statement of how fresh they are; nothing in it can be read without the vault's \
            keys. It is readable for its group: chgrp it to one that the other user is in, and chmod g+s. \
            The offer before stays whole until the new one is. Documents that are there are not copied \
            again.

            EXAMPLES:
              ai-team backup offer /srv/spool
              ai-team backup schedule --offer /srv/spool
            """)

    @Argument(help: ArgumentHelp("A directory that is empty, or was offered in before.", valueName: "dir"))
    var directory: String
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let vault = try context.vault()
        let path = absolute(directory)
        let bar = BackupBar("offering", context.console)
        defer { bar.finish() }
        let report = try context.backups().offer(
            vault, in: path, time: context.milliseconds, progress: bar.show)
        bar.finish()
        context.console.emit({ writer in
            writer.object { writer in
                writer.field("directory", path)
                writer.field("created_at", Timestamp(milliseconds: Int64(clamping: report.time)))
                writer.field("database_pages", Int64(report.pages))
                writer.field("files", report.files)
                writer.field("bytes", Int64(clamping: report.bytes))
                writer.field("counter", Int64(clamping: report.counter))
            }
        }) {
            [
                "offered \(report.pages) pages and \(counted(report.files, "file")) in \(path.printable),"
                    + " \(sizeText(Int64(clamping: report.bytes))) written"
            ]
        }
    }
}
