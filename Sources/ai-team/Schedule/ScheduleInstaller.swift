import ArgumentParser
import FileSystem
import KeyRing
import Vault

/// What keeps the time of a schedule.
enum ScheduleKeeper: String, ExpressibleByArgument, CaseIterable {
    case systemd, cron

    /// The one that runs here.
    static func running(zone: String?) throws -> ScheduleKeeper {
        if SystemdTimer.isRunning { return .systemd }
        if ChildProgram.find("crontab") != nil, zone == nil { return .cron }
        throw Failure(
            .failed, "neither systemd's user manager nor cron is here to keep the time",
            hint: "--using systemd writes the units for later, --print shows them")
    }
}

/// Hands a job to what keeps the time.
struct ScheduleInstaller {
    let job: ScheduledJob
    let schedule: CronSchedule
    /// Such as `Europe/Paris`; nil: the system's.
    let zone: String?
    /// Only show what would be written.
    let prints: Bool

    /// - Throws: ArgumentParser's error for what is no name of a time zone.
    static func validate(zone: String?) throws {
        func isOfZone(_ byte: UInt8) -> Bool {
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || [0x2B, 0x2D, 0x2F, 0x5F].contains(byte)
        }
        if let zone, !zone.utf8.allSatisfy(isOfZone) || zone.isEmpty || zone.hasPrefix("-") {
            throw ValidationError("'\(zone)' is not a time zone")
        }
    }

    func install(using keeper: ScheduleKeeper?, _ context: Context) throws {
        switch try keeper ?? .running(zone: zone) {
        case .systemd: try useSystemd(SystemdTimer(job: job, schedule: schedule, zone: zone), context)
        case .cron: try useCron(CrontabLine(job: job, schedule: schedule), context)
        }
    }

    private func useSystemd(_ timer: SystemdTimer, _ context: Context) throws {
        let directory = try SystemdTimer.directory()
        guard !prints else {
            return tell(context, "systemd", files: timer.files.map(\.name), false) {
                timer.files.flatMap { ["# \(directory)/\($0.name)", $0.text] }
            }
        }
        try Files.createDirectory(directory)
        for file in timer.files {
            try Durable.replace("\(directory)/\(file.name)", with: Array(file.text.utf8), permissions: 0o644)
        }
        let unit = job.name + ".timer"
        let isActive =
            try SystemdTimer.control(["daemon-reload"]) && SystemdTimer.control(["enable", "--now", unit])
        let paths = timer.files.map { "\(directory)/\($0.name)" }
        tell(context, "systemd", files: paths, isActive) {
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
        guard zone == nil else {
            throw Failure(.usage, "a crontab knows the system's time zone only", hint: "use --using systemd")
        }
        if !prints {
            let others = try CrontabLine.read().filter { CrontabLine.name(in: $0) != job.name }
            try CrontabLine.write(others + [line.text])
        }
        tell(context, "cron", files: [], !prints) {
            prints ? [line.text] : ["added to the crontab:", line.text]
        }
    }

    private func tell(
        _ context: Context, _ keeper: String, files: [String], _ isActive: Bool, _ lines: () -> [String]
    ) {
        context.console.emit(
            { writer in
                writer.object { writer in
                    writer.field("name", job.name)
                    writer.field("number", job.number)
                    writer.field("using", keeper)
                    writer.field("cron", schedule.description)
                    writer.field("tz", zone)
                    writer.key("commands")
                    writer.array { writer in
                        for command in job.commands { writer.value(command.joined(separator: " ")) }
                    }
                    writer.field("files", files)
                    writer.field("active", isActive)
                }
            }, lines)
    }
}

/// The schedules of this user, in systemd's user manager and in the crontab.
enum Schedules {
    private typealias Row = (name: String, keeper: String, schedule: String)

    /// The names of all jobs of a kind, in the order of their numbers.
    static func names(_ kind: ScheduledJob.Kind) throws -> [String] { try rows(kind).map(\.name) }

    private static func rows(_ kind: ScheduledJob.Kind) throws -> [Row] {
        let directory = try SystemdTimer.directory()
        var found: [Row] = []
        for file in try Files.exists(directory) ? Files.list(directory) : []
        where file.hasPrefix(kind.prefix) && file.hasSuffix(".timer") {
            let bytes = try Files.readAll("\(directory)/\(file)", limit: 1 << 20)
            let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
            let events = lines.filter { $0.hasPrefix("OnCalendar=") }.map { $0.dropFirst(11) }
            found.append((String(file.dropLast(6)), "systemd", events.joined(separator: "; ")))
        }
        for line in try CrontabLine.read() {
            guard let name = CrontabLine.name(in: line), name.hasPrefix(kind.prefix) else { continue }
            let fields = line.split(separator: " ").prefix(5)
            found.append((name, "cron", fields.joined(separator: " ")))
        }
        return found.sorted { (number(of: $0.name) ?? 0, $0.name) < (number(of: $1.name) ?? 0, $1.name) }
    }

    /// The number behind a home's hash in a job's name.
    static func number(of name: String) -> Int? { name.split(separator: "-").last.flatMap { Int($0) } }

    static func show(_ kind: ScheduledJob.Kind, _ context: Context) throws {
        let found = try rows(kind)
        let own = ScheduledJob.name(kind, of: try context.location().home)
        context.console.emit({ writer in
            writer.array { writer in
                for row in found {
                    writer.object {
                        $0.field("name", row.name)
                        if kind == .sync { $0.field("number", number(of: row.name)) }
                        $0.field("using", row.keeper)
                        $0.field("schedule", row.schedule)
                        $0.field("this_home", row.name == own || row.name.hasPrefix(own + "-"))
                    }
                }
            }
        }) {
            if found.isEmpty { return ["no schedules; `ai-team \(kind.rawValue) schedule` makes one"] }
            var table = Table(["NAME", "USING", "SCHEDULE"], flexible: 2)
            for row in found { table.add([row.name, row.keeper, row.schedule]) }
            return table.lines(width: context.console.width, style: context.console.style)
        }
    }

    /// - Throws: `not_found` when there is no such job.
    static func remove(_ name: String, _ context: Context) throws {
        let directory = try SystemdTimer.directory()
        let units = ["\(directory)/\(name).timer", "\(directory)/\(name).service"]
        let present = try units.filter { try Files.exists($0) }
        let lines = try CrontabLine.read()
        let others = lines.filter { CrontabLine.name(in: $0) != name }
        guard !present.isEmpty || others.count < lines.count else {
            throw Failure(.notFound, "this home has no such schedule", hint: "`--list` shows what there is")
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

extension Context {
    /// The key file that opens this home; nil when the configuration names it already.
    ///
    /// - Parameter open: tries it.
    func unattendedKeyFile(
        _ home: Home, _ configuration: HomeConfiguration, for what: String,
        open: (SlotSecret) throws -> Void
    ) throws -> String? {
        let configured = configuration.keyFile.map {
            $0.hasPrefix("/") ? $0 : "\(home.path)/\($0)"
        }
        let named = options.keyFile ?? SecretSource.variable("AI_TEAM_KEY_FILE")
        let given = named.map { absolute($0) }
        guard let path = given ?? configured else {
            throw Failure(
                .refusedByGuard, "an unattended \(what) needs a key file, and this home has none",
                hint: "make a slot for one: ai-team key slots add --new-key-file FILE")
        }
        // It has to open the home now, or the first night tells.
        try open(KeyFile.read(path))
        return path == configured ? nil : path
    }
}
