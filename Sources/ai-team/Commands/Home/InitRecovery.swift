import ArgumentParser
import Backup
import FileSystem
import KeyRing
import ObjectStorage
import Vault

/// What `init --recover` takes besides what `init` does.
struct RecoveryOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Bring a vault back from its backups: file:///path or s3://bucket/prefix.",
            valueName: "url"))
    var recover: String?
    @Flag(help: "Recover with the passphrase, where backup.passphrase_recovery was on.")
    var withPassphrase = false
    @Option(help: ArgumentHelp("Whose backup is taken, when several devices made some.", valueName: "device"))
    var writer: String?
    @Option(
        help: ArgumentHelp("The head of the roster to believe, when it was forked.", valueName: "head"))
    var chain: String?
    @Flag(help: "Leave out files from outside the vault.") var homeOnly = false
    @Flag(help: "The members' fingerprints are right: do not ask.") var yes = false
    @OptionGroup var unanchored: UnanchoredOption

    func validate() throws {
        let others =
            withPassphrase || writer != nil || chain != nil || homeOnly || yes || unanchored.isAccepted
        if recover == nil, others {
            throw ValidationError(
                "--with-passphrase, --writer, --chain, --home-only, --accept-unanchored and --yes"
                    + " belong to --recover")
        }
    }
}

/// `init --recover URL`.
struct InitRecovery {
    let options: RecoveryOptions
    let context: Context
    let home: Home
    let mode: Mode
    /// What the new device is called.
    let name: String
    /// A key file or passphrase for the new home, as `init` takes it.
    let newSecret: () throws -> SlotSecret

    func execute(from url: String) throws {
        let (secret, slot) = try secrets()
        let recovery = try recovery(from: url)
        let bar = BackupBar("restoring", context.console)
        defer { bar.finish() }
        var confirms = false
        let report = try recovery.run(
            with: secret, chain: options.chain, isOutsideLeftOut: options.homeOnly,
            acceptsUnanchored: options.unanchored.isAccepted, time: context.milliseconds,
            decide: { finding in
                show(finding)
                let writer = try writer(finding)
                confirms = try confirmsMembers(finding)
                var decision = VaultRecovery.Decision(
                    writer: writer, confirmsMembers: confirms, secret: try slot(), name: name)
                decision.configure = configure
                return decision
            }, progress: bar.show)
        bar.finish()
        try remember(url, report.keys)
        tell(report, confirms)
    }

    /// What the vault knows, and the person has just said, stands in the new home's files too.
    private func remember(_ url: String, _ keys: UnlockedKeys) throws {
        var settings: [String: String] = [:]
        if keys.roster.hasPassphraseRecovery { settings[PassphraseRecovery.key] = "true" }
        if url.hasPrefix("s3://") {
            settings["cloud.remote"] = url
            settings["cloud.endpoint"] = Secrets.storageVariable("AI_TEAM_S3_ENDPOINT")
            settings["cloud.region"] = Secrets.storageVariable("AI_TEAM_S3_REGION")
        }
        guard !settings.isEmpty else { return }
        let vault = try Vault.open(home: home, keys: keys)
        context.cache.vault = vault
        try vault.write { transaction in
            for (key, value) in settings.sorted(by: { $0.key < $1.key }) {
                try HomeConfiguration.set(key, to: value, in: home, transaction)
            }
        }
    }

    private func configure(_ home: Home) throws {
        guard let path = context.options.keyFile else { return }
        try HomeConfiguration.set("key_file", to: absolute(path), in: home, nil)
    }

    private func recovery(from url: String) throws -> VaultRecovery {
        if url.hasPrefix("s3://") {
            // On a bare machine variables say how it is reached, or the files of a clone of the project.
            let configuration = try CloudConfiguration(home: home, variable: Secrets.storageVariable)
            let place = try configuration.url(url)
            let remote = try Stores.open(place, configuration.settings(place, stored: nil))
            return try VaultRecovery(remote, into: home, mode: mode)
        }
        let directory = try directory(of: url)
        guard try Files.exists(directory) else {
            throw Failure(
                .remoteUnreachable, "there is no directory \(directory.printable)",
                hint: "is the medium there, and the share mounted?")
        }
        return try VaultRecovery(directory: directory, into: home, mode: mode)
    }

    /// The directory that a URL, or a plain path, names.
    private func directory(of url: String) throws -> String {
        if url.hasPrefix("file:///") { return String(url.dropFirst("file://".count)) }
        guard !url.contains("://") else {
            throw Failure(
                .usage, "'\(url)' is no place of backups", hint: "write file:///path or s3://bucket/prefix")
        }
        return absolute(url)
    }

    /// What recovers the vault, and what opens the new home.
    private func secrets() throws -> (RecoverySecret, () throws -> SlotSecret) {
        guard options.withPassphrase else {
            return (.code(try SecretSource.recoveryCode(context.options.recoveryCodeFile)), newSecret)
        }
        let passphrase = try SecretSource.recoveryPassphrase(context.options)
        let hasKeyFile = context.options.keyFile ?? SecretSource.variable("AI_TEAM_KEY_FILE") != nil
        return (try .passphrase(passphrase), hasKeyFile ? newSecret : { passphrase })
    }

    private func writer(_ finding: RecoveryFinding) throws -> RecoveryFinding.Writer {
        if options.writer == nil, finding.writers.count > 1, let terminal = Terminal() {
            return try finding.writer(try terminal.ask("Whose backup is to be restored? "))
        }
        return try finding.writer(options.writer)
    }

    /// Asks on a terminal; elsewhere only `--yes` says so.
    private func confirmsMembers(_ finding: RecoveryFinding) throws -> Bool {
        if options.yes { return true }
        guard let terminal = Terminal() else { return false }
        return try terminal.confirm("Are these the devices, with the fingerprints that they show themselves?")
    }

    /// What the store shows, before anything is used.
    private func show(_ finding: RecoveryFinding) {
        for problem in finding.problems {
            context.console.warn("\(problem.object.printable): \(problem.reason.printable)")
        }
        var lines = ["the newest backup of each device:"]
        for writer in finding.writers {
            let time = Timestamp(milliseconds: Int64(clamping: writer.createdAt)).short
            lines.append(
                "  \(time)  number \(writer.sequence) of incarnation \(writer.incarnation)"
                    + "  \(writer.device)  \(writer.name.printable)\(writer.isFormer ? " (removed)" : "")"
                    + (writer.statement.map { ", vouched for by \($0.device)" } ?? ""))
        }
        lines.append("something newer may have been withheld: this machine can't know")
        lines.append("the vault's devices, by a roster of \(counted(finding.chainLength, "record")):")
        for member in finding.members {
            lines.append(
                "  \(member.id)  \(member.isFormer ? "removed" : member.role)  \(member.name.printable)")
            lines.append("    \(member.fingerprint)")
        }
        lines.append("")
        context.console.announce(lines)
    }

    private func tell(_ report: VaultRecovery.Report, _ isConfirmed: Bool) {
        let failed = report.finding.problems + report.failures
        if !failed.isEmpty { context.exitStatus = Failure.Code.integrityFailure.exitStatus }
        for problem in report.failures {
            context.console.warn("\(problem.object.printable): \(problem.reason.printable)")
        }
        if !isConfirmed, report.finding.members.contains(where: { !$0.isFormer }) {
            context.console.note(
                "the devices are not confirmed, and read nothing that is written here until"
                    + " `ai-team device confirm`")
        }
        context.console.emit({ writer in
            writer.object { writer in
                writer.field("vault_id", report.keys.vaultID.description)
                writer.field("device_id", report.keys.device.description)
                writer.field("mode", mode.rawValue)
                writer.field("home", home.path)
                // Whoever recovers has it already.
                writer.field("recovery_code", nil as String?)
                writer.field("backup_id", report.backup.id)
                writer.field(
                    "created_at", Timestamp(milliseconds: Int64(clamping: report.backup.createdAt)))
                writer.field("bytes", Int64(clamping: report.backup.bytesLogical))
                writer.field("members_confirmed", isConfirmed)
                writer.finding(report.finding)
                writer.field("ok", failed.isEmpty)
                writer.failures(failed)
                writer.field("leases_dropped", report.droppedLeases)
                writer.field("outside_files", Int64(clamping: report.outsideFiles))
            }
        }) {
            var lines = [
                "restored \(report.backup.id) to \(home.path.printable),"
                    + " \(sizeText(Int64(clamping: report.backup.bytesLogical)))",
                "this is a new device, \(report.keys.device)",
            ]
            if !report.droppedLeases.isEmpty {
                lines.append(
                    "\(counted(report.droppedLeases.count, "claim")) ended; the tasks are ready again")
            }
            return lines
        }
    }
}

extension JSONWriter {
    /// What a store showed: its writers, and the devices of the vault.
    fileprivate mutating func finding(_ finding: RecoveryFinding) {
        key("writers")
        array { writer in
            for found in finding.writers {
                writer.object {
                    $0.field("device_id", found.device)
                    $0.field("name", found.name)
                    $0.field("incarnation", Int64(found.incarnation))
                    $0.field("sequence", Int64(clamping: found.sequence))
                    $0.field(
                        "created_at", Timestamp(milliseconds: Int64(clamping: found.createdAt)))
                    $0.field("backup_id", found.backupID)
                    $0.field("backups", found.count)
                    $0.field("vouched_by", found.statement?.device)
                }
            }
        }
        field("roster_head", finding.chainHead)
        key("members")
        array { writer in
            for member in finding.members {
                writer.object {
                    $0.field("id", member.id)
                    $0.field("name", member.name)
                    $0.field("role", member.role)
                    $0.field("public_key_fingerprint", member.fingerprint)
                    $0.field("status", member.isFormer ? "removed" : "active")
                }
            }
        }
    }
}
