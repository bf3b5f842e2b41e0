import Foundation
import TestSupport
import Testing

/// What `sync` shows and asks, on one machine with a directory for a remote.
@Suite("The commands of sync") struct SyncCommandTests {
    let test: TestHome
    let bucket: String

    init() throws {
        test = try TestHome(["--name", "laptop"])
        bucket = "file://" + test.folder.appending(path: "bucket").path(percentEncoded: false)
        let lines = (1...20).map { #"{"title":"task \#($0)"}"# }.joined(separator: "\n")
        try test.run("tasks", "import", "-", input: lines)
        try test.run("sync", "remote", "set", bucket)
    }

    @Test("--dry-run shows what a round would do, and does nothing")
    func dryRun() throws {
        try test.run("create-task", "one more")
        for _ in 0..<2 {
            let plan = try test.json("sync", "both", "--dry-run")
            #expect(plan["dry_run"].bool == true)
            #expect(plan["pushed"].int == 1 && plan["pulled"].int == 0)
            #expect(plan["push"]["records"]["tasks"].int == 1)
            #expect(plan["push"]["needs_allow_mass_delete"].bool == false)
            #expect(plan["pull"]["new_conflicts"].list.isEmpty)
        }
        let plan = try test.json("sync", "push", "--dry-run")
        let pushed = try test.json("sync", "push")
        #expect(pushed["pushed"].int == 1)
        // The head and the bell come on top of what a plan knows of.
        #expect(try #require(plan["bytes_up"].int) < #require(pushed["bytes_up"].int))
        #expect(try test.json("sync", "push", "--dry-run")["pushed"].int == 0)
    }

    @Test("status, stats and doctor say how the remote is")
    func overview() throws {
        try test.run("create-task", "waiting")
        let status = try test.json("status")["sync"]
        #expect(status["remote"].string == bucket && status["ahead"].int == 1 && status["behind"].int == 0)
        #expect(status["conflicts"].int == 0 && status["last_push_at"].string != nil)
        #expect(try test.json("stats")["sync"]["ahead"].int == 1)
        func remote(expect exit: Int32 = 0) throws -> JSON {
            let checks = try test.run("doctor", "--json", expect: exit).json()["checks"].list
            return try #require(checks.first { $0["name"].string == "remote" })
        }
        let fine = try remote()
        #expect(fine["ok"].bool == true && fine["detail"].string?.contains("has this vault") == true)
        // What a provider put back or took away is found, and fails authentication.
        let genesis = test.folder.appending(path: "bucket/sync/v1/g")
        let bytes = try Data(contentsOf: genesis)
        try FileManager.default.removeItem(at: genesis)
        #expect(try remote(expect: 6)["ok"].bool == false)
        try bytes.write(to: genesis)
        #expect(try remote()["ok"].bool == true)
        // A locked vault says what its files say.
        let config = try String(contentsOfFile: test.home + "/config/local.yaml", encoding: .utf8)
        let bare = config.split(separator: "\n").filter { !$0.hasPrefix("key_file") }.joined(separator: "\n")
        try Data(bare.utf8).write(to: URL(filePath: test.home + "/config/local.yaml"))
        let locked = try Program.run(
            ["status", "--json"], environment: ["AI_TEAM_HOME": test.home], in: test.folder)
        #expect(locked.status == 0)
        #expect(try locked.json()["sync"]["remote"].string == bucket)
        #expect(try locked.json()["sync"]["ahead"].int == nil)
    }

    @Test("sync schedule writes timers with numbers, lists and removes them")
    func schedule() throws {
        let config = test.folder.appending(path: "xdg").path(percentEncoded: false)
        func schedule(_ words: String..., expect status: Int32 = 0) throws -> Program.Outcome {
            let outcome = try Program.run(
                ["sync", "schedule"] + words + ["--json"],
                environment: ["AI_TEAM_HOME": test.home, "XDG_CONFIG_HOME": config], in: test.folder)
            #expect(outcome.status == status, "\(outcome.errors)")
            return outcome
        }
        let hourly = try schedule("--cron", "0 * * * *", "--using", "systemd").json()
        let evening = try schedule(
            "--cron", "0 18 * * *", "--tz", "Asia/Taipei", "--using", "systemd"
        ).json()
        #expect(hourly["number"].int == 1 && evening["number"].int == 2)
        let name = try #require(evening["name"].string)
        let timer = try String(contentsOfFile: "\(config)/systemd/user/\(name).timer", encoding: .utf8)
        #expect(timer.contains("OnCalendar=*-*-* 18:00:00 Asia/Taipei\n"))
        let service = try String(contentsOfFile: "\(config)/systemd/user/\(name).service", encoding: .utf8)
        #expect(service.contains("\"sync\" \"both\""))
        #expect(try schedule("--list").json().list.map { $0["number"].int } == [1, 2])
        #expect(try schedule("--list").json()[0]["this_home"].bool == true)
        _ = try schedule("--remove", "1")
        _ = try schedule("--remove", "1", expect: 3)
        #expect(try schedule("--list").json().list.map { $0["number"].int } == [2])
        #expect(try schedule("--cron", "@hourly", "--using", "systemd").json()["number"].int == 1)
        _ = try schedule("--cron", "0 * * * *", "--list", expect: 64)
        // What the timer runs works.
        let line = try schedule("--cron", "0 * * * *", "--using", "cron", "--print").json()
        let words = try #require(line["commands"][0].string).split(separator: " ").map(String.init)
        let run = try Program.run(Array(words.dropFirst()), in: test.folder)
        #expect(run.status == 0, "\(run.errors)")
    }

    @Test("Many deletions need --allow-mass-delete")
    func massDeletion() throws {
        for task in try test.json("list-tasks").list.prefix(11) {
            try test.run("tasks", "delete", task["id"].string ?? "", "--yes")
        }
        let plan = try test.json("sync", "push", "--dry-run")
        #expect(plan["push"]["deletes"]["tasks"].int == 11)
        #expect(plan["push"]["needs_allow_mass_delete"].bool == true)
        let error = try test.error("sync", "push", expect: 5)
        #expect(error["code"].string == "guard")
        #expect(error["message"].string?.contains("11 of 20 tasks") == true)
        #expect(try test.json("sync", "push", "--allow-mass-delete")["pushed"].int == 1)
    }
}
