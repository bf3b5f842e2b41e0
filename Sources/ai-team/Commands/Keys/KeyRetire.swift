import ArgumentParser
import Backup
import EncryptedSQLite
import KeyRing
import Vault

/// `key retire EPOCH`.
struct KeyRetire: Command {
    static let configuration = CommandConfiguration(
        commandName: "retire", abstract: "Accept nothing new under an epoch and those before it, anywhere.",
        discussion: """
            For the key of an old epoch that has leaked: no device takes new data under it any more, and no \
            page of the database. It protects from who has that key alone. What was written under it before \
            stays readable, for the members and for the thief: history and old backups need it.

            Nothing here may be under it any more: `ai-team key rotate --re-encrypt now` first. A backup of \
            its time that is restored counts until the epoch is retired once more.

            EXAMPLES:
              ai-team key retire 1
              ai-team key retire 3 --dry-run
            """)

    @Argument(help: "The epoch's number: ai-team key status.") var epoch: UInt32
    @Flag(help: "Show what would be done; change nothing.") var dryRun = false
    @Flag(help: "Do not ask.") var yes = false
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let vault = try context.vault()
        let keys = try vault.currentKeys(context.unlock())
        guard epoch >= 1, epoch <= keys.roster.currentEpoch else {
            throw Failure(
                .notFound, "this vault has no epoch \(epoch)", hint: "ai-team key status lists them")
        }
        try vault.requireEmptiedLog()
        try requireUnused(OldEpochs(vault))
        let backups = try context.backups().list().backups.count { $0.epoch <= epoch }
        if dryRun { return tell(context, backups, isDry: true) }
        try Confirmation.require("accept nothing new under epoch \(epoch) and those before?", yes: yes)
        _ = try context.changeKeys { try KeyRing.retire(epoch: epoch, in: $0, keys: $1, time: $2) }
        tell(context, backups, isDry: false)
    }

    private func requireUnused(_ old: OldEpochs) throws {
        let pages = old.pagesByEpoch.reduce(0) { $0 + ($1.epoch <= epoch ? $1.count : 0) }
        let objects = old.blobs.reduce(0) { $0 + ($1.epoch <= epoch ? $1.count : 0) }
        guard pages > 0 || objects > 0 else { return }
        throw Failure(
            .refusedByGuard,
            "\(pages) pages and \(counted(objects, "object")) here are under epoch \(epoch) or an older one",
            hint: "run ai-team key rotate --re-encrypt now first")
    }

    private func tell(_ context: Context, _ backups: Int, isDry: Bool) {
        context.console.emit({ writer in
            writer.object {
                $0.field("retired", Int(epoch))
                $0.field("backups", backups)
                if isDry { $0.field("dry_run", true) }
            }
        }) {
            [
                isDry
                    ? "nothing new would be accepted under epoch \(epoch) and those before"
                    : "nothing new is accepted under epoch \(epoch) and those before",
                "what was written under them stays readable for whoever has their keys; "
                    + "\(counted(backups, "backup")) need them",
            ]
        }
    }
}
