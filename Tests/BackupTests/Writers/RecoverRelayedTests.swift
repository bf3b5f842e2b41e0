import Backup
import FileSystem
import KeyRing
import TestSupport
import Testing
import Vault

/// scripts/recover.py on backups by a machine without keys.
@Suite struct RecoverRelayedTests {
    private let scene: WriterScene

    init() throws {
        scene = try WriterScene()
        try scene.fill(tasks: 200)
        put(Array(scene.living.code.reveal().utf8), scene.path("code"))
    }

    private func recover(_ store: String, to name: String = "out") throws -> Ended {
        run(
            try ProjectPython.interpreter(),
            [
                ProjectPython.root + "/scripts/recover.py", "--backups", store, "--code-file",
                scene.path("code"), "--to", scene.path(name),
            ])
    }

    @Test func tasksAndDocumentsComeBack() throws {
        put(Array("# 使用手冊\n".utf8), scene.path("手冊 📖.md"))
        try scene.use { try scene.living.upload("手冊 📖.md", to: $0) }
        try scene.offer()
        try scene.upload()
        // The second one adds a delta of the page map.
        try scene.fill(tasks: 3, document: "b.bin", seed: 9)
        try scene.offer(time: 1_700_000_000_500)
        let made = try scene.upload(time: 1_700_000_002_000)
        let ended = try recover(scene.uploader.backupsDirectory)
        #expect(ended.status == 0, "\(ended.output)")
        scene.deliver()
        let exported = scene.living.scratch.directory("exported")
        #expect(try scene.backups.export(made.id, to: .directory(exported)).failures.isEmpty)
        let difference = run("/usr/bin/diff", "-r", exported + "/documents", scene.path("out/documents"))
        #expect(difference.status == 0, "\(difference.output)")
        let lines = { (path: String) in contents(path)?.split(separator: UInt8(ascii: "\n")).count }
        #expect(lines(scene.path("out/tasks.jsonl")) == 203)
        #expect(lines(exported + "/records/tasks.jsonl") == 203)
    }

    /// A35 and a statement that was changed; the twin is an honest forger.
    @Test(arguments: ["none", "mixed", "statement", "files"]) func whatNobodyVouchedForIsRefused(
        _ attack: String
    ) throws {
        try scene.offer()
        let old = scene.path("old")
        _ = run("/bin/cp", "-r", scene.spool, old)
        try scene.fill(tasks: 20, document: "b.bin", seed: 9)
        try scene.offer(time: 1_700_000_000_500)
        let (new, former) = (try OfferedState(in: scene.spool), try OfferedState(in: old))
        var statement = new.offer.statement
        if attack == "statement" { statement.time += 1 }
        var differing: [UInt32: PageVersion] = [:]
        try former.pages().versions { differing[$0] = $1 }
        try new.pages().versions { if differing[$0] == $1 { differing[$0] = nil } }
        let swapped = try #require(differing.keys.sorted().last)
        let mixed = try MixedPages(new: new.pages(), old: former.pages()) {
            attack == "mixed" && $0 == swapped
        }
        let (store, _) = try scene.forge(mixed, files: attack == "files" ? former : new, statement)
        let ended = try recover(store)
        let reason: String
        switch attack {
        case "mixed": reason = "its pages are not those that a member vouched for"
        case "statement": reason = "not authentic"
        case "files": reason = "its documents are not those that a member vouched for"
        default: return #expect(ended.status == 0, "\(ended.output)")
        }
        #expect(ended.status != 0 && ended.output.contains(reason), "\(ended.output)")
        #expect(try !Files.exists(scene.path("out/documents/b.bin")))
    }
}
