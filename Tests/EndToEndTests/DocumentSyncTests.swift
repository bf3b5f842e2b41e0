import Foundation
import TestSupport
import Testing

/// Documents on two machines that meet in a bucket; the second one was recovered from a backup there.
@Suite("Two machines that share documents") struct DocumentSyncEndToEndTests {
    let first: TestHome
    private let bucket: String

    init() throws {
        first = try TestHome(["--name", "laptop"])
        bucket = "file://" + first.folder.appending(path: "bucket").path(percentEncoded: false)
        try first.run("sync", "remote", "set", bucket)
        try first.run("backup", "create")
        try first.run("backup", "cloud")
        let code = try first.file("code", Data((first.made["recovery_code"].string ?? "").utf8))
        try second(
            "init", "--recover", bucket, "--recovery-code-file", code, "--name", "server", "--yes",
            "--key-file", first.folder.appending(path: "second.key").path(percentEncoded: false))
        try second("sync", "remote", "set", bucket)
        try first.run("sync", "both")
    }

    /// Runs a command on the second machine.
    @discardableResult
    private func second(_ words: String..., expect status: Int32 = 0) throws -> JSON {
        let outcome = try outcome(words + ["--json"])
        #expect(outcome.status == status, "\(words) \(outcome.errors)")
        return outcome.output.isEmpty ? JSON(nil) : try outcome.json()
    }

    private func outcome(_ words: [String]) throws -> Program.Outcome {
        let path = { (name: String) in first.folder.appending(path: name).path(percentEncoded: false) }
        return try Program.run(
            words + ["--home", path("second")], environment: ["AI_TEAM_KEY_FILE": path("second.key")],
            in: first.folder)
    }

    /// What a command prints there for people.
    private func text(_ words: String...) throws -> String {
        String(decoding: try outcome(words).output, as: UTF8.self)
    }

    private func upload(_ name: String, _ text: String) throws -> String {
        let path = try first.file(name, Data(text.utf8))
        let report = try first.json("kb", "upload", path)
        return try #require(report["uploaded"].list.first?["id"].string)
    }

    @Test("What one uploads the other reads, lists and exports")
    func exchange() throws {
        let found = { try self.second("kb", "search", "計画")["results"].list.map { $0["document_id"].string } }
        #expect(try found().isEmpty)
        let id = try upload("plan.md", "# 計畫\n\nAPI Gateway\n")
        let sent = try first.json("sync", "push")
        #expect(sent["contents_sent"].int == 1 && sent["pushed"].int == 1)
        #expect(try second("sync", "pull")["contents_got"].int == 1)
        #expect(try text("kb", "get", id) == "# 計畫\n\nAPI Gateway\n")
        #expect(try found() == [id])
        #expect(try second("kb", "list").list.first?["is_here"].bool == true)
        #expect(try first.json("sync", "both")["requests"].int ?? 0 <= 4)
        #expect(try first.json("sync", "both")["requests"].int == 1)
        try first.run("kb", "delete", id, "--purge", "--yes")
        try first.run("sync", "push")
        try second("sync", "pull")
        #expect(try found().isEmpty)
        #expect(try second("stats")["documents"]["chunks"].int == 0)
    }

    @Test("Where contents wait to be asked for, commands say so and get them if the mode lets them")
    func lazy() throws {
        try second("config", "sync_config.blobs", "lazy")
        let id = try upload("plan.md", "content\n")
        try first.run("sync", "push")
        #expect(try second("sync", "pull")["contents_got"].int == 0)
        #expect(try second("sync", "status")["contents_missing"].int == 1)
        #expect(try second("kb", "list").list.first?["is_here"].bool == false)
        #expect(try second("kb", "show", id)["is_here"].bool == false)
        #expect(try second("kb", "search", "content")["results"].list.isEmpty)
        let refused = try outcome(["kb", "get", id])
        #expect(refused.status == 3 && refused.errors.contains("not on this device yet"))
        // A backup has what is here, and says what it lacks; nothing is wrong with it.
        let backup = try outcome(["backup", "create"])
        #expect(backup.status == 0 && backup.errors.contains("not in this backup"), "\(backup.errors)")
        try second("backup", "verify", "--data")
        try second("doctor")
        let left = try outcome(["kb", "export", first.folder.appending(path: "out").path()])
        #expect(left.status == 1 && left.errors.contains(id))
        #expect(try text("--mode", "auto", "kb", "get", id) == "content\n")
        #expect(try second("kb", "show", id)["is_here"].bool == true)
        #expect(try second("kb", "search", "content")["results"].list.count == 1)
        // Nothing is asked of the remote for what is here.
        #expect(try text("kb", "get", id) == "content\n")
    }

    @Test("What both sides changed is shown with what it was, and one settles it for all")
    func conflict() throws {
        let path = try first.file("plan.md", Data("one\ntwo\nthree\n".utf8))
        let id = try upload("plan.md", "one\ntwo\nthree\n")
        try first.run("sync", "both")
        try second("sync", "both")
        _ = try upload("plan.md", "ONE\ntwo\nthree\n")
        _ = try first.file("plan.md", Data("one\ntwo\nTHREE\u{1B}[2J\n".utf8))
        try second("kb", "upload", path)
        try first.run("sync", "both")
        #expect(try second("sync", "both")["conflicts"].int == 1)
        let conflict = try #require(try second("sync", "conflicts").list.first)
        #expect(conflict["record_id"].string == id && conflict["kind"].string == "versions")
        let shown = try text("sync", "conflicts", conflict["id"].string ?? "")
        // What a member wrote does nothing to the terminal.
        #expect(shown.contains("    ONE\n    two\n    THREE\u{FFFD}[2J\n"), "\(shown)")
        try second("sync", "resolve", conflict["id"].string ?? "", "--take", "merged")
        try second("sync", "both")
        try first.run("sync", "both")
        #expect(try first.json("sync", "conflicts").list.isEmpty)
        let merged = String(decoding: try first.run("kb", "get", id).output, as: UTF8.self)
        #expect(merged == "ONE\ntwo\nTHREE\u{1B}[2J\n")
    }

    @Test("A setting that means nothing is refused")
    func setting() throws {
        let error = try first.error("config", "sync_config.blobs", "sometimes", expect: 64)
        #expect(error["message"].string?.contains("sync_config.blobs") == true)
    }
}
