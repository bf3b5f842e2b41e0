import Foundation
import Testing

/// `backup …` as a person uses it.
@Suite struct BackupTests {
    let test: TestHome
    private var elsewhere: String { test.folder.appending(path: "elsewhere").path(percentEncoded: false) }

    init() throws { test = try TestHome() }

    private func fill() throws -> String {
        try test.run("create-task", "first 任務", "--priority", "high")
        try test.run("create-task", "second")
        let file = try test.file("筆記 📝.md", Data("# 內容\n".utf8))
        try test.run("kb", "upload", file)
        let made = try test.json("backup", "create", "--tag", "t")
        #expect(
            made.keys.isSuperset(of: [
                "backup_id", "created_at", "files", "bytes_logical", "bytes_added", "duration_ms", "parent",
            ]))
        return try #require(made["backup_id"].string)
    }

    private func tasks(_ home: String? = nil) throws -> String {
        let words = ["tasks", "export"] + (home.map { ["--home", $0] } ?? [])
        return try Program.run(
            words, environment: ["AI_TEAM_HOME": test.home, "AI_TEAM_KEY_FILE": test.keyFile],
            in: test.folder
        ).text
    }

    @Test func aBackupIsListedShownVerifiedAndRestoredElsewhere() throws {
        let id = try fill()
        let list = try test.json("backup", "list")
        #expect(list[0]["id"].string == id && list[0]["location"][0].string == "local")
        #expect(list[0]["tags"][0].string == "t" && list[0]["signed_by"].string?.hasPrefix("dev-") == true)
        let shown = try test.json("backup", "show", String(id.suffix(6)))
        #expect(shown["documents"][0]["name"].string == "筆記 📝.md")
        #expect(shown["added"]["database"]["added"].int == shown["database_pages"].int)
        #expect(shown["added"]["documents"]["bytes_added"].int ?? 0 > 0)
        let verified = try test.json("backup", "verify", "--data")
        #expect(verified["ok"].bool == true && verified["checked"].int == 1)
        let before = try tasks()
        let report = try test.json("backup", "restore", id, "--target", elsewhere)
        #expect(report["ok"].bool == true && report["home"].string == elsewhere)
        #expect(try tasks(elsewhere) == before && !before.isEmpty)
        let target = test.folder.appending(path: "out").path(percentEncoded: false)
        try test.run("kb", "export", target, "--home", elsewhere)
        let found = try String(contentsOfFile: target + "/筆記 📝.md", encoding: .utf8)
        #expect(found == "# 內容\n")
        try test.run("doctor", "--home", elsewhere)
    }

    @Test func overAHomeItAsksAndThenTakesTheOldStateBack() throws {
        let id = try fill()
        let before = try tasks()
        try test.run("create-task", "too much")
        let refused = try test.error("backup", "restore", id, expect: 5)
        #expect(refused["code"].string == "guard")
        let plan = try test.json("backup", "restore", id, "--dry-run")
        #expect(plan["replaces"].bool == true)
        #expect(try tasks() != before)
        try test.run("backup", "restore", id, "--yes")
        #expect(try tasks() == before)
        let next = try test.json("backup", "create")
        #expect(next["backup_id"].string != id)
        #expect(try test.json("backup", "list").list.count == 2)
    }

    @Test func filesFromOutsideComeAlong() throws {
        _ = try test.file("tree/a.txt", Data("a".utf8))
        _ = try test.file("tree/skip.o", Data("o".utf8))
        let tree = test.folder.appending(path: "tree").path(percentEncoded: false)
        let id = try #require(
            try test.json("backup", "create", tree, "--exclude", "*.o")["backup_id"].string)
        let report = try test.json("backup", "restore", id, "--target", elsewhere)
        #expect(report["outside_files"].int == 1)
        let copy = elsewhere + "/files" + tree
        #expect(try String(contentsOfFile: copy + "/a.txt", encoding: .utf8) == "a")
        #expect(!FileManager.default.fileExists(atPath: copy + "/skip.o"))
        try FileManager.default.removeItem(atPath: tree + "/a.txt")
        try test.run("backup", "restore", id, "--yes", "--in-place")
        #expect(try String(contentsOfFile: tree + "/a.txt", encoding: .utf8) == "a")
        try test.run("backup", "restore", id, "--in-place", "--home-only", expect: 64)
    }

    @Test func theConfigurationNamesWhatComesAlong() throws {
        _ = try test.file("tree/a.txt", Data("a".utf8))
        _ = try test.file("tree/b.o", Data("b".utf8))
        let tree = test.folder.appending(path: "tree").path(percentEncoded: false)
        try test.run("config", "backup.paths", "[\"\(tree)\", \"/nothing/there\"]")
        try test.run("config", "backup.exclude", "*.o")
        let made = try test.run("backup", "create")
        #expect(made.text.contains("with backup.paths of the configuration: \(tree)"))
        #expect(made.errors.contains("/nothing/there: left out"))
        let second = try test.json("backup", "create")
        #expect(second["configured_paths"].bool == true && second["paths"].list.count == 1)
        #expect(second["files"].int == 1 && second["left_out"].list.count == 1)
        let alone = try test.json("backup", "create", "--home-only")
        #expect(alone["configured_paths"].bool == false && alone["files"].int == 0)
        // A PATH takes the place of the configuration, and one that is missing is an error.
        let other = try test.json("backup", "create", tree + "/b.o")
        #expect(other["files"].int == 1 && other["configured_paths"].bool == false)
        try test.run("backup", "create", "/nothing/there", expect: 3)
        try test.run("backup", "create", tree, "--home-only", expect: 64)
        let id = try #require(second["backup_id"].string)
        try test.run("backup", "restore", id, "--only", "files/**/a.txt", "--target", elsewhere)
        #expect(try String(contentsOfFile: "\(elsewhere)/files\(tree)/a.txt", encoding: .utf8) == "a")
        try test.run("backup", "restore", id, "--only", "files/**/none", "--target", elsewhere, expect: 3)
    }

    @Test func inPlainTextItIsATarOrTheFilesThatFit() throws {
        let id = try fill()
        let path = test.folder.appending(path: "plain.tar").path(percentEncoded: false)
        let report = try test.json("backup", "export", id, "-o", path)
        #expect(report["ok"].bool == true && report["path"].string == path)
        try test.run("backup", "export", id, "-o", path, expect: 1)  // nothing is overwritten
        let listing = try Process.output("/bin/tar", "tf", path)
        #expect(listing.contains("records/tasks.jsonl") && listing.contains("database/ai-team.sqlite"))
        try test.run("backup", "restore", id, "--only", "documents/**", "--target", elsewhere)
        let files = FileManager.default.enumerator(atPath: elsewhere)?.compactMap { $0 as? String } ?? []
        #expect(files.sorted() == ["documents", "documents/筆記 📝.md"])
        try test.run("backup", "restore", id, "--only", "nothing", "--target", elsewhere, expect: 3)
        let plan = try test.json(
            "backup", "restore", id, "--only", "documents/**", "--only", "tasks", "--target", elsewhere + "2",
            "--dry-run")
        #expect(plan["checked"].int == 2 && plan["dry_run"].bool == true)
        #expect(!FileManager.default.fileExists(atPath: elsewhere + "2"))
        try test.run("backup", "restore", id, "--only", "documents/**", "--target", test.home, expect: 5)
        try test.run("backup", "restore", id, "--only", "documents/**", expect: 64)
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: test.home).allSatisfy { !$0.hasPrefix(".") })
    }

    @Test func oneTaskOneProjectOneTableOrOneDocument() throws {
        let project = try #require(try test.json("create-project", "電商平台")["id"].string)
        let mine = try #require(try test.json("create-task", "mine", "--project", project)["id"].string)
        let other = try #require(try test.json("create-task", "other")["id"].string)
        try test.run("tasks", "comment", mine, "a word")
        let file = try test.file("note.md", Data("text".utf8))
        try test.run("kb", "upload", file)
        let document = try #require(try test.json("kb", "list")[0]["id"].string)
        let id = try #require(try test.json("backup", "create")["backup_id"].string)
        try test.run("tasks", "delete", mine, "--purge", "--yes")
        func restored(_ only: String) throws -> [String: String] {
            let target = test.folder.appending(path: "only-\(only)").path(percentEncoded: false)
            try test.run("backup", "restore", id, "--only", only, "--target", target)
            let names = FileManager.default.enumerator(atPath: target)?.compactMap { $0 as? String } ?? []
            var found: [String: String] = [:]
            for name in names where name.contains(".") {
                found[name] = try String(contentsOfFile: "\(target)/\(name)", encoding: .utf8)
            }
            return found
        }
        let task = try restored(mine)
        #expect(task.keys.sorted() == ["records/comments.jsonl", "records/tasks.jsonl"])
        let lines = task["records/tasks.jsonl"]?.split(separator: "\n") ?? []
        #expect(lines.count == 1 && lines[0].contains(mine))
        #expect(task["records/comments.jsonl"]?.contains("a word") == true)
        #expect(try restored(String(other.suffix(6))).keys.sorted() == ["records/tasks.jsonl"])
        let whole = try restored(project)
        #expect(
            whole.keys.sorted() == [
                "records/comments.jsonl", "records/projects.jsonl", "records/tasks.jsonl",
            ])
        #expect(whole["records/tasks.jsonl"] == task["records/tasks.jsonl"])
        #expect(try restored("tasks")["records/tasks.jsonl"]?.split(separator: "\n").count == 2)
        #expect(try restored(document) == ["documents/note.md": "text"])
        // What came out goes into a vault; not into this one, where it was purged for good.
        let tasks = test.folder.appending(path: "only-\(mine)/records/tasks.jsonl")
        let another = try TestHome()
        try another.run("tasks", "import", tasks.path(percentEncoded: false))
        #expect(try another.json("tasks", "show", mine)["title"].string == "mine")
        let shared = String(mine.dropLast(20))
        #expect(other.hasPrefix(shared))
        let error = try test.error(
            "backup", "restore", id, "--only", shared, "--target", elsewhere, expect: 3)
        #expect(error["code"].string == "ambiguous_id" && error["hint"].string?.contains(other) == true)
    }

    @Test func aDryRunLooksWhetherPacksAreThere() throws {
        let id = try fill()
        let plan = try test.json("backup", "restore", id, "--target", elsewhere, "--dry-run")
        #expect(plan["ok"].bool == true && plan["replaces"].bool == false && plan["dry_run"].bool == true)
        #expect(plan["parts"]["documents"]["items"].int == 1 && (plan["pack_bytes"].int ?? 0) > 0)
        #expect(!FileManager.default.fileExists(atPath: elsewhere))
        let packs = test.home + "/data/backups/p"
        let names = FileManager.default.enumerator(atPath: packs)?.compactMap { $0 as? String } ?? []
        let pack = try #require(names.first { $0.utf8.count > 20 })
        let handle = try FileHandle(forWritingTo: URL(filePath: packs + "/" + pack))
        try handle.truncate(atOffset: 100)
        try handle.close()
        let bad = try test.run("backup", "restore", id, "--dry-run", "--json", expect: 6).json()
        #expect(bad["ok"].bool == false && bad["failed"][0]["reason"].string?.contains("100") == true)
        #expect(try test.run("backup", "restore", id, "--dry-run", expect: 6).text.contains("NOT all"))
    }

    @Test func whatIsWrongIsNamedAndLeavesTheHomeAsItWas() throws {
        let id = try fill()
        let before = try tasks()
        let packs = test.home + "/data/backups/p"
        let pack = try #require(
            FileManager.default.enumerator(atPath: packs)?.compactMap { $0 as? String }
                .first { $0.contains("/") })
        let url = URL(filePath: packs + "/" + pack)
        var bytes = try Data(contentsOf: url)
        bytes[1000] ^= 1
        try bytes.write(to: url)
        let verified = try test.run("backup", "verify", "--data", "--json", expect: 6).json()
        #expect(verified["ok"].bool == false)
        #expect(verified["failed"][0]["object"].string?.hasPrefix("pack ") == true)
        let refused = try test.error("backup", "restore", id, "--yes", expect: 6)
        #expect(refused["code"].string == "integrity_failure")
        #expect(try tasks() == before)
        #expect(try test.error("backup", "show", "zzzz", expect: 3)["code"].string == "not_found")
    }

    @Test func aStoreThatWasPutBackIsARollback() throws {
        _ = try fill()
        let kept = test.folder.appending(path: "kept").path(percentEncoded: false)
        try FileManager.default.copyItem(atPath: test.home + "/data/backups", toPath: kept)
        let second = try #require(try test.json("backup", "create")["backup_id"].string)
        try FileManager.default.removeItem(atPath: test.home + "/data/backups")
        try FileManager.default.copyItem(atPath: kept, toPath: test.home + "/data/backups")
        try test.run("backup", "list", expect: 6)
        try test.run("backup", "verify", expect: 6)
        #expect(try test.error("backup", "create", expect: 6)["code"].string == "rollback")
        try test.run("backup", "create", "--accept-rollback")
        try test.run("backup", "verify")
        #expect(try test.error("backup", "show", second, expect: 3)["code"].string == "not_found")
    }

    @Test func aLockedVaultHasNoBackups() throws {
        _ = try fill()
        let path = test.home + "/config/local.yaml"
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
        let kept = lines.filter { !$0.hasPrefix("key_file") }
        try Data(kept.joined(separator: "\n").utf8).write(to: URL(filePath: path))
        for words in [["list"], ["create"], ["verify"]] {
            let outcome = try Program.run(
                ["backup"] + words + ["--json"], environment: ["AI_TEAM_HOME": test.home], in: test.folder)
            #expect(outcome.status == 4)
        }
    }
}

extension Process {
    /// What a program prints.
    static func output(_ path: String, _ arguments: String...) throws -> String {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(filePath: path)
        process.arguments = arguments
        process.environment = ["LC_ALL": "C.UTF-8"]
        process.standardOutput = pipe
        try process.run()
        let bytes = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return String(decoding: bytes, as: UTF8.self)
    }
}
