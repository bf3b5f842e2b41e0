import Foundation
import TestSupport
import Testing

/// `init --recover` as a person uses it on a bare machine.
@Suite("Recovery on a bare machine") struct RecoveryTests {
    let test: TestHome
    private let code: String
    private var bucket: String { path("bucket") }

    init() throws {
        test = try TestHome(["--name", "laptop"])
        code = try test.file("code", Data((test.made["recovery_code"].string ?? "").utf8))
    }

    private func path(_ name: String) -> String {
        test.folder.appending(path: name).path(percentEncoded: false)
    }

    /// Tasks, a document and a backup of both, copied to a bucket; then the home is gone.
    private func loseEverything() throws -> String {
        try test.run("create-task", "first 任務", "--priority", "high")
        try test.run("create-task", "second")
        try test.run("kb", "upload", try test.file("筆記 📝.md", Data("# 內容\n".utf8)))
        try test.run("backup", "create")
        let tasks = try test.run("tasks", "export").text
        try takeAway()
        return tasks
    }

    private func takeAway() throws {
        let place = bucket + "/backup/v1"
        try FileManager.default.createDirectory(atPath: bucket + "/backup", withIntermediateDirectories: true)
        try FileManager.default.moveItem(atPath: test.home + "/data/backups", toPath: place)
        try FileManager.default.removeItem(atPath: test.home)
        try FileManager.default.removeItem(atPath: test.keyFile)
    }

    /// Runs `init --recover` into a directory of its own.
    private func recover(
        _ words: String..., into home: String = "new", code: String? = nil, expect status: Int32 = 0,
        _ location: SourceLocation = #_sourceLocation
    ) throws -> Program.Outcome {
        let arguments =
            ["init", "--recover", "file://" + bucket, "--home", path(home), "--json"]
            + ["--key-file", path("new.key")] + (code.map { ["--recovery-code-file", $0] } ?? []) + words
        let outcome = try Program.run(arguments, in: test.folder)
        #expect(outcome.status == status, "\(words) \(outcome.errors)", sourceLocation: location)
        return outcome
    }

    private func run(_ words: String..., home: String = "new", expect status: Int32 = 0) throws -> JSON {
        let outcome = try Program.run(
            words + ["--home", path(home), "--json"], in: test.folder)
        #expect(outcome.status == status, "\(words) \(outcome.errors)")
        return outcome.output.isEmpty ? JSON(nil) : try outcome.json()
    }

    @Test func theCodeBringsEverythingBack() throws {
        let tasks = try loseEverything()
        let made = try recover("--name", "desktop", code: code).json()
        #expect(
            made.keys.isSuperset(of: [
                "vault_id", "device_id", "mode", "home", "backup_id", "created_at", "members_confirmed",
                "writers", "members", "ok", "failed", "bytes",
            ]))
        #expect(made["vault_id"].string == test.made["vault_id"].string)
        #expect(made["device_id"].string != test.made["device_id"].string)
        #expect(made["ok"].bool == true && made["members_confirmed"].bool == false)
        #expect(made["members"][0]["name"].string == "laptop")
        #expect(made["writers"][0]["sequence"].int == 1)
        // The configuration names the key file: no option, no variable.
        let back = try Program.run(["tasks", "export", "--home", path("new")], in: test.folder)
        #expect(back.text == tasks && !tasks.isEmpty)
        _ = try Program.run(["kb", "export", path("out"), "--home", path("new")], in: test.folder)
        #expect(try String(contentsOfFile: path("out") + "/筆記 📝.md", encoding: .utf8) == "# 內容\n")
        #expect(try run("doctor")["checks"].list.allSatisfy { $0["ok"].bool == true })
        let devices = try run("device", "list").list
        #expect(devices.map { $0["status"].string } == ["unconfirmed", "active"])
        #expect(devices.allSatisfy { $0["public_key_fingerprint"].string?.count == 79 })
        #expect(try run("key", "status")["epoch"].int == 2)
        _ = try run("device", "confirm", expect: 5)
        #expect(try run("device", "confirm", "--yes")["epoch"].int == 3)
        #expect(try run("device", "list").list.allSatisfy { $0["status"].string == "active" })
        _ = try run("device", "confirm", "--yes", expect: 5)
        #expect(try run("key", "recovery", "test", "--recovery-code-file", code)["ok"].bool == true)
        _ = try run("create-task", "third")
        _ = try run("backup", "create")
    }

    @Test func fromABucketItIsTheSame() throws {
        let tasks = try loseEverything()
        let server = try StrictServer()
        let files = FileManager.default.enumerator(atPath: bucket)?.compactMap { $0 as? String } ?? []
        for file in files where file.split(separator: "/").count > 4 {
            let url = URL(filePath: bucket + "/" + file)
            guard try url.resourceValues(forKeys: [.isRegularFileKey]).isRegularFile == true else { continue }
            server.plant("ai-team/" + file, Array(try Data(contentsOf: url)))
        }
        let words = [
            "init", "--recover", "s3://\(StrictServer.bucket)/ai-team", "--home", path("new"), "--key-file",
            path("new.key"), "--recovery-code-file", code, "--json",
        ]
        var environment = [
            "AI_TEAM_S3_ENDPOINT": server.endpoint, "AI_TEAM_S3_ACCESS_KEY_ID": StrictServer.accessKeyID,
            "AI_TEAM_S3_SECRET_ACCESS_KEY": "wrong",
        ]
        let refused = try Program.run(words, environment: environment, in: test.folder)
        #expect(refused.status == 7 && !FileManager.default.fileExists(atPath: path("new")))
        environment["AI_TEAM_S3_SECRET_ACCESS_KEY"] = StrictServer.secret
        let made = try Program.run(words, environment: environment, in: test.folder)
        #expect(made.status == 0, "\(made.errors)")
        let back = try Program.run(["tasks", "export", "--home", path("new")], in: test.folder)
        #expect(back.text == tasks && !tasks.isEmpty)
        #expect(try run("config", "cloud.remote")["cloud.remote"]["value"].string == words[2])
    }

    /// On a terminal it asks, and an answer other than yes leaves the devices unconfirmed.
    @Test(arguments: [("yes", true), ("n", false)])
    func onATerminalItAsks(_ answer: String, confirms: Bool) throws {
        _ = try loseEverything()
        let words = [
            Program.path, "init", "--recover", "file://" + bucket, "--home", path("new"), "--key-file",
            path("new.key"), "--recovery-code-file", code,
        ]
        let process = Process()
        let (input, output) = (Pipe(), Pipe())
        process.executableURL = URL(filePath: "/usr/bin/script")  // gives a program a terminal of its own
        process.arguments = ["-qec", words.joined(separator: " "), "/dev/null"]
        process.environment = ["PATH": "/usr/bin:/bin", "HOME": path("")]
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        try input.fileHandleForWriting.write(contentsOf: Data((answer + "\n").utf8))
        try input.fileHandleForWriting.close()
        let said = String(
            decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        try #require(process.terminationStatus == 0 && said.contains("[y/N]"), "\(said)")
        let devices = try run("device", "list").list
        #expect(devices[0]["status"].string == (confirms ? "active" : "unconfirmed"))
        #expect(said.contains("device confirm") == !confirms)
    }

    /// Killed at any moment it either has made the home or begins again with what it had fetched.
    @Test func aKilledRecoveryIsDoneAgain() throws {
        var random = SplitMix64(seed: printedSeed())
        let tasks = try loseEverything()
        let words = [
            "init", "--recover", "file://" + bucket, "--home", path("new"), "--key-file", path("new.key"),
            "--recovery-code-file", code, "--quiet",
        ]
        for _ in 0..<stressCount("AI_TEAM_TEST_KILLS", 8) {
            let program = try RunningProgram(words, in: test)
            usleep(UInt32(random.next() % 400_000))
            program.send(SIGKILL)
            let status = program.wait().status
            if status == 0 || status == 5 { break }  // it was done before, or is by now
        }
        let last = try Program.run(words, in: test.folder)
        #expect(last.status == 0 || last.status == 5, "\(last.errors)")
        let back = try Program.run(["tasks", "export", "--home", path("new")], in: test.folder)
        #expect(back.text == tasks && back.status == 0, "\(back.errors)")
        #expect(try run("doctor")["checks"].list.allSatisfy { $0["ok"].bool == true })
        let left = try FileManager.default.contentsOfDirectory(atPath: path("new"))
        #expect(left.sorted() == ["config", "data", "keys", "run"])
        #expect(!FileManager.default.fileExists(atPath: path("new") + "/run/recovery"))
    }

    @Test func withYesTheDevicesAreConfirmed() throws {
        _ = try loseEverything()
        let made = try recover("--yes", code: code).json()
        #expect(made["members_confirmed"].bool == true)
        #expect(try run("key", "status")["epoch"].int == 3)
    }

    @Test func aWrongCodeIs4AndLeavesNothing() throws {
        _ = try loseEverything()
        let text = test.made["recovery_code"].string ?? ""
        let typo = try test.file("typo", Data(((text.hasPrefix("2") ? "3" : "2") + text.dropFirst()).utf8))
        let mistyped = try recover(code: typo, expect: 4).error()
        #expect(mistyped["message"].string?.contains("typo") == true)
        let stranger = try TestHome()
        let other = try test.file("other", Data((stranger.made["recovery_code"].string ?? "").utf8))
        let wrong = try recover(code: other, expect: 4).error()
        #expect(wrong["code"].string == "wrong_key")
        #expect(try recover(expect: 4).error()["code"].string == "locked")
        #expect(!FileManager.default.fileExists(atPath: path("new")))
        try FileManager.default.moveItem(atPath: bucket, toPath: bucket + "-away")
        #expect(try recover(code: code, expect: 7).error()["code"].string == "remote_unreachable")
        try FileManager.default.moveItem(atPath: bucket + "-away", toPath: bucket)
        try FileManager.default.removeItem(atPath: bucket + "/backup/v1/m")
        #expect(try recover(code: code, expect: 3).error()["code"].string == "not_found")
        let usage = try Program.run(
            ["init", "--yes", "--home", path("x"), "--key-file", path("x.key")], in: test.folder)
        #expect(usage.status == 64)
    }

    @Test func whatSomebodyElsePutThereIsNamedAndTheRestComesBack() throws {
        let tasks = try loseEverything()
        let stranger = try TestHome()
        try stranger.run("create-task", "foreign")
        try stranger.run("backup", "create")
        let copied = try Process.output(
            "/bin/cp", "-r", stranger.home + "/data/backups/.", bucket + "/backup/v1")
        #expect(copied.isEmpty)
        let made = try recover(code: code, expect: 6).json()
        #expect(made["ok"].bool == false)
        #expect(made["failed"].list.count == 1)
        #expect(made["failed"][0]["reason"].string?.contains("another vault") == true)
        let back = try Program.run(["tasks", "export", "--home", path("new")], in: test.folder)
        #expect(back.text == tasks)
    }

    @Test func thePassphraseDoesTheSameWhereItIsOn() throws {
        let phrase = try test.file("phrase", Data("correct horse battery staple anew\n".utf8))
        let weak = try test.file("weak", Data("hunter2 hunter2\n".utf8))
        let key = "backup.passphrase_recovery"
        #expect(try test.error("config", key, "true", "--new-passphrase-file", phrase, expect: 5)["code"]
            .string == "guard")
        let refused = try test.error(
            "config", key, "true", "--new-passphrase-file", weak, "--yes", expect: 5)
        #expect(refused["message"].string?.contains("too weak") == true)
        try test.json("config", key, "true", "--new-passphrase-file", phrase, "--yes")
        #expect(try test.json("config", key)[key]["value"].string == "true")
        let tasks = try loseEverything()
        func attempt(_ file: String, into home: String, expect status: Int32) throws {
            let outcome = try Program.run(
                [
                    "init", "--recover", "file://" + bucket, "--with-passphrase", "--passphrase-file", file,
                    "--home", path(home), "--json",
                ], in: test.folder)
            #expect(outcome.status == status, "\(outcome.errors)")
        }
        try attempt(weak, into: "wrong", expect: 4)
        try attempt(phrase, into: "new", expect: 0)
        let back = try Program.run(
            ["tasks", "export", "--home", path("new"), "--passphrase-file", phrase], in: test.folder)
        #expect(back.text == tasks && !tasks.isEmpty)
        _ = try recover(into: "by code", code: code)
    }

    @Test func settingItInTheFileAloneIsNotBelieved() throws {
        let file = test.home + "/config/sync.yaml"
        let text = try String(contentsOfFile: file, encoding: .utf8)
        let edited = text.replacingOccurrences(
            of: "backup:\n", with: "backup:\n  passphrase_recovery: true\n")
        try Data(edited.utf8).write(to: URL(filePath: file))
        #expect(try test.error("list-tasks", expect: 5)["code"].string == "guard")
        let refused = try test.error("config", "confirm", expect: 5)
        #expect(refused["hint"].string?.contains("passphrase_recovery true") == true)
    }
}
