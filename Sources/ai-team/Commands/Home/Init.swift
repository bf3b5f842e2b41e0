import ArgumentParser
import FileSystem
import KeyRing
import Vault

/// `init`: makes a home.
struct Init: Command {
    static let configuration = CommandConfiguration(
        commandName: "init", abstract: "Make a vault: home, keys, device identity, database.",
        discussion: """
            Prints the recovery code once: write it down. Asks for a passphrase unless --passphrase-file or \
            --key-file is given; a key file that is not there is made.

            With --recover, the vault comes back from a directory of backups and the recovery code alone, \
            as a new device. The code proves that the backups are this vault's. What does not verify is \
            named, and the exit status is then 6; the rest comes back. Compare the devices' fingerprints: \
            until they are confirmed, here or by `ai-team device confirm`, they can't read what is \
            written on this one.

            With --backup-only there is no vault: the home gets a key pair with which this machine, or this \
            user, writes backups of a vault that it can't read (`ai-team backup writers`).

            EXAMPLES:
              ai-team init
              ai-team init --backup-only --key-file ~/.ai-team-key --name nas
              ai-team init --recover file:///media/backups --recovery-code-file code.txt
              ai-team init --key-file ~/.ai-team-key --name build-server
              ai-team init --home . --mode hybrid
            """)

    @Option(help: ArgumentHelp("What this device is called.", valueName: "name")) var name: String?
    @OptionGroup(title: "Recovery") var recovery: RecoveryOptions
    @OptionGroup(title: "Machines that only write backups") var backupOnly: BackupOnlyOptions
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func validate() throws {
        if recovery.recover != nil, backupOnly.backupOnly {
            throw ValidationError("--recover and --backup-only exclude each other")
        }
    }

    func execute(_ context: Context) throws {
        let home = try context.location().home
        let modeText = context.options.mode ?? "local"
        guard let mode = Mode(name: modeText) else {
            throw Failure(.usage, "'\(modeText)' is not a mode", hint: "use local, cloud or hybrid")
        }
        guard try !home.exists() else {
            throw Failure(
                .conflict, "there is a vault in \(home.path) already", hint: "name another home with --home")
        }
        guard try !context.isWriterHome() else { throw Context.onlyWrites }
        guard try !context.isJoiningHome() else { throw Context.waitsToJoin }
        if backupOnly.backupOnly {
            return try InitBackupOnly(
                options: backupOnly, context: context, home: home, mode: mode, name: name ?? hostName(),
                secret: context.newSecret()
            ).execute()
        }
        if let url = recovery.recover {
            let bringsBack = InitRecovery(
                options: recovery, context: context, home: home, mode: mode, name: name ?? hostName(),
                newSecret: { try context.newSecret() })
            return try bringsBack.execute(from: url)
        }
        let secret = try context.newSecret()
        try home.makeLayout(mode: mode)
        let made = try KeyRing.create(
            in: home.keysDirectory, name: name ?? hostName(), secret: secret, time: context.milliseconds)
        context.cache.vault = try Vault.create(home: home, keys: made.keys)
        if let path = context.options.keyFile {
            try HomeConfiguration.set("key_file", to: absolute(path), in: home, nil)
        }
        let code = made.recoveryCode.reveal()
        context.console.emit({ writer in
            writer.object { writer in
                writer.field("vault_id", made.keys.vaultID.description)
                writer.field("device_id", made.keys.device.description)
                writer.field("mode", mode.rawValue)
                writer.field("home", home.path)
                writer.field("recovery_code", code)
            }
        }) {
            [
                "made a vault in \(home.path)", "", "recovery code, shown this once:", "", "  \(code)", "",
                "write it down and keep it apart from this machine",
            ]
        }
    }
}
