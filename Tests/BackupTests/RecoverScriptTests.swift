import Backup
import Cryptography
import KeyRing
import TestSupport
import Testing
import Vault

/// scripts/recover.py, which knows docs/FORMAT.md and nothing of this program.
@Suite struct RecoverScriptTests {
    let made: RecoverableVault

    init() throws { made = try RecoverableVault() }

    private func addTasks() throws {
        _ = try made.vault.write { tx in
            let project = try tx.createProject(name: "ai-team", description: "")
            var first = TaskDraft(title: "登入模組 🚪")
            first.tags = ["安全", "p1"]
            first.metadata = ["cost": .integer(9_007_199_254_740_993), "nested": .array([.null, .bool(true)])]
            first.priority = .critical
            first.projectID = project.id
            first.deadline = Timestamp(milliseconds: 1_795_555_555_123)
            let door = try tx.createTask(first)
            var second = TaskDraft(title: "測試")
            second.dependencies = [door.id]
            second.links = [TaskLink(kind: .related, id: door.id)]
            second.description = "line one\nline \"two\" \u{1} \\ end"
            _ = try tx.createTask(second)
            _ = try tx.startTask(door.id, by: "backend-dev")
            _ = try tx.completeTask(door.id, output: "done ✓")
            _ = try tx.deleteTask(try tx.createTask(TaskDraft(title: "in the trash")).id)
            for i in 0..<300 { _ = try tx.createTask(TaskDraft(title: "task \(i)")) }
        }
    }

    @Test func tasksAndDocumentsComeBack() throws {
        try addTasks()
        try made.upload("手冊 📖.md", Array("# 使用手冊\n內容\n".utf8))
        try made.upload("empty.txt", [])
        try made.upload("big.txt", (0..<1_000_000).map { UInt8(ascii: "a") + UInt8($0 % 19) })
        try made.upload("noise.bin", (0..<300_000).map { _ in UInt8.random(in: 0...255) })
        try made.upload("twice.md", Array("first".utf8))
        try made.upload("twice.md", Array("second".utf8))
        try made.backUp()
        let ended = try made.recover()
        #expect(ended.status == 0, "\(ended.output)")
        #expect(try made.restoredTasks() == made.exportedTasks())
        #expect(try made.exportedTasks().count == 302)
        let exported = try made.exportedDocuments(made.backUp(time: 1_790_000_000_001))
        let difference = run("/usr/bin/diff", "-r", exported, made.scratch.path + "/out/documents")
        #expect(difference.status == 0, "\(difference.output)")
        #expect(made.restored("documents/twice.md") == Array("second".utf8))
        #expect(made.restored("documents/empty.txt") == [])
        let check = "sqlite3 out/database.sqlite 'SELECT count(*) FROM task; PRAGMA quick_check'"
        #expect(run("/bin/sh", "-c", check, in: made.scratch.path).output == "303\nok\n")
    }

    @Test func theNewestOrTheNamedBackupIsTaken() throws {
        let first = try made.backUp(time: 1_790_000_000_000)
        try addTasks()
        let second = try made.backUp(time: 1_790_000_000_001)
        let list = try made.recover("--list", to: nil).output
        #expect(list.contains(first) && list.contains(second))
        #expect(try made.recover().status == 0)
        #expect(try made.restoredTasks().count == 302)
        #expect(try made.recover("--backup", first, to: "first").status == 0)
        #expect(try made.restoredTasks(in: "first").isEmpty)
        #expect(try made.recover("--backup", "backup-none", to: "none").status == 3)
        #expect(try made.recover(to: "first").status == 64)
    }

    @Test func aCodeIsReadAsPeopleTypeItAndAWrongOneIsToldApart() throws {
        try made.backUp()
        let text = String(decoding: try #require(contents(made.code)), as: UTF8.self)
        let typed = text.uppercased().map { $0 == "0" ? "o" : $0 == "1" ? "L" : $0 == "-" ? " " : $0 }
        #expect(try made.recover(code: made.file("typed", String(typed) + "\n")).status == 0)
        let typo = (text.hasPrefix("2") ? "3" : "2") + text.dropFirst()
        let mistyped = try made.recover(to: "a", code: made.file("typo", typo))
        #expect(mistyped.status == 4 && mistyped.output.contains("typing error"))
        let other = try made.recover(to: "b", code: made.file("other", RecoveryCode.random().reveal()))
        #expect(other.status == 4 && other.output.contains("another vault"))
        #expect(try made.recover(to: "c", code: made.scratch.path + "/nowhere").status == 3)
    }

    @Test func anOlderCodeIsNamedAndANewOneOpensAllBackups() throws {
        let first = try made.backUp(time: 1_790_000_000_000)
        let old = try made.file("old", String(decoding: #require(contents(made.code)), as: UTF8.self))
        try made.newRecoveryCode()
        try addTasks()
        try made.backUp(time: 1_790_000_000_001)
        let ended = try made.recover()
        #expect(ended.status == 0, "\(ended.output)")
        #expect(try made.restoredTasks() == made.exportedTasks())
        #expect(try made.recover("--backup", first, to: "first").status == 0)
        let refused = try made.recover(to: "old", code: old)
        #expect(refused.status == 4 && refused.output.contains("newer recovery code"))
    }

    @Test func aDamagedPackIsNamed() throws {
        try made.upload("a.md", Array("text".utf8))
        try made.backUp()
        let pack = try made.onlyFile("p")
        var bytes = try #require(contents(pack))
        bytes[bytes.count / 2] ^= 1
        put(bytes, pack)
        let ended = try made.recover()
        let name = try #require(pack.split(separator: "/").last)
        #expect(ended.status == 6 && ended.output.contains("pack \(name) is damaged"))
        #expect(made.restored("database.sqlite") == nil && made.restored("tasks.jsonl") == nil)
        #expect(made.restored("documents/a.md") == nil)
    }

    @Test func aStrangersManifestIsRefusedAndTheRestComesBack() throws {
        try addTasks()
        try made.backUp()
        let stranger = try RecoverableVault()
        try stranger.backUp()
        let manifest = try stranger.onlyFile("m")
        let name = manifest.split(separator: "/").suffix(4).joined(separator: "/")
        _ = run("/bin/cp", "-r", stranger.home.backupsDirectory + "/.", made.home.backupsDirectory)
        let ended = try made.recover()
        #expect(ended.status == 6 && ended.output.contains("\(name): it is of another vault"))
        #expect(try made.restoredTasks() == made.exportedTasks())
    }

    /// A member's place in the store, but nobody's signature.
    @Test func aManifestThatNobodySignedIsRefused() throws {
        try made.backUp()
        let manifest = try made.onlyFile("m")
        var bytes = try #require(contents(manifest))
        bytes[107] ^= 1  // the time
        put(bytes, manifest)
        let ended = try made.recover()
        #expect(ended.status == 6 && ended.output.contains("not authentic"))
        #expect(made.restored("tasks.jsonl") == nil)
    }

    /// A31: the provider builds a vault of its own around recovery public keys that it has seen.
    @Test func aVaultBuiltAroundTheRecoveryKeysIsRefused() throws {
        let bytes = [UInt8](repeating: 77, count: 32)
        let holder = try RecoveryHolder(code: bytes)
        let forged = try ForgedGenesis(around: holder)
        let forger = try SigningKey(seed: .random(count: 32))
        let code = try made.file("code-77", RecoveryCode(bytes: bytes).reveal())
        func recover(_ genesis: [UInt8]) throws -> Ended {
            _ = run("/bin/rm", "-rf", made.home.backupsDirectory)
            let store = BackupStore(made.home.backupsDirectory)
            try store.prepare()
            var random = Seeded(1)
            let manifest = try Manifest(
                id: random.bytes(16), body: sampleBody(&random), packs: [], previous: nil, created: 1,
                keys: FakeKeys(roster: [genesis]))
            try store.add(manifest)
            return try made.recover(code: code)
        }
        let bare = try recover(forged.uncountersigned)
        #expect(bare.status == 6 && bare.output.contains("never signed this vault"))
        let wrong = try recover(forged.countersigned(for: holder, with: forger))
        #expect(wrong.status == 6 && wrong.output.contains("InvalidSignature"))
        // The twin: with the holder's signature the chain counts, and only the manifest is nobody's.
        let honest = try recover(forged.countersigned(for: holder, with: holder.signing))
        #expect(honest.status == 6 && honest.output.contains("it is of another vault"))
    }

    @Test func namesCannotLeadOutOfTheDirectory() throws {
        let script = #"""
            import sys, types
            sys.path.insert(0, sys.argv[1])
            import recover
            names = [b"../../etc/passwd", b"/abs", b"a/../b", b"..", b"", b"nul\0", b"a", b"f", b"f/g", b"F",
                     b"\xff.md", b"x" * 300, b".versions", b".versions/old"]
            documents = [types.SimpleNamespace(id=b"doc-%02d" % i, version=1, name=name)
                         for i, name in enumerate(names)]
            documents.append(types.SimpleNamespace(id=b"doc-01", version=2, name=b"/abs"))
            for path, _ in recover.places(documents):
                print(repr(path.decode(errors="replace")))
            """#
        let ended = run(
            try ProjectPython.interpreter(),
            ["-c", script, ProjectPython.root + "/scripts"])
        #expect(ended.status == 0, "\(ended.output)")
        let paths = ended.output.split(separator: "\n").map { $0.dropFirst().dropLast() }
        #expect(Set(paths.map { $0.lowercased() }).count == 15)
        #expect(paths.allSatisfy { $0.hasPrefix("documents/") && !$0.split(separator: "/").contains("..") })
        for name in [
            "__/__/etc/passwd", "abs", ".versions/doc-01/1-abs", "a/__/b", "doc-04", "nul_", "a (2)", "f",
            "f (2)/g", "F (3)", ".versions (2)", ".versions (3)/old",
        ] {
            #expect(paths.contains("documents/\(name)"), "\(name) is not in \(ended.output)")
        }
    }
}
