import Backup
import KeyRing
import Vault

/// `backup create --from DIR`, on a home that only writes backups.
struct CreateFromOffer {
    let directory: String
    /// The vault to work for, as a person says.
    let vault: String?
    let options: VaultBackups.CreateOptions

    func execute(
        _ context: Context
    ) throws -> (backup: VaultBackups.Summary, notes: [OutsideNote]) {
        let writer = try context.writer()
        if let vault, let known = try writer.vaultID(), known.description != vault {
            throw Failure(.refusedByGuard, "this home works for the vault \(known), not for \(vault)")
        }
        let bar = BackupBar("backing up", context.console)
        defer { bar.finish() }
        return try writer.create(
            from: absolute(directory), options, time: context.milliseconds,
            isRightVault: { id in
                if let vault { return id.description == vault }
                guard let terminal = Terminal() else { return false }
                return try terminal.confirm(
                    "The spool offers the vault \(id). Is this what `ai-team backup writers` shows there?")
            }, progress: bar.show)
    }
}
