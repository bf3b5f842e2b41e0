import ArgumentParser
import KeyRing
import Vault

/// `key passphrase`.
struct KeyPassphrase: Command {
    static let configuration = CommandConfiguration(
        commandName: "passphrase", abstract: "Change the passphrase.",
        discussion: """
            Plainly, the same root key is sealed anew: copies of the old key ring still open with the old \
            passphrase. With --compromised the vault gets new keys; other processes go on with them. \
            Where the passphrase recovers the vault (backup.passphrase_recovery), the new one does so from \
            now on; that too makes a new epoch.

            EXAMPLES:
              ai-team key passphrase
              ai-team key passphrase --new-passphrase-file secret.txt --compromised
            """)

    @Option(help: ArgumentHelp("A file whose first line is the new passphrase.", valueName: "file"))
    var newPassphraseFile: String?
    @Flag(help: "The old one may be known to others: replace the keys too.") var compromised = false
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        _ = try context.unlock()
        let secret = try SecretSource.newPassphrase(newPassphraseFile)
        let code = try context.agreeingCode()
        let changed = try context.changeKeys(reencrypts: compromised) {
            try KeyRing.changePassphrase(
                to: secret, isCompromised: compromised, approvedBy: code, in: $0, keys: $1, time: $2)
        }
        if changed.roster.hasPassphraseRecovery {
            context.console.note(
                "backups from now on are recovered with the new passphrase; older ones also with the old one")
        }
        context.console.emit({ writer in
            writer.object { writer in
                writer.field("epoch", Int(changed.currentEpoch))
                writer.key("slots")
                writer.array { writer in for slot in changed.slots { writer.slot(slot, changed) } }
            }
        }) {
            compromised
                ? ["the passphrase and the vault's keys are new; the epoch is \(changed.currentEpoch)"]
                : [
                    "the passphrase is new; copies of the old key ring still open with the old one "
                        + "(--compromised replaces the keys too)"
                ]
        }
    }
}
