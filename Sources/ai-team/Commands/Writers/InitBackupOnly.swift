import ArgumentParser
import FileSystem
import KeyRing
import Vault

/// What `init --backup-only` takes besides what `init` does.
struct BackupOnlyOptions: ParsableArguments {
    @Flag(
        help: ArgumentHelp(
            "Make a machine that writes backups of a vault without being able to read it."))
    var backupOnly = false
    @Option(
        help: ArgumentHelp(
            "Where its public key goes; keys/writer.pub in the home by default.", valueName: "file"))
    var publicKeyFile: String?

    func validate() throws {
        if publicKeyFile != nil, !backupOnly {
            throw ValidationError("--public-key-file belongs to --backup-only")
        }
    }
}

/// `init --backup-only`.
struct InitBackupOnly {
    let options: BackupOnlyOptions
    let context: Context
    let home: Home
    let mode: Mode
    let name: String
    let secret: SlotSecret

    func execute() throws {
        try home.makeLayout(mode: mode)
        let made = try WriterIdentity.create(
            in: home.keysDirectory, name: name, secret: secret, time: context.milliseconds)
        if let path = context.options.keyFile {
            try HomeConfiguration.set("key_file", to: absolute(path), in: home, nil)
        }
        let key = made.publicKey
        let file = options.publicKeyFile.map { absolute($0) } ?? home.keysDirectory + "/writer.pub"
        // Public: whoever enrols the machine may read it.
        try Durable.replace(file, with: Array((key.text + "\n").utf8), permissions: 0o644)
        context.console.emit({ writer in
            writer.object { writer in
                writer.field("device_id", made.device.description)
                writer.field("mode", mode.rawValue)
                writer.field("home", home.path)
                writer.field("public_key", key.text)
                writer.field("public_key_file", file)
                writer.field("public_key_fingerprint", key.keys.fingerprint)
            }
        }) {
            [
                "made a home in \(home.path) that only writes backups, device \(made.device)",
                "fingerprint \(key.keys.fingerprint)", "",
                "its public key, also in \(file):", "", key.text, "",
                "on the machine with the vault: ai-team backup writers add FILE, then backup offer DIR",
            ]
        }
    }
}
