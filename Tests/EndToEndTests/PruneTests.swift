import Foundation
import Testing

/// `backup prune` as a person uses it.
@Suite struct PruneTests {
    let test: TestHome

    init() throws { test = try TestHome() }

    private func fill(_ count: Int) throws -> [String] {
        try (0..<count).map { number in
            try test.run("create-task", "task \(number)")
            return try #require(
                try test.json("backup", "create", "--tag", "n\(number)")["backup_id"].string)
        }
    }

    private func ids() throws -> [String] {
        try test.json("backup", "list").list.compactMap { $0["id"].string }
    }

    @Test func itShowsAsksAndRemoves() throws {
        let made = try fill(4)
        let plan = try test.json("backup", "prune", "--keep-last", "2", "--dry-run")
        #expect(plan["dry_run"].bool == true && plan["policy"].string == "keep-last 2")
        #expect(plan["removed"].list.compactMap { $0["id"].string } == Array(made[..<2]))
        #expect(plan["kept"][0]["reasons"][0].string == "last" && plan["bytes"].int != nil)
        #expect(try ids() == made)
        let said = try test.run("backup", "prune", "--keep-last", "2", "--dry-run").text
        #expect(said.contains("would remove 2 backups of 4"))
        #expect(try test.error("backup", "prune", "--keep-last", "2", expect: 5)["code"].string == "guard")
        let done = try test.json("backup", "prune", "--keep-last", "2", "--yes")
        #expect(done["dry_run"].bool == false && done["removed"].list.count == 2)
        #expect(try ids() == Array(made[2...]))
        #expect(try test.json("backup", "verify", "--data")["ok"].bool == true)
        // What nothing goes of needs no word.
        #expect(try test.json("backup", "prune", "--keep-tag", "n2")["removed"].list.isEmpty)
    }

    @Test func theConfigurationsRulesCountOnceConfirmed() throws {
        let made = try fill(3)
        // All of one day: daily for 30 days keeps the last.
        let plan = try test.json("backup", "prune", "--dry-run")
        #expect(plan["policy"].string == "keep-daily 30" && plan["kept"].list.count == 1)
        let path = test.home + "/config/sync.yaml"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        try Data(text.replacing("30_days", with: "3_days").utf8).write(to: URL(filePath: path))
        #expect(try test.error("backup", "prune", "--yes", expect: 5)["code"].string == "guard")
        #expect(try ids() == made)
        try test.run("config", "confirm")
        #expect(
            try test.json("backup", "prune", "--dry-run")["policy"].string == "keep-daily 3")
        // Rules that keep more need no word.
        try test.run("config", "backup.local.retention", "60_days")
        #expect(
            try test.json("backup", "prune", "--dry-run")["policy"].string == "keep-daily 60")
        #expect(try test.json("backup", "prune", "--yes")["removed"].list.count == 2)
    }

    @Test func mostBackupsNeedAnExtraWordAndBadRulesAreUsage() throws {
        _ = try fill(5)
        let refused = try test.error("backup", "prune", "--keep-last", "1", "--yes", expect: 5)
        #expect(refused["hint"].string?.contains("--allow-mass-deletion") == true)
        try test.run("backup", "prune", "--keep-last", "-1", expect: 64)
        try test.run("backup", "prune", "--keep-last", "0", "--yes", expect: 5)
        try test.run("backup", "prune", "--keep-last", "1", "--yes", "--allow-mass-deletion")
        #expect(try ids().count == 1)
    }
}
