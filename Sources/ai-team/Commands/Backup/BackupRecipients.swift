import ArgumentParser
import KeyRing
import Vault

/// `backup recipients …`.
struct BackupRecipients: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recipients",
        abstract: "Say who outside the vault can read new backups: an auditor, a key in a safe.",
        discussion: """
            A recipient is a public key of age (age1…), as age-keygen makes it. Backups made from here on \
            are wrapped to it too: whoever holds the other half reads the database and the files from \
            outside the vault, with scripts/recover.py and without the vault's keys. Documents stay sealed \
            to the vault.

            EXAMPLES:
              ai-team backup recipients add auditor "$(age-keygen -y auditor.txt)"
              ai-team backup recipients
              ai-team backup recipients remove auditor
            """,
        subcommands: [BackupRecipientList.self, BackupRecipientAdd.self, BackupRecipientRemove.self],
        defaultSubcommand: BackupRecipientList.self)
}

/// `backup recipients`.
struct BackupRecipientList: Command {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List those outside the vault who can read new backups.",
        discussion: """
            EXAMPLES:
              ai-team backup recipients
              ai-team backup recipients list --json
            """)

    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws { try context.show(recipientsOf: context.unlock()) }
}

/// `backup recipients add NAME KEY`.
struct BackupRecipientAdd: Command {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Wrap the keys of new backups to a key outside the vault too.",
        discussion: """
            Backups that are there already stay as they are. The next one is readable as a whole, what it \
            takes over from older ones too.

            EXAMPLES:
              ai-team backup recipients add auditor "$(age-keygen -y auditor.txt)"
            """)

    @Argument(help: "What to call it.") var name: String
    @Argument(help: "Its public key (age1…).") var key: String
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        guard let key = BackupRecipient.key(key) else {
            throw Failure(
                .usage, "not a public key of age's X25519 kind: \(key)", hint: "it begins with age1")
        }
        let home = try context.existingHome()
        let keys = try KeyRing.addBackupRecipient(
            key, name: name, in: home.keysDirectory, keys: context.unlock(), time: context.milliseconds)
        try context.show(recipientsOf: keys)
    }
}

/// `backup recipients remove NAME`.
struct BackupRecipientRemove: Command {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Wrap new backups to a key no longer.",
        discussion: """
            What was wrapped stays so: whoever holds the other half goes on reading the backups made until \
            now.

            EXAMPLES:
              ai-team backup recipients remove auditor
            """)

    @Argument(help: "Its name or public key.") var recipient: String
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let home = try context.existingHome()
        let keys = try context.unlock()
        let found = try keys.roster.backupRecipients.filter {
            try $0.publicKeyText == recipient || keys.label(of: $0) == recipient
        }
        guard let first = found.first else {
            throw Failure(
                .notFound, "no recipient \(recipient)", hint: "`ai-team backup recipients` lists them")
        }
        guard found.count == 1 else {
            throw Failure(
                .ambiguousID, "several recipients are called \(recipient)", hint: "give the public key")
        }
        let changed = try KeyRing.removeBackupRecipient(
            first.id, in: home.keysDirectory, keys: keys, time: context.milliseconds)
        try context.show(recipientsOf: changed)
    }
}

extension Context {
    fileprivate func show(recipientsOf keys: UnlockedKeys) throws {
        let recipients = try keys.roster.backupRecipients.map { (name: try keys.label(of: $0), $0) }
        console.emit({ writer in
            writer.array { writer in
                for (name, recipient) in recipients {
                    writer.object { writer in
                        writer.field("name", name)
                        writer.field("public_key", recipient.publicKeyText)
                        writer.field("vault_id", keys.vaultID.description)
                    }
                }
            }
        }) {
            recipients.isEmpty
                ? ["nobody outside the vault can read backups"]
                : recipients.map { "\($0.name)  \($0.1.publicKeyText)" }
                    + ["", "to know whose backups they read, they need the vault's id too: \(keys.vaultID)"]
        }
    }
}
