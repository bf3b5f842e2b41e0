import ArgumentParser
import Backup
import Vault

/// `backup create [PATH…]`.
struct BackupCreate: Command {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Make a backup of the vault, and of files outside it.",
        discussion: """
            The vault stays open to others meanwhile. Patterns know **, *, ? and […]; a pattern without a \
            slash fits names anywhere. Without a PATH, those of backup.paths in config/local.yaml are backed \
            up, with backup.include and backup.exclude; ~/ there is your home directory, and relative paths \
            begin at the vault's home. The settings hooks.backup.before and hooks.backup.after are lines for \
            the shell: when the first fails no backup is made, and the second learns by AI_TEAM_OUTCOME and \
            AI_TEAM_BACKUP_ID how it went. On a home that `init --backup-only` made, --from names the \
            directory in which the vault's state is offered; it is stored as it is, without being smaller, \
            and PATHs are files of that machine.

            EXAMPLES:
              ai-team backup create
              ai-team backup create --tag weekly ~/project --exclude node_modules --exclude '*.o'
              ai-team config backup.paths '["~/project", "/etc/nginx"]'
              ai-team backup create --from /srv/spool --vault ID
            """)

    @Argument(help: "Files and directories outside the vault that are backed up too.") var paths: [String] =
        []
    @Option(help: ArgumentHelp("A tag; may be repeated.", valueName: "tag")) var tag: [String] = []
    @Option(help: ArgumentHelp("Only files outside that fit; may be repeated.", valueName: "pattern"))
    var include: [String] = []
    @Option(help: ArgumentHelp("Not files outside that fit; may be repeated.", valueName: "pattern"))
    var exclude: [String] = []
    @Flag(help: "Only the vault, whatever backup.paths says.") var homeOnly = false
    @Flag(help: "Store everything anew, under the newest keys, and lean on no backup before.") var full =
        false
    @Option(
        help: ArgumentHelp(
            "Back up what `backup offer` left in this directory: on a home that only writes backups.",
            valueName: "dir"))
    var from: String?
    @Option(
        help: ArgumentHelp(
            "The vault that this home writes backups of; for its first backup.", valueName: "id"))
    var vault: String?
    @OptionGroup var rollback: RollbackOption
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func validate() throws {
        if homeOnly, !paths.isEmpty { throw ValidationError("--home-only and PATHs exclude each other") }
        if vault != nil, from == nil { throw ValidationError("--vault belongs to --from") }
        if full, from != nil { throw ValidationError("--full and --from exclude each other") }
    }

    func execute(_ context: Context) throws {
        if try context.isWriterHome() { return try executeFromOffer(context) }
        guard from == nil else {
            throw Failure(
                .usage, "--from is for homes that `init --backup-only` made: this one has a vault",
                hint: "leave it out")
        }
        let configured = paths.isEmpty && !homeOnly ? try ConfiguredPaths(context) : ConfiguredPaths()
        guard !paths.isEmpty || !configured.paths.isEmpty || (include.isEmpty && exclude.isEmpty) else {
            throw Failure(.usage, "--include and --exclude are about PATHs", hint: "name a PATH")
        }
        var options = VaultBackups.CreateOptions()
        options.tags = tag
        options.paths = RawArguments.bytes(of: paths) + configured.paths
        options.include = RawArguments.bytes(of: include) + configured.include
        options.exclude = RawArguments.bytes(of: exclude) + configured.exclude
        options.skipsMissing = paths.isEmpty
        options.acceptsRollback = rollback.isAccepted
        options.isFull = full
        tell(try Self.make(options, context), configured, context)
    }

    /// Makes a backup of a home with a vault, between its hooks.
    static func make(
        _ options: VaultBackups.CreateOptions, _ context: Context
    ) throws -> (backup: VaultBackups.Summary, notes: [OutsideNote]) {
        let vault = try context.vault()
        let bar = BackupBar("backing up", context.console)
        defer { bar.finish() }
        let hooks = try BackupHooks(
            context.configuration(), home: context.existingHome(), context.console)
        let (made, isFine) = try hooks.around {
            let made = try context.backups().create(
                vault, options, time: context.milliseconds, progress: bar.show)
            bar.finish()
            return made
        } id: {
            $0.backup.id
        }
        if !isFine { context.exitStatus = Failure.Code.failed.exitStatus }
        let missing = try vault.read { try $0.missingBlobs().count }
        if missing > 0 {
            context.console.warn(
                "\(counted(missing, "content")) of documents are not on this device and not in this backup: "
                    + "get them with `ai-team sync pull` to have them in the next one")
        }
        return made
    }

    private func executeFromOffer(_ context: Context) throws {
        guard let from else {
            throw Failure(
                .usage, "this home only writes backups of what is offered to it",
                hint: "name the directory: --from DIR")
        }
        var options = VaultBackups.CreateOptions()
        options.tags = tag
        options.paths = RawArguments.bytes(of: paths)
        options.include = RawArguments.bytes(of: include)
        options.exclude = RawArguments.bytes(of: exclude)
        options.acceptsRollback = rollback.isAccepted
        let made = try CreateFromOffer(directory: from, vault: vault, options: options).execute(context)
        tell(made, ConfiguredPaths(), context)
    }

    private func tell(
        _ made: (backup: VaultBackups.Summary, notes: [OutsideNote]), _ configured: ConfiguredPaths,
        _ context: Context
    ) {
        for note in made.notes { context.console.warn(note.description.printable) }
        context.console.emit({ writer in
            writer.object { writer in
                writer.field("backup_id", made.backup.id)
                made.backup.writeNumbers(to: &writer)
                writer.field("vouched_by", made.backup.statement?.device)
                writer.field("configured_paths", !configured.paths.isEmpty)
                writer.key("left_out")
                writer.array { writer in
                    for note in made.notes { writer.value(note.description) }
                }
            }
        }) {
            let files = counted(Int(clamping: made.backup.files), "file")
            let all = sizeText(Int64(clamping: made.backup.bytesLogical))
            let added = sizeText(Int64(clamping: made.backup.bytesAdded))
            let roots = made.backup.paths.map { String(decoding: $0, as: UTF8.self).printable }
            return ["made \(made.backup.id): \(files), \(all), stored as \(added)"]
                + (configured.paths.isEmpty
                    ? [] : ["with backup.paths of the configuration: \(roots.joined(separator: ", "))"])
        }
    }
}

extension VaultBackups.Summary {
    /// Members that `create`, `list` and `show` have in common.
    func writeNumbers(to writer: inout JSONWriter) {
        writer.field("created_at", Timestamp(milliseconds: Int64(clamping: createdAt)))
        writer.field("device_id", device)
        writer.field("files", Int64(clamping: files))
        writer.field("bytes_logical", Int64(clamping: bytesLogical))
        writer.field("bytes_added", Int64(clamping: bytesAdded))
        writer.field("duration_ms", Int64(clamping: durationMilliseconds))
        writer.field("parent", parent)
        writer.field("tags", tags)
        writer.key("paths")
        writer.array { writer in
            for path in paths { writer.object { $0.pathField("path", path) } }
        }
    }
}
