import Foundation
import Testing

@Suite("Homes, keys and configuration") struct HomeTests {
    @Test("init prints what scripts need, and is refused on a home that exists")
    func initialise() throws {
        let home = try TestHome(["--mode", "hybrid", "--name", "laptop"])
        #expect(home.made.keys.isSuperset(of: ["vault_id", "device_id", "mode", "home", "recovery_code"]))
        #expect(home.made["mode"].string == "auto")
        #expect(home.made["device_id"].string?.contains(/^dev-[0-9a-hjkmnp-tv-z]{26}$/) == true)
        #expect(home.made["recovery_code"].string?.split(separator: "-").count == 14)
        #expect(try home.error("init", expect: 5)["code"].string == "conflict")
        for path in ["config/local.yaml", "keys/ring.a", "keys/ring.b", "data/database/ai-agent.db"] {
            #expect(FileManager.default.fileExists(atPath: "\(home.home)/\(path)"), "\(path)")
        }
        let attributes = try FileManager.default.attributesOfItem(atPath: home.keyFile)
        #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
    }

    @Test("Without a home commands exit 3, without a secret 4, with a wrong one 4")
    func refusals() throws {
        let home = try TestHome()
        let nowhere = home.folder.appending(path: "nowhere").path(percentEncoded: false)
        #expect(try home.error("list-tasks", "--home", nowhere, expect: 3)["code"].string == "not_found")
        let stranger = try TestHome()
        let wrong = try home.error("list-tasks", "--key-file", stranger.keyFile, expect: 4)
        #expect(wrong["code"].string == "wrong_key")
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: home.keyFile)
        try home.error("list-tasks", "--key-file", home.keyFile, expect: 4)
    }

    @Test("A passphrase vault: file, variable, agent, lock; and another passphrase")
    func passphrase() throws {
        let home = try TestHome()
        let old = try home.file("old", Data("correct horse battery\n".utf8))
        let new = try home.file("new", Data("staple of the horse\n".utf8))
        let path = home.folder.appending(path: "second").path(percentEncoded: false)
        func run(_ words: [String], _ environment: [String: String] = [:], expect: Int32 = 0) throws
            -> Program.Outcome
        {
            let outcome = try Program.run(
                words + ["--home", path, "--json"], environment: environment, in: home.folder)
            #expect(outcome.status == expect, "\(words) \(outcome.errors)")
            return outcome
        }
        _ = try run(["init", "--passphrase-file", old])
        #expect(try run(["list-tasks"], expect: 4).error()["code"].string == "locked")
        _ = try run(["list-tasks"], ["AI_TEAM_PASSPHRASE": "correct horse battery"])
        #expect(
            try run(["unlock", "--passphrase-file", new], expect: 4).error()["code"].string == "wrong_key")
        let unlocked = try run(["unlock", "--passphrase-file", old, "--for", "5m"]).json()
        #expect(unlocked["unlocked_until"].string != nil)
        _ = try run(["create-task", "with the agent"])
        #expect(try run(["status"]).json()["vault"]["locked"].bool == false)
        #expect(try run(["lock"]).json()["locked"].bool == true)
        _ = try run(["list-tasks"], expect: 4)
        #expect(try run(["status"]).json()["vault"]["locked"].bool == true)
        _ = try run(["key", "passphrase", "--passphrase-file", old, "--new-passphrase-file", new])
        _ = try run(["list-tasks", "--passphrase-file", old], expect: 4)
        #expect(try run(["list-tasks", "--passphrase-file", new]).json().list.count == 1)
    }

    @Test("Slots are added, listed and removed; the recovery code opens the vault")
    func slots() throws {
        let home = try TestHome()
        let code = try home.file("code", Data((home.made["recovery_code"].string ?? "").utf8))
        #expect(try home.json("key", "recovery", "test", "--recovery-code-file", code)["ok"].bool == true)
        try home.json("list-tasks", "--recovery-code-file", code)
        let split = try home.json(
            "key", "recovery", "split", "--threshold", "2", "--shares", "3", "--recovery-code-file", code)
        let shares = split["shares"].list.compactMap(\.string)
        let enough = try home.file("shares", Data("\(shares[2])\n\n\(shares[0])\n".utf8))
        try home.json("list-tasks", "--recovery-code-file", enough)
        let few = try home.file("few", Data("\(shares[1])\n".utf8))
        try home.error("list-tasks", "--recovery-code-file", few, expect: 4)
        let typo = try home.file("typo", Data("0000".utf8))
        try home.error("list-tasks", "--recovery-code-file", typo, expect: 4)
        let second = home.folder.appending(path: "second.key").path(percentEncoded: false)
        let added = try home.json("key", "slots", "add", "--new-key-file", second)
        let id = try #require(added[0]["id"].string)
        try home.json("list-tasks", "--key-file", second)
        #expect(try home.json("key", "slots").list.count == 3)
        try home.error("key", "slots", "remove", id, expect: 5)
        try home.json("key", "slots", "remove", id, "--yes")
        try home.error("list-tasks", "--key-file", second, expect: 4)
        let status = try home.json("key", "status")
        #expect(
            status.keys.isSuperset(of: [
                "epoch", "created_at", "algorithm", "pages_remaining", "objects_remaining", "slots",
            ]))
        #expect(status["epoch"].int == 2)
        try home.json("list-tasks")
    }

    @Test("One damaged copy of the ring does not matter, two are an integrity failure")
    func damagedRing() throws {
        let home = try TestHome()
        func damage(_ name: String, at part: Int = 2) throws {
            let url = URL(filePath: "\(home.home)/keys/\(name)")
            var bytes = try Data(contentsOf: url)
            bytes[bytes.count / part] ^= 1
            try bytes.write(to: url)
        }
        try damage("ring.a")
        try home.json("list-tasks")
        try damage("ring.a", at: 3)
        try damage("ring.b")
        #expect(try home.error("list-tasks", expect: 6)["code"].string == "integrity_failure")
    }

    @Test("Configuration: shown with its source, set, and guarded when edited from outside")
    func configuration() throws {
        let home = try TestHome()
        #expect(try home.json("config")["mode"]["value"].string == "local")
        #expect(try home.json("config", "--mode", "auto")["mode"]["value"].string == "auto")
        #expect(try home.json("config", "mode")["mode"]["source"].string == "config/local.yaml")
        #expect(try home.json("--mode", "cloud", "config")["mode"]["value"].string == "cloud")
        try home.json("config", "backup.local.retention", "60_days")
        #expect(try home.json("config", "backup")["backup.local.retention"]["value"].string == "60_days")
        try home.error("config", "no.such.key", expect: 3)
        try home.error("config", "--mode", "sideways", expect: 64)
        let local = URL(filePath: "\(home.home)/config/local.yaml")
        let edited = try String(contentsOf: local, encoding: .utf8) + "hooks:\n  before_backup: curl evil\n"
        try Data(edited.utf8).write(to: local)
        #expect(try home.error("list-tasks", expect: 5)["code"].string == "guard")
        #expect(try home.json("config", "confirm")["confirmed"].list.count == 1)
        try home.json("list-tasks")
    }

    @Test("status works locked, doctor checks, stats counts")
    func reports() throws {
        let home = try TestHome()
        try home.json("create-task", "x")
        let status = try home.json("status")
        #expect(status.keys.isSuperset(of: ["running", "pid", "url", "mode", "vault", "sync", "backup"]))
        #expect(status["vault"].keys.isSuperset(of: ["locked", "epoch", "database_bytes"]))
        #expect(status["sync"].keys.isSuperset(of: ["remote", "ahead", "behind", "conflicts"]))
        #expect(status["backup"].keys.isSuperset(of: ["count", "last_local_at", "last_cloud_at"]))
        let checks = try home.json("doctor")["checks"].list
        #expect(checks.count > 4)
        #expect(
            checks.allSatisfy { $0.keys.isSuperset(of: ["name", "ok", "detail"]) && $0["ok"].bool == true })
        let stats = try home.json("stats")
        #expect(
            stats.keys.isSuperset(of: [
                "tasks", "documents", "vectors", "backups", "sync", "agents", "storage",
            ]))
        #expect(stats["tasks"]["total"].int == 1)
        #expect(try home.json("agent", "list").list.count == 12)
        #expect(try home.json("agent", "status", "agent-qa")["id"].string == "qa")
        try home.error("agent", "status", "nobody", expect: 3)
        try home.json("logs", "--tail", "5")
    }

    @Test("doctor names a flipped byte of the database and exits 6")
    func flippedByte() throws {
        let home = try TestHome()
        try home.json("create-task", "x")
        let url = URL(filePath: "\(home.home)/data/database/ai-agent.db")
        var bytes = try Data(contentsOf: url)
        bytes[bytes.count - 2000] ^= 0x10
        try bytes.write(to: url)
        let outcome = try home.run("doctor", "--json", expect: 6)
        let failed = try outcome.json()["checks"].list.filter { $0["ok"].bool == false }
        #expect(!failed.isEmpty)
    }
}
