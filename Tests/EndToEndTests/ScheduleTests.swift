import Foundation
import Testing

/// `backup schedule` and the hooks, as a person uses them.
@Suite struct ScheduleTests {
    let test: TestHome
    private var config: String { test.folder.appending(path: "xdg").path(percentEncoded: false) }
    private var units: String { config + "/systemd/user" }

    init() throws { test = try TestHome() }

    private func schedule(_ words: String..., expect status: Int32 = 0) throws -> Program.Outcome {
        let environment = ["AI_TEAM_HOME": test.home, "XDG_CONFIG_HOME": config]
        let outcome = try Program.run(
            ["backup", "schedule"] + words, environment: environment, in: test.folder)
        #expect(outcome.status == status, "\(outcome.errors)")
        return outcome
    }

    @Test func unitsAreWrittenListedAndRemoved() throws {
        let tree = test.folder.appending(path: "a 100% \"dir\"").path(percentEncoded: false)
        let made = try schedule(
            "--using", "systemd", "--cron", "30 3 * * 1-5", "--tz", "Europe/Paris", "--tag", "night", tree,
            "--json"
        ).json()
        let name = try #require(made["name"].string)
        #expect(made["active"].bool == false && made["files"].list.count == 2)
        let service = try String(contentsOfFile: "\(units)/\(name).service", encoding: .utf8)
        let timer = try String(contentsOfFile: "\(units)/\(name).timer", encoding: .utf8)
        #expect(timer.contains("OnCalendar=Mon,Tue,Wed,Thu,Fri *-*-* 03:30:00 Europe/Paris\n"))
        #expect(service.contains("\"backup\" \"create\" \"--tag\" \"night\" \"--\""))
        #expect(service.contains("a 100%% \\\"dir\\\"") && service.contains("\"prune\" \"--yes\""))
        try verify(name)
        let list = try schedule("--list", "--json").json()
        #expect(list.list.count == 1 && list[0]["this_home"].bool == true)
        #expect(list[0]["using"].string == "systemd")
        _ = try schedule("--remove")
        #expect(try FileManager.default.contentsOfDirectory(atPath: units).isEmpty)
        _ = try schedule("--remove", expect: 3)
    }

    /// systemd itself reads the units, where it is installed.
    private func verify(_ name: String) throws {
        let program = "/usr/bin/systemd-analyze"
        guard FileManager.default.isExecutableFile(atPath: program) else { return }
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments =
            ["verify", "--man=no", "--user"] + ["timer", "service"].map { "\(units)/\(name).\($0)" }
        process.environment = ["XDG_RUNTIME_DIR": config, "HOME": config]
        let pipe = Pipe()
        process.standardError = pipe
        try process.run()
        let said = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        let text = String(decoding: said, as: UTF8.self)
        #expect(!text.contains(name), "\(text)")
    }

    @Test func theCommandsOfAScheduleWork() throws {
        let made = try schedule("--using", "cron", "--print", "--json").json()
        #expect(made["cron"].string == "0 2 * * *")
        let line = try schedule("--using", "cron", "--print", "--no-prune").text
        let command = try #require(line.split(separator: " # ").first?.dropFirst("0 2 * * * ".count))
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-c", String(command)]
        process.environment = ["PATH": "/usr/bin:/bin"]
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        #expect(try test.json("backup", "list").list.count == 1)
    }

    @Test func withoutAKeyFileThereIsNone() throws {
        let path = test.home + "/config/local.yaml"
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
        try Data(lines.filter { !$0.hasPrefix("key_file") }.joined(separator: "\n").utf8)
            .write(to: URL(filePath: path))
        let refused = try schedule("--using", "systemd", "--json", expect: 5).error()
        #expect(refused["code"].string == "guard")
        #expect(!FileManager.default.fileExists(atPath: units))
        let given = try schedule("--using", "systemd", "--key-file", test.keyFile, "--json").json()
        #expect(given["commands"][0].string?.contains(test.keyFile) == true)
    }

    @Test func whatIsNoScheduleIsUsage() throws {
        _ = try schedule("--using", "systemd", "--cron", "61 * * * *", expect: 64)
        _ = try schedule("--using", "systemd", "--tz", "../x y", expect: 64)
        _ = try schedule("--using", "cron", "--tz", "Europe/Paris", expect: 64)
    }

    // MARK: - Hooks

    @Test func hooksRunAroundABackupInAnEnvironmentOfTheirOwn() throws {
        let log = test.folder.appending(path: "log").path(percentEncoded: false)
        try test.run("config", "hooks.backup.before", "env | sort > '\(log)'; echo said")
        try test.run(
            "config", "hooks.backup.after",
            "echo $AI_TEAM_HOOK $AI_TEAM_OUTCOME $AI_TEAM_BACKUP_ID >> '\(log)'")
        let outcome = try test.run(
            "backup", "create", "--json",
            environment: ["AI_TEAM_S3_SECRET_ACCESS_KEY": "s", "SECRET_TOKEN": "t"])
        let id = try #require(try outcome.json()["backup_id"].string)
        #expect(outcome.errors.contains("said"))
        let lines = try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n")
        #expect(lines.contains("AI_TEAM_HOOK=before") && lines.last == "after done \(id)")
        #expect(lines.contains("AI_TEAM_HOME=\(test.home)"))
        #expect(!lines.contains { $0.contains("TOKEN") || $0.contains("_KEY") })
    }

    @Test func aHookThatFailsKeepsTheBackupFromBeingMade() throws {
        let log = test.folder.appending(path: "log").path(percentEncoded: false)
        try test.run("config", "hooks.backup.before", "exit 3")
        try test.run("config", "hooks.backup.after", "touch '\(log)'")
        let refused = try test.error("backup", "create", expect: 1)
        #expect(refused["message"].string?.contains("ended with 3") == true)
        #expect(try test.json("backup", "list").list.isEmpty)
        try test.run("config", "hooks.backup.before", "true")
        try test.run("config", "hooks.backup.after", "exit 4")
        try test.run("backup", "create", expect: 1)
        #expect(try test.json("backup", "list").list.count == 1)
    }

    @Test func aHookThatWasNotConfirmedDoesNotRun() throws {
        let log = test.folder.appending(path: "log").path(percentEncoded: false)
        let path = test.home + "/config/local.yaml"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        try Data((text + "\nhooks: { backup: { before: \"touch '\(log)'\" } }\n").utf8)
            .write(to: URL(filePath: path))
        #expect(try test.error("backup", "create", expect: 5)["code"].string == "guard")
        #expect(!FileManager.default.fileExists(atPath: log))
        try test.run("config", "confirm")
        try test.run("backup", "create")
        #expect(FileManager.default.fileExists(atPath: log))
    }
}
