import ArgumentParser
import Backup
import FileSystem
import KeyRing
import ObjectStorage
import Vault

/// `backup schedule`.
struct BackupSchedule: Command {
    static let configuration = CommandConfiguration(
        commandName: "schedule", abstract: "Have backups made by a timer.",
        discussion: """
            Writes a timer of systemd's user manager or a line of the crontab, which makes a backup and then \
            prunes by the rules of config/sync.yaml. Where a remote is configured it ships and prunes there \
            too, as often as backup.cloud.frequency says (weekly). Without --cron the time follows \
            backup.local.frequency. It needs a key file, since nobody is there to type a passphrase, and \
            for a bucket a key that `backup cloud login` or cloud.credentials_file keeps. With --offer the \
            vault's state is left for a machine that only writes backups instead; on such a machine --from \
            names where, and --ship sends the backups to the configured remote.

            EXAMPLES:
              ai-team backup schedule
              ai-team backup schedule --no-cloud
              ai-team backup schedule --cron '30 3 * * 1-5' --tz Europe/Paris ~/project
              ai-team backup schedule --offer /srv/spool --cron '0 1 * * *'
              ai-team backup schedule --from /srv/spool --ship --cron '30 1 * * *'
              ai-team backup schedule --list
              ai-team backup schedule --remove
            """)

    @Argument(help: "Files and directories outside the vault that are backed up too.") var paths: [String] =
        []
    @Option(help: ArgumentHelp("Five fields, or @hourly, @daily, @weekly, @monthly.", valueName: "fields"))
    var cron: String?
    @Option(help: ArgumentHelp("The time zone; the system's by default.", valueName: "zone")) var tz: String?
    @Option(help: ArgumentHelp("systemd or cron; whatever runs by default.", valueName: "keeper"))
    var using: ScheduleKeeper?
    @Option(help: ArgumentHelp("A tag for these backups; may be repeated.", valueName: "tag"))
    var tag: [String] = []
    @Option(
        help: ArgumentHelp("Offer the vault's state in this directory instead.", valueName: "dir"))
    var offer: String?
    @Option(
        help: ArgumentHelp(
            "Back up what is offered in this directory: on a home that only writes backups.",
            valueName: "dir"))
    var from: String?
    @Flag(help: "Ship the backups to the configured remote: with --from.") var ship = false
    @Flag(help: "Do not prune after a backup.") var noPrune = false
    @Flag(
        inversion: .prefixedNo,
        help: "Ship to the remote and prune it when that is due; so by default where one is configured.")
    var cloud: Bool?
    @Flag(help: "Show what would be written.") var print = false
    @Flag(help: "List the schedules of this user.") var list = false
    @Flag(help: "Remove this home's schedule.") var remove = false
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func validate() throws {
        if list, remove || print { throw ValidationError("--list stands alone") }
        if offer != nil, !paths.isEmpty || !tag.isEmpty || from != nil {
            throw ValidationError("--offer makes no backup: it takes no PATH, no --tag and no --from")
        }
        if ship, from == nil { throw ValidationError("--ship belongs to --from") }
        try ScheduleInstaller.validate(zone: tz)
    }

    func execute(_ context: Context) throws {
        if list { return try Schedules.show(.backup, context) }
        let isWriter = try context.isWriterHome()
        let home = try isWriter ? context.location().home : context.existingHome()
        if remove { return try Schedules.remove(ScheduledJob.name(.backup, of: home), context) }
        guard isWriter == (from != nil) else {
            throw Failure(
                .usage,
                isWriter
                    ? "this home only writes backups of what is offered to it"
                    : "--from is for homes that `init --backup-only` made: this one has a vault",
                hint: isWriter ? "name the directory: --from DIR" : "leave it out")
        }
        let configuration = try HomeConfiguration(of: home)
        let schedule = try self.schedule(configuration)
        let keyFile = try context.unattendedKeyFile(home, configuration, for: "backup") { secret in
            if isWriter {
                _ = try WriterIdentity.open(in: home.keysDirectory, with: secret)
            } else {
                _ = try KeyRing.open(in: home.keysDirectory, with: secret)
            }
        }
        var steps = self.steps
        if try !isWriter && offer == nil && shipsToRemote(context, home, configuration) {
            steps.append(["backup", "cloud", "ship", "--when-due"])
            if !noPrune { steps.append(["backup", "cloud", "prune", "--yes", "--when-due"]) }
        }
        let job = try ScheduledJob(.backup, home: home, keyFile: keyFile, steps: steps)
        try ScheduleInstaller(job: job, schedule: schedule, zone: tz, prints: print)
            .install(using: using, context)
    }

    /// What runs at home, one after the other while each succeeds.
    private var steps: [[String]] {
        if let offer { return [["backup", "offer", absolute(offer)]] }
        var create = ["backup", "create"]
        if let from { create += ["--from", absolute(from)] }
        for tag in tag { create += ["--tag", tag] }
        let outside = paths.map { absolute($0) }
        if !outside.isEmpty { create += ["--"] + outside }
        if from != nil { return [create] + (ship ? [["backup", "cloud", "ship"]] : []) }
        return [create] + (noPrune ? [] : [["backup", "prune", "--yes"]])
    }

    private func schedule(_ configuration: HomeConfiguration) throws -> CronSchedule {
        try CronSchedule(cron ?? BackupFrequency(configuration, "local").fields)
    }

    /// Whether the job goes to a remote: it is configured, and what opens it is kept where a timer finds it.
    private func shipsToRemote(
        _ context: Context, _ home: Home, _ settings: HomeConfiguration
    ) throws -> Bool {
        guard cloud != false else { return false }
        // A timer has none of this session's variables.
        let configuration = try CloudConfiguration(home: home) { _ in nil }
        let url: StoreURL
        do { url = try configuration.url(nil) } catch let error as BackupError {
            guard error.code == .notFound, cloud == nil else { throw error }
            return false
        }
        _ = try BackupFrequency(settings, "cloud")
        guard case .bucket = url else { return true }
        let stored = try context.vault().read { try CloudConfiguration.login($0) }
        guard try configuration.settings(url, stored: stored).credentials != nil else {
            throw Failure(
                .refusedByGuard, "a timer has no key for the bucket: none is kept in the vault or in a file",
                hint: "run `ai-team backup cloud login --access-key-id ID`, or leave it out: --no-cloud")
        }
        return true
    }
}
