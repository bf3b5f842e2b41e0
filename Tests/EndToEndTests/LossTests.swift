import Foundation
import Testing

/// What to do when something is lost: docs/RECOVERY.md shows these runs.
@Suite("Losses", .serialized) struct LossTests {
    private let test: TestHome
    private let code: String
    private let old: String
    private let new: String

    /// A vault with a key file and a passphrase, a task and a document.
    init() throws {
        test = try TestHome()
        code = try test.file("code", Data((test.made["recovery_code"].string ?? "").utf8))
        old = try test.file("old", Data("the passphrase of before\n".utf8))
        new = try test.file("new", Data("the passphrase from now on\n".utf8))
        try test.run("key", "slots", "add", "--new-passphrase-file", old)
        try test.run("create-task", "kept")
        try test.run("kb", "upload", try test.file("note.md", Data("# Note\nkept".utf8)))
    }

    /// Runs a command that has nothing to open the vault with but what its words name.
    @discardableResult
    private func bare(
        _ words: String..., expect status: Int32 = 0, _ location: SourceLocation = #_sourceLocation
    ) throws -> Program.Outcome {
        let outcome = try Program.run(words + ["--home", test.home], in: test.folder)
        #expect(outcome.status == status, "\(words): \(outcome.errors)", sourceLocation: location)
        return outcome
    }

    private func ring(_ copy: String) -> URL { URL(filePath: "\(test.home)/keys/ring.\(copy)") }

    private func expectEverythingIsThere(_ location: SourceLocation = #_sourceLocation) throws {
        let titles = try test.json("list-tasks").list.map { $0["title"].string }
        #expect(titles.contains("kept"), sourceLocation: location)
        let id = try #require(test.json("kb", "list").list.first?["id"].string)
        #expect(try test.run("kb", "get", id, "-o", "-").text.hasSuffix("kept"), sourceLocation: location)
        try test.run("doctor")
    }

    /// Only a key file opens the vault besides, and the configuration names it: it is taken away.
    private func withoutKeyFile(_ body: () throws -> Void) throws {
        try FileManager.default.moveItem(atPath: test.keyFile, toPath: test.keyFile + ".away")
        defer { try? FileManager.default.moveItem(atPath: test.keyFile + ".away", toPath: test.keyFile) }
        try body()
    }

    @Test func aLostPassphraseIsReplacedWithTheCode() throws {
        try withoutKeyFile {
            try bare(
                "key", "passphrase", "--compromised", "--recovery-code-file", code,
                "--new-passphrase-file", new)
            try bare("list-tasks", "--passphrase-file", new)
            try bare("list-tasks", "--passphrase-file", old, expect: 4)
        }
        try expectEverythingIsThere()
    }

    @Test func aLostCodeIsReplacedWithThePassphrase() throws {
        try bare("key", "recovery", "test", "--recovery-code-file", code)
        let made = try bare("key", "recovery", "--yes", "--json", "--passphrase-file", old).json()
        let next = try test.file("next", Data((made["recovery_code"].string ?? "").utf8))
        try bare("key", "recovery", "test", "--recovery-code-file", next)
        try bare("key", "recovery", "test", "--recovery-code-file", code, expect: 4)
        try expectEverythingIsThere()
    }

    @Test func withoutAnySecretNothingOpens() throws {
        try withoutKeyFile {
            // The configuration names a key file that is not there.
            try bare("list-tasks", expect: 3)
            let wrong = try test.file("wrong", Data("a guess at the passphrase\n".utf8))
            try bare("list-tasks", "--passphrase-file", wrong, expect: 4)
        }
    }

    @Test(arguments: ["a", "b"])
    func aRingThatIsHalfWrittenIsMadeWholeFromTheOther(copy: String) throws {
        try test.run("key", "rotate", "--re-encrypt", "never")
        let whole = try Data(contentsOf: ring(copy))
        for count in [0, 1, 40, whole.count / 2, whole.count - 1] {
            try whole.prefix(count).write(to: ring(copy))
            // It opens all the same, and doctor says which copy it is.
            #expect(try test.json("list-tasks").list.count == 1)
            let said = try test.run("doctor", expect: 6).text
            #expect(said.contains("ring.\(copy)"))
            try test.run("doctor", "--repair")
            try test.run("doctor")
        }
        try FileManager.default.removeItem(at: ring(copy))
        try test.run("doctor", "--repair")
        try expectEverythingIsThere()
    }

    @Test func twoHalfWrittenRingsTakeABackupAndTheCode() throws {
        try test.run("backup", "create")
        for copy in ["a", "b"] {
            let whole = try Data(contentsOf: ring(copy))
            try whole.prefix(whole.count / 2).write(to: ring(copy))
        }
        #expect(try test.error("list-tasks", expect: 6)["code"].string != nil)
        let bucket = test.folder.appending(path: "bucket/backup").path(percentEncoded: false)
        try FileManager.default.createDirectory(atPath: bucket, withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: test.home + "/data/backups", toPath: bucket + "/v1")
        let home = test.folder.appending(path: "new home").path(percentEncoded: false)
        let key = test.folder.appending(path: "new key").path(percentEncoded: false)
        let url = "file://" + test.folder.appending(path: "bucket").path(percentEncoded: false)
        let outcome = try Program.run(
            ["init", "--recover", url, "--home", home, "--recovery-code-file", code, "--key-file", key],
            in: test.folder)
        #expect(outcome.status == 0, "\(outcome.errors)")
        let tasks = try Program.run(["list-tasks", "--json", "--home", home], in: test.folder).json()
        #expect(tasks.list.map { $0["title"].string } == ["kept"])
    }

    /// Runs a command whose files may not grow beyond some blocks of 512 bytes: what it writes behind that
    /// fails, as on a full disk.
    private func cramped(_ blocks: Int, _ words: String...) throws -> Int32 {
        let script = "trap '' XFSZ; ulimit -f \(blocks); exec \"$@\""
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-c", script, "sh", Program.path] + words + ["--home", test.home]
        process.environment = ["PATH": "/usr/bin:/bin", "AI_TEAM_KEY_FILE": test.keyFile]
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return process.terminationStatus
    }

    @Test func aDiskThatIsFullInAKeyChangeLeavesTheOldKeysOrTheNew() throws {
        var seen: Set<Int32> = []
        for blocks in 0...6 {
            let before = try test.json("key", "status")["epoch"].int ?? 0
            seen.insert(try cramped(blocks, "key", "recovery", "--yes"))
            let after = try test.json("key", "status")["epoch"].int ?? 0
            // A new code makes two epochs.
            #expect([before, before + 2].contains(after), "\(blocks) blocks: \(before) to \(after)")
            try expectEverythingIsThere()
        }
        // The twin: some of them were stopped.
        #expect(seen.contains(1))
        try test.run("key", "recovery", "--yes")
        try expectEverythingIsThere()
    }

    @Test func aDiskThatIsFullInARotationIsGoneOnWithWhenThereIsRoom() throws {
        try test.run("key", "rotate", "--re-encrypt", "never")
        let epoch = try test.json("key", "status")["epoch"].int
        #expect(try cramped(64, "key", "rotate", "--re-encrypt", "now") != 0)
        try expectEverythingIsThere()
        let stopped = try test.json("key", "status")
        #expect(stopped["epoch"].int == (epoch ?? 0) + 1)
        #expect(stopped["re_encryption"]["failure"].string != nil)
        #expect((stopped["pages_remaining"].int ?? 0) > 0)
        try test.run("key", "rotate", "--resume")
        let status = try test.json("key", "status")
        #expect(status["epoch"].int == stopped["epoch"].int)
        try test.error("key", "rotate", "--resume", expect: 5)
        #expect(status["pages_remaining"].int == 0 && status["objects_remaining"].int == 0)
        try expectEverythingIsThere()
    }

    @Test func aWrongRestoreIsUndoneByTheRightOne() throws {
        let first = try #require(test.json("backup", "create")["backup_id"].string)
        try test.run("create-task", "newer")
        let second = try #require(test.json("backup", "create")["backup_id"].string)
        try test.run("backup", "restore", first, "--yes")
        #expect(try test.json("list-tasks").list.count == 1)
        try test.run("backup", "restore", second, "--yes")
        #expect(try test.json("list-tasks").list.count == 2)
        try expectEverythingIsThere()
    }
}
