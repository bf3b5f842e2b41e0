import Foundation
import TestSupport
import Testing

/// `sync …` as two machines use it: the second one was recovered from a backup in the same bucket.
@Suite("Two machines that sync") struct SyncEndToEndTests {
    let first: TestHome
    private let bucket: String

    init() throws {
        first = try TestHome(["--name", "laptop"])
        bucket = "file://" + first.folder.appending(path: "bucket").path(percentEncoded: false)
        try first.run("create-task", "寫登入頁面")
        try first.run("sync", "remote", "set", bucket)
        try first.run("backup", "create")
        try first.run("backup", "cloud")
        let code = try first.file("code", Data((first.made["recovery_code"].string ?? "").utf8))
        try second(
            "init", "--recover", bucket, "--recovery-code-file", code, "--name", "server", "--yes",
            "--key-file", first.folder.appending(path: "second.key").path(percentEncoded: false))
    }

    /// Runs a command on the second machine.
    @discardableResult
    private func second(_ words: String..., expect status: Int32 = 0) throws -> JSON {
        let path = { (name: String) in first.folder.appending(path: name).path(percentEncoded: false) }
        let outcome = try Program.run(
            words + ["--home", path("second"), "--json"],
            environment: ["AI_TEAM_KEY_FILE": path("second.key")], in: first.folder)
        #expect(outcome.status == status, "\(words) \(outcome.errors)")
        return outcome.output.isEmpty ? JSON(nil) : try outcome.json()
    }

    private func titles(_ tasks: JSON) -> [String] { tasks.list.compactMap { $0["title"].string }.sorted() }

    @Test("Tasks travel both ways, and nothing is sent twice")
    func exchange() throws {
        try second("create-task", "review the page")
        #expect(try second("sync", "remote", "set", bucket)["pushed"].int == 1)
        #expect(try first.json("sync", "both")["pulled"].int == 1)
        try first.run("create-task", "third")
        let pushed = try first.json("sync", "push")
        #expect(pushed["pushed"].int == 1)
        #expect(pushed["requests"].int == 5)
        #expect(try second("sync", "pull")["pulled"].int == 1)
        let all = ["review the page", "third", "寫登入頁面"]
        #expect(titles(try first.json("list-tasks")) == all)
        #expect(titles(try second("list-tasks")) == all)
        try first.run("sync", "both")
        let idle = try first.json("sync", "both")
        #expect(idle["requests"].int == 1)
        #expect(idle["bytes_down"].int == 0)
        let status = try first.json("sync", "status")
        #expect(status["ahead"].int == 0)
        #expect(status["devices"].list.count == 1)
        #expect(status["last_push_at"].string != nil)
    }

    @Test("What was changed at the remote exits with 6, and the rest goes on")
    func damage() throws {
        try second("create-task", "from the second")
        try second("sync", "remote", "set", bucket)
        let segments = FileManager.default.enumerator(
            atPath: first.folder.appending(path: "bucket/sync/v1/s").path(percentEncoded: false))
        let theirs = try #require(
            (segments?.allObjects as? [String])?.filter { $0.hasSuffix("0000000000000001") }.max { a, b in
                modified(a) < modified(b)
            })
        let file = first.folder.appending(path: "bucket/sync/v1/s/\(theirs)")
        let honest = try Data(contentsOf: file)
        var changed = honest
        changed[changed.count - 1] ^= 1
        try changed.write(to: file)
        let error = try first.error("sync", "both", expect: 6)
        #expect(error["code"].string == "integrity_failure")
        #expect(titles(try first.json("list-tasks")) == ["寫登入頁面"])
        try honest.write(to: file)
        #expect(try first.json("sync", "both")["pulled"].int == 1)
        // What was wrong stays written down.
        #expect(try first.json("sync", "status")["alarms"].list.first?["kind"].string == "tampered")
    }

    @Test("An invited machine joins by the inviter's next sync, and has what was written")
    func invitation() throws {
        let key = first.folder.appending(path: "third.key").path(percentEncoded: false)
        let home = first.folder.appending(path: "third").path(percentEncoded: false)
        func third(_ words: String...) throws -> JSON {
            let outcome = try Program.run(
                words + ["--home", home, "--json"], environment: ["AI_TEAM_KEY_FILE": key],
                in: first.folder)
            #expect(outcome.status == 0, "\(words) \(outcome.errors)")
            return outcome.output.isEmpty ? JSON(nil) : try outcome.json()
        }
        let invited = try first.json("device", "invite", "--role", "writer", "--auto-approve")
        let token = try #require(invited["token"].string)
        let join = [
            "device", "join", token, "--remote", bucket, "--name", "third", "--key-file", key, "--no-wait",
        ]
        func ask() throws {
            let outcome = try Program.run(join + ["--home", home, "--json"], in: first.folder)
            #expect(outcome.status == 0, "\(outcome.errors)")
        }
        try ask()
        try first.run("sync", "both")
        try ask()
        #expect(try third("sync", "remote", "set", bucket)["pulled"].int == 1)
        #expect(titles(try third("list-tasks")) == ["寫登入頁面"])
        _ = try third("create-task", "from the third")
        #expect(try third("sync", "both")["pushed"].int == 1)
        #expect(try first.json("sync", "both")["pulled"].int == 1)
        #expect(titles(try first.json("list-tasks")) == ["from the third", "寫登入頁面"])
    }

    @Test("What both sides can't have is shown to both and settled by one")
    func conflict() throws {
        try second("sync", "remote", "set", bucket)
        let task = try #require(try first.json("list-tasks").list.first?["id"].string)
        try first.run("tasks", "delete", task, "--yes")
        try second("tasks", "update", task, "--title", "changed after deletion")
        try first.run("sync", "both")
        #expect(try second("sync", "both")["conflicts"].int == 1)
        #expect(try first.json("sync", "both")["conflicts"].int == 1)
        try first.run("sync", "conflicts", "--fail-on-conflict", expect: 5)
        let conflict = try #require(try first.json("sync", "conflicts").list.first)
        #expect(conflict["record_id"].string == task)
        #expect(conflict["id"].string == (try second("sync", "conflicts").list.first?["id"].string))
        try first.run("sync", "resolve", conflict["id"].string ?? "", "--take", "remote")
        try first.run("sync", "both")
        try second("sync", "both")
        #expect(titles(try first.json("list-tasks")) == ["changed after deletion"])
        #expect(titles(try second("list-tasks")) == ["changed after deletion"])
        #expect(try second("sync", "conflicts").list.isEmpty)
    }

    private func modified(_ path: String) -> Date {
        let file = first.folder.appending(path: "bucket/sync/v1/s/\(path)")
        let values = try? file.resourceValues(forKeys: [.contentModificationDateKey])
        return values?.contentModificationDate ?? .distantPast
    }

    @Test("A remote that holds another vault gets nothing")
    func foreign() throws {
        let other = try TestHome(["--name", "other"])
        try other.run("create-task", "not for them")
        let error = try other.error("sync", "remote", "set", bucket, expect: 6)
        #expect(error["message"].string?.contains("another vault") == true)
        #expect(try other.json("sync", "status")["ahead"].int == 1)
    }
}
