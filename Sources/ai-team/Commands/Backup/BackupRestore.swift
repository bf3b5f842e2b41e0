import ArgumentParser
import Backup
import FileSystem
import Vault

/// `backup restore ID`.
struct BackupRestore: Command {
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Make a home what it was at a backup.",
        discussion: """
            Without --target, this home is replaced. Everything is verified before anything is changed; the \
            old state stays in .before-restore-… until the next backup. Slots and members stay as they are \
            now: nothing that was revoked comes back. Files from outside the vault go to files/ in the home. \
            --dry-run looks whether all packs are there, and changes nothing. A backup by a machine that \
            only writes backups has to be the state that a member with keys vouched for; \
            --accept-unanchored gives that up.

            With --only, files of the tree that `backup export` writes are written in plain text instead: \
            those that a pattern fits, a table (tasks, projects, comments, history, logs), or the task, \
            project or document of an id. A project comes with its tasks, a task with its comments.

            EXAMPLES:
              ai-team backup restore 7f3k2q --target ~/restored
              ai-team backup restore 7f3k2q --yes
              ai-team backup restore 7f3k2q --only 'documents/**' --target ~/documents
              ai-team backup restore 7f3k2q --only 4x9m2a --target ~/found
            """)

    @Argument(help: "The backup's id, or at least 4 characters of its beginning or end.") var id: String
    @Option(help: ArgumentHelp("The directory that becomes the home.", valueName: "dir")) var target: String?
    @Option(
        help: ArgumentHelp(
            "Write only what fits or is called so, in plain text, below --target; may be repeated.",
            valueName: "pattern|id"))
    var only: [String] = []
    @Flag(help: "Leave out files from outside the vault.") var homeOnly = false
    @Flag(help: "Put files from outside the vault back where they were.") var inPlace = false
    @Flag(help: "Say what would be done.") var dryRun = false
    @Flag(help: "Do not ask before a home is replaced.") var yes = false
    @OptionGroup var rollback: RollbackOption
    @OptionGroup var unanchored: UnanchoredOption
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func validate() throws {
        if homeOnly, inPlace { throw ValidationError("--home-only and --in-place exclude each other") }
        if !only.isEmpty, target == nil || inPlace || homeOnly {
            throw ValidationError("--only writes files below --target, in the tree of `backup export`")
        }
    }

    func execute(_ context: Context) throws {
        let backups = try self.backups(context)
        let home = try target.map { Home(path: absolute($0)) } ?? context.existingHome()
        var options = VaultBackups.RestoreOptions()
        options.target = target == nil ? nil : home
        options.outside = homeOnly ? .leftOut : inPlace ? .inPlace : .beside
        options.acceptsRollback = rollback.isAccepted
        if !only.isEmpty { return try writeFiles(home, context) }
        if dryRun { return try announce(home, context) }
        let found = try backups.summary(id)
        if try home.exists() {
            let question = "replace \(home.path.printable) by \(found.id)?"
            try Confirmation.require(question, yes: yes)
        }
        let bar = BackupBar("restoring", context.console)
        defer { bar.finish() }
        let report = try backups.restore(
            found.id, options, time: context.milliseconds, progress: bar.show)
        bar.finish()
        // The keys on disk are new; what was opened belongs to the incarnation that ended.
        context.cache.keys = nil
        tell(report, context)
    }

    private func backups(_ context: Context) throws -> VaultBackups {
        var backups = try context.backups()
        backups.acceptsUnanchored = unanchored.isAccepted
        return backups
    }

    private func writeFiles(_ directory: Home, _ context: Context) throws {
        try directory.requirePlainPlace()
        let patterns = RawArguments.bytes(of: only)
        if dryRun {
            let report = try backups(context).export(id, to: .nowhere, only: patterns)
            return context.tell(report, path: directory.path, isDone: false)
        }
        try Files.createDirectory(directory.path)
        let report = try backups(context).export(id, to: .directory(directory.path), only: patterns)
        context.tell(report, path: directory.path)
    }

    private func tell(_ report: VaultBackups.RestoreReport, _ context: Context) {
        let isFine = report.failures.isEmpty
        for problem in report.problems {
            context.console.warn("another backup: \(problem.object.printable): \(problem.reason.printable)")
        }
        if context.console.json {
            if !isFine { context.exitStatus = Failure.Code.integrityFailure.exitStatus }
        } else {
            context.report(report.failures)
        }
        context.console.emit({ writer in
            writer.object { writer in
                writer.field("ok", isFine)
                writer.field("checked", Int64(clamping: report.checked))
                writer.failures(report.failures)
                writer.field("bytes", Int64(clamping: report.bytes))
                writer.field("backup_id", report.backup.id)
                writer.field("home", report.home.path)
                writer.field("incarnation", Int64(report.incarnation))
                writer.field("leases_dropped", report.droppedLeases)
                writer.field("outside_files", Int64(clamping: report.outsideFiles))
                writer.field("old_state", report.oldState)
            }
        }) {
            var lines = [
                "restored \(report.backup.id) to \(report.home.path.printable),"
                    + " \(sizeText(Int64(clamping: report.bytes)))",
                "this device goes on as incarnation \(report.incarnation);"
                    + " slots and members are those of the home it was restored from",
            ]
            if !report.droppedLeases.isEmpty {
                lines.append(
                    "\(counted(report.droppedLeases.count, "claim")) ended; the tasks are ready again")
            }
            if let old = report.oldState {
                lines.append("the old state is in \(old.printable) until the next backup")
            }
            return lines
        }
    }
}

// MARK: - Dry run

extension BackupRestore {
    private func announce(_ home: Home, _ context: Context) throws {
        let found = try backups(context).preview(id, acceptsRollback: rollback.isAccepted)
        let summary = found.backup
        let replaces = try home.exists()
        let isFine = found.failures.isEmpty
        if !isFine { context.exitStatus = Failure.Code.integrityFailure.exitStatus }
        if !context.console.json { context.report(found.failures) }
        context.console.emit({ writer in
            writer.object { writer in
                writer.field("ok", isFine)
                writer.field("checked", found.packs)
                writer.failures(found.failures)
                writer.field("bytes", Int64(clamping: summary.bytesLogical))
                writer.field("backup_id", summary.id)
                writer.field("home", home.path)
                writer.field("replaces", replaces)
                writer.field("dry_run", true)
                writer.field("packs", found.packs)
                writer.field("pack_bytes", Int64(clamping: found.packBytes))
                writer.key("parts")
                writer.object { writer in
                    for part in found.parts where part.name != "outside" || !homeOnly {
                        writer.key(part.name)
                        writer.object {
                            $0.field("items", Int64(clamping: part.items))
                            $0.field("bytes", Int64(clamping: part.bytes))
                        }
                    }
                }
            }
        }) {
            [
                "would restore \(summary.id), \(sizeText(Int64(clamping: summary.bytesLogical))),"
                    + " to \(home.path.printable)",
                found.parts.filter { $0.items > 0 }.map(line).joined(separator: ", "),
                "from \(counted(found.packs, "pack")), \(sizeText(Int64(clamping: found.packBytes))): "
                    + (isFine ? "all are there" : "NOT all are there"),
                replaces
                    ? "a vault is there and would be replaced; it stays in .before-restore-… until the next"
                        + " backup" : "nothing is there yet",
            ]
        }
    }

    private func line(_ part: VaultBackups.Details.Part) -> String {
        let nouns = ["database": "page", "documents": "version", "outside": "outside file"]
        let noun = nouns[part.name] ?? part.name
        let place = part.name != "outside" ? "" : homeOnly ? " (left out)" : inPlace ? " (back in place)" : ""
        return "\(counted(Int(clamping: part.items), noun)), \(sizeText(Int64(clamping: part.bytes)))\(place)"
    }
}
