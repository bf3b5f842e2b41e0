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

    /// What keeps the time.
    enum Keeper: String, ExpressibleByArgument, CaseIterable { case systemd, cron }

    @Argument(help: "Files and directories outside the vault that are backed up too.") var paths: [String] =
        []
    @Option(help: ArgumentHelp("Five fields, or @hourly, @daily, @weekly, @monthly.", valueName: "fields"))
    var cron: String?
    @Option(help: ArgumentHelp("The time zone; the system's by default.", valueName: "zone")) var tz: String?
    @Option(help: ArgumentHelp("systemd or cron; whatever runs by default.", valueName: "keeper"))
    var using: Keeper?
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
        if let tz, !tz.utf8.allSatisfy({ Self.isOfZone($0) }) || tz.isEmpty || tz.hasPrefix("-") {
            throw ValidationError("'\(tz)' is not a time zone")
        }
    }

    private static func isOfZone(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
            || [0x2B, 0x2D, 0x2F, 0x5F].contains(byte)
    }

    func execute(_ context: Context) throws {
        if list { return try showAll(context) }
        let isWriter = try context.isWriterHome()
        let home = try isWriter ? context.location().home : context.existingHome()
        if remove { return try drop(home, context) }
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
        let keyFile = try keyFile(context, home, configuration) { secret in
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
        let job = try ScheduledJob(home: home, keyFile: keyFile, steps: steps)
        switch try using ?? keeper() {
        case .systemd: try useSystemd(SystemdTimer(job: job, schedule: schedule, zone: tz), context)
        case .cron: try useCron(CrontabLine(job: job, schedule: schedule), context)
        }
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

    /// The key file that opens this home; nil when the configuration names it already.
    ///
    /// - Parameter open: tries it.
    private func keyFile(
        _ context: Context, _ home: Home, _ configuration: HomeConfiguration,
        open: (SlotSecret) throws -> Void
    ) throws -> String? {
        let configured = configuration.keyFile.map {
            $0.hasPrefix("/") ? $0 : "\(home.path)/\($0)"
        }
        let named = context.options.keyFile ?? SecretSource.variable("AI_TEAM_KEY_FILE")
        let given = named.map { absolute($0) }
        guard let path = given ?? configured else {
            throw Failure(
                .refusedByGuard, "an unattended backup needs a key file, and this home has none",
                hint: "make a slot for one: ai-team key slots add --new-key-file FILE")
        }
        // It has to open the home now, or the first night tells.
        try open(KeyFile.read(path))
        return path == configured ? nil : path
    }

    private func keeper() throws -> Keeper {
        if SystemdTimer.isRunning { return .systemd }
        if ChildProgram.find("crontab") != nil, tz == nil { return .cron }
        throw Failure(
            .failed, "neither systemd's user manager nor cron is here to keep the time",
            hint: "--using systemd writes the units for later, --print shows them")
    }

    private func useSystemd(_ timer: SystemdTimer, _ context: Context) throws {
        let directory = try SystemdTimer.directory()
        guard !print else {
            let names = timer.files.map(\.name)
            return tell(context, timer.job, "systemd", timer.schedule, files: names, false) {
                timer.files.flatMap { ["# \(directory)/\($0.name)", $0.text] }
            }
        }
        try Files.createDirectory(directory)
        for file in timer.files {
            try Durable.replace("\(directory)/\(file.name)", with: Array(file.text.utf8), permissions: 0o644)
        }
        let unit = timer.job.name + ".timer"
        let isActive =
            try SystemdTimer.control(["daemon-reload"]) && SystemdTimer.control(["enable", "--now", unit])
        let paths = timer.files.map { "\(directory)/\($0.name)" }
        tell(context, timer.job, "systemd", timer.schedule, files: paths, isActive) {
            paths.map { "wrote \($0)" }
                + [
                    isActive
                        ? "the timer runs; `loginctl enable-linger` keeps it so while you are logged out"
                        : "it starts with: systemctl --user daemon-reload;"
                            + " systemctl --user enable --now \(unit)"
                ]
        }
    }

    private func useCron(_ line: CrontabLine, _ context: Context) throws {
        guard tz == nil else {
            throw Failure(.usage, "a crontab knows the system's time zone only", hint: "use --using systemd")
        }
        if !print {
            let others = try CrontabLine.read().filter { CrontabLine.name(in: $0) != line.job.name }
            try CrontabLine.write(others + [line.text])
        }
        tell(context, line.job, "cron", line.schedule, files: [], !print) {
            print ? [line.text] : ["added to the crontab:", line.text]
        }
    }

    private func tell(
        _ context: Context, _ job: ScheduledJob, _ keeper: String, _ schedule: CronSchedule, files: [String],
        _ isActive: Bool, _ lines: () -> [String]
    ) {
        context.console.emit({ writer in
            writer.object { writer in
                writer.field("name", job.name)
                writer.field("using", keeper)
                writer.field("cron", schedule.description)
                writer.field("tz", tz)
                writer.key("commands")
                writer.array { writer in
                    for command in job.commands { writer.value(command.joined(separator: " ")) }
                }
                writer.field("files", files)
                writer.field("active", isActive)
            }
        }, lines)
    }

    // MARK: - List and remove

    private func showAll(_ context: Context) throws {
        let directory = try SystemdTimer.directory()
        var found: [(name: String, keeper: String, schedule: String)] = []
        for file in try Files.exists(directory) ? Files.list(directory) : []
        where file.hasPrefix(ScheduledJob.prefix) && file.hasSuffix(".timer") {
            let bytes = try Files.readAll("\(directory)/\(file)", limit: 1 << 20)
            let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
            let events = lines.filter { $0.hasPrefix("OnCalendar=") }.map { $0.dropFirst(11) }
            found.append((String(file.dropLast(6)), "systemd", events.joined(separator: "; ")))
        }
        for line in try CrontabLine.read() {
            guard let name = CrontabLine.name(in: line) else { continue }
            let fields = line.split(separator: " ").prefix(5)
            found.append((name, "cron", fields.joined(separator: " ")))
        }
        let own = try context.location().home
        context.console.emit({ writer in
            writer.array { writer in
                for row in found {
                    writer.object {
                        $0.field("name", row.name)
                        $0.field("using", row.keeper)
                        $0.field("schedule", row.schedule)
                        $0.field("this_home", row.name == ScheduledJob.name(of: own))
                    }
                }
            }
        }) {
            if found.isEmpty { return ["no schedules; `ai-team backup schedule` makes one"] }
            var table = Table(["NAME", "USING", "SCHEDULE"], flexible: 2)
            for row in found { table.add([row.name, row.keeper, row.schedule]) }
            return table.lines(width: context.console.width, style: context.console.style)
        }
    }

    private func drop(_ home: Home, _ context: Context) throws {
        let name = ScheduledJob.name(of: home)
        let directory = try SystemdTimer.directory()
        let units = ["\(directory)/\(name).timer", "\(directory)/\(name).service"]
        let present = try units.filter { try Files.exists($0) }
        let lines = try CrontabLine.read()
        let others = lines.filter { CrontabLine.name(in: $0) != name }
        guard !present.isEmpty || others.count < lines.count else {
            throw Failure(.notFound, "this home has no schedule", hint: "`--list` shows what there is")
        }
        if !present.isEmpty {
            _ = try SystemdTimer.control(["disable", "--now", name + ".timer"])
            for path in present { try Durable.remove(path) }
            try Durable.syncDirectory(directory)
            _ = try SystemdTimer.control(["daemon-reload"])
        }
        if others.count < lines.count { try CrontabLine.write(others) }
        context.console.emit({ $0.object { $0.field("removed", name) } }) { ["removed \(name)"] }
    }
}
