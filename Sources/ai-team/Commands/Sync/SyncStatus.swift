import ArgumentParser
import Backup
import KeyRing
import ObjectStorage
import Sync
import Vault

/// `sync status`: what is known here; the network is not asked.
struct SyncStatus: Command {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Show what waits to be sent, how far other devices are, and alarms.",
        discussion: """
            EXAMPLES:
              ai-team sync status
              ai-team sync status --json
              ai-team sync status --privacy
              ai-team sync status --cost
              ai-team sync status --fingerprint
            """)

    @Flag(help: "Show what the storage provider can see of this vault instead.") var privacy = false
    @Flag(help: "Show this month's requests, projected, and what they cost, instead.") var cost = false
    @Flag(help: "Show six words for members to compare by voice instead.") var fingerprint = false
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func validate() throws {
        if [privacy, cost, fingerprint].filter(\.self).count > 1 {
            throw ValidationError("--privacy, --cost and --fingerprint each stand alone")
        }
    }

    func execute(_ context: Context) throws {
        if privacy { return try PrivacyReport.print(context) }
        if cost { return try CostReport.print(context) }
        if fingerprint { return try FingerprintReport.print(context) }
        let home = try context.existingHome()
        let keys = try context.unlock()
        let vault = try context.vault()
        let status = try VaultSync.overview(of: vault, keys: keys)
        let (conflicts, missing) = try vault.read {
            (try $0.conflicts().count, try $0.missingBlobs().count)
        }
        let configuration = try CloudConfiguration(home: home, variable: Secrets.storageVariable)
        let remote = try configuration.remoteIfAny()?.description
        context.console.emit({ writer in
            writer.object { writer in
                writer.field("remote", remote)
                writer.field("head", status.head.map { Int64(clamping: $0) })
                writer.field("ahead", status.ahead)
                writer.field("behind", status.behind)
                writer.field("logs_ahead", status.logsAhead)
                writer.field("logs_lost", status.logsLost)
                writer.field("under_old_epochs", status.underOldEpochs)
                writer.field("void_changes", status.voidChanges)
                writer.field("last_push_at", status.lastPush)
                writer.field("last_pull_at", status.lastPull)
                writer.field("conflicts", conflicts)
                writer.field("contents_missing", missing)
                writer.field("halted", status.halt)
                writer.key("devices")
                writer.array { writer in
                    for device in status.devices {
                        writer.object { writer in
                            writer.field("id", device.author.device.description)
                            writer.field("incarnation", Int64(device.author.incarnation))
                            writer.field("head", device.head.map { Int64(clamping: $0) })
                            writer.field("last_seen_at", device.seenAt)
                        }
                    }
                }
                writer.field("alarms", status.alarms)
            }
        }) {
            lines(status, remote: remote, conflicts: conflicts, missing: missing)
        }
    }

    private func lines(
        _ status: SyncOverview, remote: String?, conflicts: Int, missing: Int
    ) -> [String] {
        let fields: [(String, String?)] = [
            ("remote", remote ?? "none (ai-team sync remote set URL)"),
            ("waiting", status.ahead == 0 ? "nothing" : counted(status.ahead, "change set")),
            ("log", status.logsAhead.map { $0 == 0 ? nil : "\(counted($0, "line")) to send" } ?? nil),
            (
                "log lost",
                status.logsLost == 0 ? nil : "\(counted(status.logsLost, "line")) before it was sent"
            ),
            (
                "old keys",
                status.underOldEpochs == 0
                    ? nil
                    : "\(counted(status.underOldEpochs, "object")) may have left before, and go as they are"
            ),
            (
                "void",
                status.voidChanges == 0
                    ? nil : "\(counted(status.voidChanges, "change")) (ai-team device revoke --review ID)"
            ),
            ("not applied", status.behind == 0 ? nil : counted(status.behind, "segment")),
            ("last sent", status.lastPush?.short), ("last got", status.lastPull?.short),
            ("conflicts", conflicts == 0 ? nil : "\(conflicts) (ai-team sync conflicts)"),
            ("not here", missing == 0 ? nil : "\(counted(missing, "content")) of documents"),
            ("halted", status.halt),
        ]
        let devices = status.devices.map { device in
            let heard = device.seenAt.map { "last heard at \($0.short)" } ?? "not heard yet"
            return "device \(device.author.device.description.shortID), \(heard)"
        }
        return details(fields) + devices + status.alarms.map { "alarm \($0)" }
    }
}

/// `sync remote`.
struct SyncRemote: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remote", abstract: "Set where devices meet.", subcommands: [SyncRemoteSet.self])
}

/// `sync remote set`.
struct SyncRemoteSet: Command {
    static let configuration = CommandConfiguration(
        commandName: "set",
        abstract: "Make a bucket or a directory this vault's remote, for sync and backups.",
        discussion: """
            An empty remote is given this vault's roster; one that holds this vault is taken as it is; one \
            that holds another vault is refused. What it honours is tried out.

            EXAMPLES:
              ai-team sync remote set s3://my-bucket/team
              ai-team sync remote set file:///media/usb/vault
            """)

    @Argument(help: "file:///path or s3://bucket/prefix.") var url: String
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let url = try StoreURL(url)
        var option = RemoteOption()
        option.remote = url.description
        let session = try context.syncSession(option)
        if !session.isHonoured { try context.warnOfWeakStore() }
        let result = try session.round(
            pulls: true, pushes: true, looksAtAll: true, mayFound: true)
        if let failure = result.report.failure { throw failure }
        let home = try context.existingHome()
        try context.unguardedVault().write {
            try HomeConfiguration.set("cloud.remote", to: url.description, in: home, $0)
        }
        try result.print(context)
    }
}
