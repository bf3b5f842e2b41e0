import Backup
import Cryptography
import KeyRing
import Testing
import Vault

@Suite struct BackupExportTests {
    let fixture: OutsideFixture
    let keys: UnlockedKeys
    let home: Home
    let vault: Vault

    init() throws {
        fixture = try OutsideFixture()
        home = Home(path: fixture.scratch.path + "/home")
        try home.makeLayout()
        keys = try KeyRing.create(
            in: home.keysDirectory, name: "test",
            secret: .keyFile(SecretBytes(copying: Array(repeating: 5, count: 32))), time: 1
        ).keys
        vault = try Vault.create(home: home, keys: keys)
        for i in 0..<120 { try vault.write { _ = try $0.createTask(TaskDraft(title: "task \(i) 任務")) } }
        try vault.write { tx in
            let id = try tx.tasks().items[0].id
            _ = try tx.comment("a comment", on: id)
            _ = try tx.deleteTask(try tx.tasks().items[1].id)
            try tx.log(LogDraft(.info, component: "test", "a line"))
        }
    }

    private func upload(_ name: String, _ content: String) throws {
        let directory = fixture.scratch.directory("documents")
        put(Array(content.utf8), directory + "/" + name)
        _ = try vault.upload([Array(name.utf8)], workingDirectory: Array(directory.utf8))
    }

    private func export(
        outside: OutsideReader? = nil, only: @escaping (RelativePath) -> Bool = { _ in true }
    ) throws -> (archive: String, result: ExportResult) {
        var bytes: [UInt8] = []
        let result = try BackupExport.write(
            vault, keys: keys, scratch: home.path + "/run/export", outside: outside, only: only,
            modified: 1_700_000_000_000_000_000, to: ExportArchive { bytes += $0 })
        put(bytes, fixture.scratch.path + "/export.tar")
        return (fixture.scratch.path + "/export.tar", result)
    }

    private func extract(_ archive: String) -> String {
        let target = fixture.scratch.directory("extracted")
        let ended = run("/bin/tar", "-xf", archive, "-C", target)
        #expect(ended.status == 0 && ended.output.isEmpty, "\(ended.output)")
        return target
    }

    @Test func gnuTarListsAndExtractsEverything() throws {
        try upload("a.md", "first")
        try upload("a.md", "second")
        try upload("A.md", "other case")
        fixture.shell("printf out > o; ln -s o l; mkdir d; chmod 750 d")
        let outside = try fixture.reader(fixture.write())
        let (archive, result) = try export(outside: outside)
        #expect(result.failures.isEmpty)
        let names = Set(run("/bin/tar", "-tf", archive).output.split(separator: "\n").map(String.init))
        let id = try vault.read { try $0.documents().items.first { $0.version == 2 }?.id ?? "" }
        #expect(names.isSuperset(of: [
            "database/ai-team.sqlite", "records/tasks.jsonl", "records/history.jsonl", "documents/a.md",
            "documents/A (2).md", "documents/.versions/\(id)/1-a.md", "files\(fixture.source)/o",
        ]))
        let target = extract(archive)
        #expect(contents(target + "/documents/a.md") == Array("second".utf8))
        #expect(contents(target + "/documents/.versions/\(id)/1-a.md") == Array("first".utf8))
        #expect(contents(target + "/documents/A (2).md") == Array("other case".utf8))
        #expect(fixture.listing(target + "/files" + fixture.source) == fixture.listing(fixture.source))
    }

    @Test func anySQLiteOpensTheDatabase() throws {
        try upload("a.md", "first")
        let target = extract(try export().archive)
        let script = """
            import sqlite3, sys
            db = sqlite3.connect(sys.argv[1])
            def column(sql): return [row[0] for row in db.execute(sql)]
            print(column("PRAGMA integrity_check"), column("PRAGMA journal_mode"))
            print(column("SELECT name FROM sqlite_master WHERE type != 'table' AND name NOT GLOB 'sqlite_*'"))
            print(column("SELECT count(*) FROM document UNION ALL SELECT count(*) FROM log"))
            print('fts' in str(column("SELECT name FROM sqlite_master")))
            for r in db.execute("SELECT id, title, version FROM task ORDER BY row"): print(*r)
            """
        let ended = run("/usr/bin/env", "python3", "-c", script, target + "/database/ai-team.sqlite")
        let lines = ended.output.split(separator: "\n").map(String.init)
        #expect(lines.prefix(4) == ["['ok'] ['delete']", "[]", "[1, 1]", "False"])
        var expected: [String] = []
        var deleted = TaskFilter()
        deleted.deleted = true
        try vault.read { tx in
            for record in try tx.tasks().items + tx.tasks(deleted).items {
                expected.append("\(record.id) \(record.title) \(record.version)")
            }
        }
        #expect(Set(lines.dropFirst(4)) == Set(expected) && expected.count == 120)
    }

    @Test func recordsAreLinesOfJSON() throws {
        let target = extract(try export().archive)
        let script = """
            import json, sys
            for name in sys.argv[2:]:
                print(name, len([json.loads(line) for line in open(f'{sys.argv[1]}/records/{name}.jsonl')]))
            """
        let ended = run(
            "/usr/bin/env", "python3", "-c", script, target, "projects", "tasks", "comments", "documents",
            "logs")
        #expect(ended.output == "projects 0\ntasks 120\ncomments 1\ndocuments 0\nlogs 1\n")
        let history = String(decoding: contents(target + "/records/history.jsonl") ?? [], as: UTF8.self)
        #expect(history.split(separator: "\n").count == 122 && history.contains("\"collection\":\"comment\""))
    }

    @Test func nothingPlainStaysInTheHome() throws {
        try vault.write { _ = try $0.createTask(TaskDraft(title: "canary-51c7")) }
        let (archive, _) = try export()
        #expect(run("/bin/grep", "-c", "canary-51c7", archive).status == 0)
        #expect(run("/bin/grep", "-r", "canary-51c7", home.path).status == 1)
        #expect(run("/usr/bin/find", home.path + "/run").output == home.path + "/run\n")
    }

    @Test func aDamagedDocumentCostsItselfAlone() throws {
        try upload("a.md", "first")
        try upload("b.md", "second")
        let blobs = run("/usr/bin/find", home.documentsDirectory, "-type", "f", "-size", "+0").output
        let blob = try #require(blobs.split(separator: "\n").first)
        var bytes = try #require(contents(String(blob)))
        bytes[bytes.count / 2] ^= 1
        put(bytes, String(blob))
        let (archive, result) = try export()
        #expect(result.failures.count == 1)
        let documents = run("/bin/tar", "-tf", archive).output.split(separator: "\n")
            .filter { $0.hasPrefix("documents/") }
        #expect(documents.count == 1)
    }

    @Test func onlyWhatIsChosenAndIntoADirectory() throws {
        try upload("a.md", "first")
        let target = fixture.scratch.directory("chosen")
        let pattern = PathPattern("documents/*.md")
        let result = try BackupExport.write(
            vault, keys: keys, scratch: home.path + "/run/export", only: { pattern.matches($0.bytes) },
            modified: 0, to: ExportDirectory(target))
        #expect(result.files == 1 && contents(target + "/documents/a.md") == Array("first".utf8))
        #expect(run("/usr/bin/find", target, "-type", "f").output == target + "/documents/a.md\n")
    }
}
