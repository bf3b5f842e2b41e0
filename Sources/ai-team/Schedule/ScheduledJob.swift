import Cryptography
import Glibc
import Vault

/// What a schedule runs, one command after the other while each succeeds.
struct ScheduledJob {
    /// What it is for.
    enum Kind: String, CaseIterable {
        case backup, sync

        /// What its names begin with.
        var prefix: String { "ai-team-\(rawValue)-" }
    }

    let kind: Kind
    /// Words of each command, the program's path first.
    let commands: [[String]]
    /// The name of its files: of backups one for each home of a machine, of syncs with a number behind.
    let name: String
    let number: Int?
    let home: Home

    /// - Parameters:
    ///   - number: which of the home's schedules of this kind; nil where there is one.
    ///   - keyFile: named to the program where the configuration does not.
    ///   - steps: words after the global options.
    /// - Throws: `usage` for words that no timer can hold.
    init(_ kind: Kind, home: Home, number: Int? = nil, keyFile: String?, steps: [[String]]) throws {
        self.kind = kind
        self.number = number
        let program = try Self.program()
        let global = ["--quiet", "--home", home.path] + (keyFile.map { ["--key-file", $0] } ?? [])
        commands = steps.map { [program] + global + $0 }
        for word in commands.joined() where word.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) {
            throw Failure(.usage, "'\(word.printable)' has control characters, which no timer can hold")
        }
        name = Self.name(kind, of: home, number: number)
        self.home = home
    }

    /// The name of a home's job.
    static func name(_ kind: Kind, of home: Home, number: Int? = nil) -> String {
        kind.prefix + Crockford32.encode(Array(Hash.digest(.sha256, Array(home.path.utf8)).prefix(5)))
            + (number.map { "-\($0)" } ?? "")
    }

    /// This program's own file.
    private static func program() throws -> String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        guard count > 0, count < buffer.count else { throw Failure(.failed, "/proc/self/exe can't be read") }
        return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// Units of systemd's user manager.
struct SystemdTimer {
    let job: ScheduledJob
    let schedule: CronSchedule
    /// Such as `Europe/Paris`; nil: the system's.
    let zone: String?

    /// Where the units of a user are.
    static func directory() throws -> String {
        if let path = SecretSource.variable("XDG_CONFIG_HOME") { return path + "/systemd/user" }
        guard let home = SecretSource.variable("HOME") else {
            throw Failure(.failed, "neither XDG_CONFIG_HOME nor HOME says where units belong")
        }
        return home + "/.config/systemd/user"
    }

    /// Whether a user manager runs for this session.
    static var isRunning: Bool {
        guard let path = SecretSource.variable("XDG_RUNTIME_DIR") else { return false }
        return access(path + "/systemd/private", F_OK) == 0 && ChildProgram.find("systemctl") != nil
    }

    /// File names and contents.
    var files: [(name: String, text: String)] {
        [
            (
                job.name + ".service",
                """
                # Written by `ai-team \(job.kind.rawValue) schedule`.
                [Unit]
                Description=\(job.kind == .backup ? "Backup" : "Sync") of \(Self.escaped(job.home.path))

                [Service]
                Type=oneshot
                Nice=10
                IOSchedulingClass=idle
                \(job.commands.map { "ExecStart=" + Self.line($0) }.joined(separator: "\n"))

                """
            ),
            (
                job.name + ".timer",
                """
                # Written by `ai-team \(job.kind.rawValue) schedule`:
                # \(schedule)\(zone.map { " " + $0 } ?? "")
                [Unit]
                Description=Schedule for \(job.kind.rawValue)s of \(Self.escaped(job.home.path))

                [Timer]
                \(schedule.calendarEvents.map { "OnCalendar=\($0)\(zone.map { " " + $0 } ?? "")" }
                    .joined(separator: "\n"))
                Persistent=true

                [Install]
                WantedBy=timers.target

                """
            ),
        ]
    }

    private static func line(_ words: [String]) -> String {
        words.map { "\"" + escaped($0).replacing("$", with: "$$") + "\"" }.joined(separator: " ")
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("%", with: "%%")
    }

    /// Tells the user manager; true when it listened.
    static func control(_ words: [String]) throws -> Bool {
        guard isRunning, let program = ChildProgram.find("systemctl") else { return false }
        let outcome = try ChildProgram.run(
            program, ["--user"] + words, environment: ChildProgram.environment(), output: .shown)
        return outcome.status == 0
    }
}

/// A line of the user's crontab.
struct CrontabLine {
    let job: ScheduledJob
    let schedule: CronSchedule

    /// The line; its end names it.
    var text: String {
        let commands = job.commands.map { words in
            words.map { "'" + $0.replacing("'", with: "'\\''") + "'" }.joined(separator: " ")
        }
        // A bare % would end the command.
        let command = commands.joined(separator: " && ").replacing("%", with: "\\%")
        return "\(schedule) \(command) # \(job.name)"
    }

    /// The lines of the user's crontab.
    static func read() throws -> [String] {
        guard let program = ChildProgram.find("crontab") else { return [] }
        let outcome = try ChildProgram.run(
            program, ["-l"], environment: ChildProgram.environment(), output: .taken)
        // It fails when there is none yet.
        guard outcome.status == 0 else { return [] }
        return String(decoding: outcome.output, as: UTF8.self)
            .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    /// Replaces the user's crontab.
    static func write(_ lines: [String]) throws {
        guard let program = ChildProgram.find("crontab") else {
            throw Failure(.failed, "there is no crontab program", hint: "use --using systemd, or --print")
        }
        var lines = lines
        while lines.last?.isEmpty == true { lines.removeLast() }
        let bytes = Array((lines + [""]).joined(separator: "\n").utf8)
        let outcome = try ChildProgram.run(
            program, ["-"], environment: ChildProgram.environment(), input: bytes, output: .shown)
        guard outcome.status == 0 else { throw Failure(.failed, "crontab ended with \(outcome.status)") }
    }

    /// The name of the job that a line is of; nil for somebody else's.
    static func name(in line: String) -> String? {
        let marks = ScheduledJob.Kind.allCases.compactMap { line.ranges(of: " # " + $0.prefix).last }
        return marks.first.map { String(line[$0.lowerBound...].dropFirst(3)) }
    }
}
