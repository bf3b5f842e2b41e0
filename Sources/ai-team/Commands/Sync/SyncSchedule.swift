import ArgumentParser
import Backup
import KeyRing
import ObjectStorage
import Vault

/// `sync schedule`.
struct SyncSchedule: Command {
    static let configuration = CommandConfiguration(
        commandName: "schedule", abstract: "Have `sync both` run by a timer.",
        discussion: """
            Writes a timer of systemd's user manager or a line of the crontab. A home may have several. It \
            needs a key file, since nobody is there to type a passphrase, and for a bucket a key that \
            `backup cloud login` or cloud.credentials_file keeps. A round that would run beside another one \
            waits for it.

            EXAMPLES:
              ai-team sync schedule --cron '0 * * * *'
              ai-team sync schedule --cron '0 18 * * *' --tz Asia/Taipei
              ai-team sync schedule --list
              ai-team sync schedule --remove 1
            """)

    @Option(help: ArgumentHelp("Five fields, or @hourly, @daily, @weekly, @monthly.", valueName: "fields"))
    var cron: String?
    @Option(help: ArgumentHelp("The time zone; the system's by default.", valueName: "zone")) var tz: String?
    @Option(help: ArgumentHelp("systemd or cron; whatever runs by default.", valueName: "keeper"))
    var using: ScheduleKeeper?
    @Flag(help: "Show what would be written.") var print = false
    @Flag(help: "List the schedules of this user.") var list = false
    @Option(help: ArgumentHelp("Remove this home's schedule of that number.", valueName: "number"))
    var remove: Int?
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func validate() throws {
        guard [cron != nil, list, remove != nil].filter(\.self).count == 1 else {
            throw ValidationError("one of --cron, --list and --remove has to be given")
        }
        try ScheduleInstaller.validate(zone: tz)
    }

    func execute(_ context: Context) throws {
        if list { return try Schedules.show(.sync, context) }
        let home = try context.existingHome()
        if let remove {
            return try Schedules.remove(ScheduledJob.name(.sync, of: home, number: remove), context)
        }
        let schedule = try CronSchedule(cron ?? "")
        let keyFile = try context.unattendedKeyFile(home, HomeConfiguration(of: home), for: "sync") {
            _ = try KeyRing.open(in: home.keysDirectory, with: $0)
        }
        try context.requireUnattendedRemote(home)
        let job = try ScheduledJob(
            .sync, home: home, number: freeNumber(home), keyFile: keyFile, steps: [["sync", "both"]])
        try ScheduleInstaller(job: job, schedule: schedule, zone: tz, prints: print)
            .install(using: using, context)
    }

    private func freeNumber(_ home: Home) throws -> Int {
        let own = ScheduledJob.name(.sync, of: home) + "-"
        let used = Set(try Schedules.names(.sync).filter { $0.hasPrefix(own) }.compactMap(Schedules.number))
        return (1...).first { !used.contains($0) } ?? 1
    }
}

extension Context {
    /// That a remote is configured, and what opens it kept where a timer, which has none of this session's
    /// variables, finds it.
    ///
    /// - Throws: `not_found` without a remote, `guard` without a key for a bucket.
    func requireUnattendedRemote(_ home: Home) throws {
        let configuration = try CloudConfiguration(home: home) { _ in nil }
        let url = try configuration.url(nil)
        guard case .bucket = url else { return }
        let stored = try vault().read { try CloudConfiguration.login($0) }
        guard try configuration.settings(url, stored: stored).credentials != nil else {
            throw Failure(
                .refusedByGuard, "a timer has no key for the bucket: none is kept in the vault or in a file",
                hint: "run `ai-team backup cloud login --access-key-id ID`")
        }
    }
}
