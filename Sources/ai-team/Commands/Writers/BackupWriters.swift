import ArgumentParser
import Backup
import KeyRing
import Vault

/// `backup writers …`.
struct BackupWriters: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "writers",
        abstract: "Say which machines may write backups of the vault without reading it.",
        discussion: """
            Such a machine is another user or another computer. `ai-team init --backup-only` makes its keys \
            there; what it backs up is what `ai-team backup offer DIR` leaves for it. It gets no key of the \
            vault. Its backups count only with the signed statement that comes with an offer.

            EXAMPLES:
              ai-team backup writers add writer.pub --name nas
              ai-team backup writers
              ai-team backup writers remove nas
            """,
        subcommands: [BackupWriterList.self, BackupWriterAdd.self, BackupWriterRemove.self],
        defaultSubcommand: BackupWriterList.self)
}

/// `backup writers`.
struct BackupWriterList: Command {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the machines that only write backups.",
        discussion: """
            EXAMPLES:
              ai-team backup writers
              ai-team backup writers list --json
            """)

    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws { try context.show(writersOf: context.unlock()) }
}

/// `backup writers add FILE`.
struct BackupWriterAdd: Command {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Let a machine write backups.",
        discussion: """
            The file is the one that `ai-team init --backup-only` made on that machine (- is standard \
            input). Compare the fingerprint with what that machine showed.

            EXAMPLES:
              ai-team backup writers add writer.pub
              ai-team backup writers add writer.pub --name nas
            """)

    @Argument(help: ArgumentHelp("The machine's public key file.", valueName: "file")) var file: String
    @Option(help: ArgumentHelp("What to call it; what it calls itself by default.", valueName: "name"))
    var name: String?
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let home = try context.existingHome()
        let text = String(
            decoding: try InputFile.bytes(file, limit: WriterPublicKey.textLimit), as: UTF8.self)
        let key: WriterPublicKey
        do throws(KeyError) { key = try WriterPublicKey(text: text) } catch {
            guard error.code == .malformed else { throw error }
            throw Failure(.usage, "\(file.printable): \(error.message)", hint: error.hint)
        }
        let keys = try context.unlock()
        guard keys.roster.member(key.id) == nil else {
            throw Failure(.conflict, "this machine is a device of the vault already")
        }
        let changed = try KeyRing.addMember(
            key.keys, as: .backup, name: name ?? key.name, in: home.keysDirectory, keys: keys,
            time: context.milliseconds)
        try context.show(writersOf: changed)
    }
}

/// `backup writers remove ID`.
struct BackupWriterRemove: Command {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Let a machine write backups no longer.",
        discussion: """
            Of its backups those go on counting that this home has seen, here or at a remote: \
            `ai-team backup cloud list` looks. The vault gets a new epoch. The machine's keys can't be added \
            again. Take its storage credentials away too.

            EXAMPLES:
              ai-team backup writers remove nas --yes
            """)

    @Argument(help: "Its id or name, or at least 4 characters of the id's beginning or end.")
    var writer: String
    @Flag(help: "Do not ask.") var yes = false
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let home = try context.existingHome()
        let keys = try context.unlock()
        let member = try find(keys)
        let pins = try context.backups().pins(of: member.id)
        let last = pins.map(\.sequence).max() ?? 0
        if last == 0 {
            context.console.warn(
                "no backup of this machine was seen here: what it wrote will count no more;"
                    + " `ai-team backup cloud list` first, if there is a remote")
        }
        try Confirmation.require(
            "remove \(try keys.label(of: member).printable), whose backups count up to number \(last)?",
            yes: yes)
        let changed = try KeyRing.removeMember(
            member.id, pins: pins, in: home.keysDirectory, keys: keys, time: context.milliseconds)
        context.cache.keys = changed
        context.noteWaitingEpoch(changed)
        context.console.emit({ writer in
            writer.object { writer in
                writer.field("removed", member.id.description)
                writer.field("last_backup", Int64(clamping: last))
                writer.field("epoch", Int(changed.currentEpoch))
            }
        }) {
            [
                "removed \(member.id); its backups count up to number \(last),"
                    + " and the epoch is \(changed.currentEpoch)"
            ]
        }
    }

    private func find(_ keys: UnlockedKeys) throws -> Roster.Member {
        let found = try keys.roster.members.filter { member in
            guard member.role == .backup else { return false }
            return try member.id.isMeant(by: writer) || keys.label(of: member) == writer
        }
        guard let first = found.first else {
            throw Failure(
                .notFound, "no machine \(writer.printable) that writes backups",
                hint: "`ai-team backup writers` lists them")
        }
        guard found.count == 1 else {
            throw Failure(
                .ambiguousID, "\(writer.printable) fits several machines",
                candidates: found.map(\.id.description))
        }
        return first
    }
}

extension Context {
    fileprivate func show(writersOf keys: UnlockedKeys) throws {
        let rows = try DeviceList.rows(keys).filter { $0.member.role == .backup }
        console.emit({ writer in
            writer.array { writer in
                for row in rows {
                    writer.object { writer in
                        writer.field("id", row.member.id.description)
                        writer.field("name", row.name)
                        writer.field("public_key_fingerprint", row.member.keys.fingerprint)
                        writer.field("status", row.status)
                        writer.field("vault_id", keys.vaultID.description)
                    }
                }
            }
        }) {
            rows.isEmpty
                ? ["no machine that only writes backups"]
                : DeviceList.lines(rows)
                    + ["", "their first backup names the vault: --vault \(keys.vaultID)"]
        }
    }
}
