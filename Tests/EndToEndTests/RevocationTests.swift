import Foundation
import Testing

/// `device revoke` on one machine, while the removed one goes on trying.
@Suite("Revoking devices") struct RevocationTests {
    let test: TestHome

    init() throws {
        test = try TestHome(["--name", "laptop"])
        try test.run("sync", "remote", "set", remote)
    }

    private func path(_ name: String) -> String {
        test.folder.appending(path: name).path(percentEncoded: false)
    }

    private var remote: String { "file://" + path("bucket") }

    /// Runs a command on another machine.
    @discardableResult
    private func run(
        on machine: String, _ words: String..., expect status: Int32 = 0,
        _ location: SourceLocation = #_sourceLocation
    ) throws -> Program.Outcome {
        let outcome = try Program.run(
            words + ["--json"],
            environment: ["AI_TEAM_HOME": path(machine), "AI_TEAM_KEY_FILE": path(machine + ".key")],
            in: test.folder)
        #expect(outcome.status == status, "\(machine) \(words): \(outcome.errors)", sourceLocation: location)
        return outcome
    }

    /// Lets a machine in; its device id.
    private func join(_ machine: String, as role: String = "writer") throws -> String {
        let token = try #require(
            test.json("device", "invite", "--role", role, "--remote", remote)["token"].string)
        let asked = try run(on: machine, "device", "join", token, "--no-wait", "--name", machine).json()
        try test.run("device", "approve", "--yes", "--remote", remote)
        try run(on: machine, "device", "join")
        try run(on: machine, "sync", "both")
        return try #require(asked["device_id"].string)
    }

    @Test func aRevokedDeviceIsOutAndItsKeyToTheStorageIsAskedFor() throws {
        let desk = try join("desk")
        try run(on: "desk", "create-task", "from the desk")
        try run(on: "desk", "sync", "both")
        // A dry run changes nothing, and without a word nothing happens.
        let dry = try test.json("device", "revoke", desk, "--dry-run")
        #expect(dry["dry_run"].bool == true && dry["removed"].bool == false && dry["epoch"].int == 2)
        #expect(try test.error("device", "revoke", desk, expect: 5)["code"].string == "guard")
        #expect(try test.json("device", "list").list.map { $0["status"].string } == ["active", "active"])
        let own = try #require(test.made["device_id"].string)
        #expect(try test.error("device", "revoke", own, "--yes", expect: 5)["code"].string == "guard")
        #expect(
            try test.error("device", "revoke", "dev-zzzzz", "--yes", expect: 3)["code"].string == "not_found")
        // Another process has the vault open all the while.
        let watching = try RunningProgram(
            ["sync", "auto", "--interval", "1s", "--home", test.home, "--key-file", test.keyFile, "--json"],
            in: test)
        defer { watching.send(SIGKILL) }
        let outcome = try test.run("device", "revoke", desk, "--yes", "--json", expect: 5)
        #expect(try outcome.error()["code"].string == "guard")
        let said = try outcome.json()
        #expect(said["removed"].bool == true && said["settled"].bool == true && said["epoch"].int == 2)
        #expect(said["still_knows"]["epochs"].list.map(\.int) == [1])
        #expect(said["credential_revoked"].bool == false)
        #expect(
            said["counts_until"].list.contains { $0["kind"].string == "segments" && $0["sequence"].int == 1 })
        #expect(try test.json("list-tasks").list.map { $0["title"].string } == ["from the desk"])
        #expect(try test.json("key", "status")["epoch"].int == 2)
        // It is asked for until somebody says that it was done.
        #expect(try doctor(expect: 1)["ok"].bool == false)
        try test.run("device", "revoke", desk, expect: 5)
        #expect(
            try test.json("device", "revoke", desk, "--credentials-revoked")["credential_revoked"].bool
                == true)
        #expect(try doctor()["ok"].bool == true)
        try test.run("device", "revoke", desk)
        // The removed device is told, and nothing of it gets in.
        try run(on: "desk", "create-task", "too late")
        let refused = try run(on: "desk", "sync", "both", expect: 7).error()
        #expect(refused["code"].string == "device_revoked")
        try test.run("sync", "both")
        #expect(try test.json("list-tasks").list.count == 1)
    }

    @Test func rolesAreGivenRefusedEarlyAndShown() throws {
        let desk = try join("desk")
        try run(on: "desk", "create-task", "as a writer")
        try run(on: "desk", "sync", "both")
        let given = try test.json("device", "role", desk, "agent", "--may", "task=write", "--yes")
        #expect(given["role"].string == "agent" && given["may"].string == "task=write")
        try run(on: "desk", "sync", "both")
        let id = try #require(run(on: "desk", "create-task", "as an agent").json()["id"].string)
        let refused = try run(on: "desk", "tasks", "delete", id, expect: 5).error()
        #expect(refused["code"].string == "guard" && refused["message"].string?.contains("agent") == true)
        try run(on: "desk", "create-project", "x", expect: 5)
        try run(on: "desk", "sync", "both")
        try test.run("sync", "both")
        #expect(try test.json("list-tasks").list.count == 2)
        try test.run("device", "role", desk, "reader", "--yes")
        try run(on: "desk", "sync", "both")
        try run(on: "desk", "create-task", "as a reader", expect: 5)
        #expect(try run(on: "desk", "list-tasks").json().list.count == 2)
        #expect(try test.json("device", "list")[1]["role"].string == "reader")
        #expect(
            try test.error("device", "role", desk, "writer", "--may", "task=write", expect: 64)["code"].string
                == "usage")
    }

    @Test func twoOfThreeOwnersRemoveTheThird() throws {
        let desk = try join("desk", as: "admin")
        let lost = try join("lost", as: "admin")
        try run(on: "desk", "sync", "both")
        let proposed = try test.json("device", "revoke", lost, "--yes")
        #expect(proposed["status"].string == "proposed" && proposed["expires_at"].string != nil)
        #expect(try test.json("device", "list").list.allSatisfy { $0["status"].string == "active" })
        // Not by who proposes, nor by whom it is about.
        try test.run("device", "cosign", "--yes", expect: 3)
        try run(on: "lost", "device", "cosign", "--yes", expect: 3)
        let done = try run(on: "desk", "device", "cosign", lost, "--yes", "--credentials-revoked").json()
        #expect(done["removed"].bool == true && done["epoch"].int == 2)
        try test.run("sync", "both")
        #expect(try test.json("key", "status")["epoch"].int == 2)
        #expect(try run(on: "lost", "sync", "both", expect: 7).error()["code"].string == "device_revoked")
        // Of the two that are left one is enough.
        try test.run("device", "role", desk, "writer", "--yes")
        #expect(try test.json("device", "list")[1]["role"].string == "writer")
    }

    /// Of three, one alone lets in no other and replaces no recovery code.
    @Test func twoOfThreeLetAFourthInAndReplaceTheRecoveryCode() throws {
        _ = try join("desk", as: "admin")
        _ = try join("third", as: "admin")
        try run(on: "desk", "sync", "both")
        let token = try #require(
            test.json("device", "invite", "--role", "admin", "--remote", remote)["token"].string)
        let asked = try run(on: "fourth", "device", "join", token, "--no-wait", "--name", "fourth").json()
        let fourth = try #require(asked["device_id"].string)
        let proposed = try test.json("device", "approve", "--yes", "--remote", remote)
        #expect(proposed["approved"].list.isEmpty)
        #expect(proposed["proposed"].list.map { $0["id"].string } == [fourth])
        #expect(try test.json("device", "list").list.count == 3)
        try test.run("device", "cosign", "--yes", expect: 3)
        try run(on: "desk", "device", "cosign", fourth, "--yes")
        try run(on: "fourth", "device", "join")
        try test.run("sync", "both")
        #expect(try test.json("device", "list").list.count == 4)
        #expect(try test.error("device", "role", fourth, "owner", expect: 5)["code"].string == "guard")

        let old = try test.file("old.txt", Data(#require(test.made["recovery_code"].string).utf8))
        let offered = try test.json("key", "recovery", "--yes")
        #expect(offered["status"].string == "proposed")
        let new = try test.file("new.txt", Data(#require(offered["recovery_code"].string).utf8))
        try test.run("key", "recovery", "test", "--recovery-code-file", new, expect: 4)
        try run(on: "desk", "device", "cosign", "--yes")
        try test.run("sync", "both")
        // This home is opened by the old one until it is told.
        try test.run("list-tasks", "--recovery-code-file", new, expect: 4)
        try test.run("list-tasks", "--recovery-code-file", old)
        try test.run("key", "recovery", "adopt", "--code-file", old, expect: 4)
        try test.run("key", "recovery", "adopt", "--code-file", new)
        try test.run("key", "recovery", "test", "--recovery-code-file", new)
        try test.run("list-tasks", "--recovery-code-file", old, expect: 4)
        // The code at hand is the second signature.
        try test.run("sync", "both")
        let code = try test.json("key", "recovery", "--yes", "--recovery-code-file", new)
        #expect(code["status"].string == nil && code["recovery_code"].string != nil)
    }

    /// What the removed device knows the keys of does not stay under them, unless one says so.
    @Test func revokingEncryptsAnewWhatIsHere() throws {
        let (desk, phone) = (try join("desk"), try join("phone"))
        try test.json("create-task", "old")
        func revoke(_ device: String, _ when: String) throws -> JSON {
            try test.json(
                "device", "revoke", device, "--yes", "--credentials-revoked", "--re-encrypt", when)
        }
        let never = try revoke(desk, "never")
        #expect(never["re_encrypt"].string == "never")
        #expect(try test.json("key", "status")["pages_remaining"].int ?? 0 > 0)
        let now = try revoke(phone, "now")
        #expect(now["re_encrypt"].string == "now" && now["epoch"].int == 3)
        #expect(try test.json("key", "status")["pages_remaining"].int == 0)
        #expect(try test.json("list-tasks").list.count == 1)
    }

    private func doctor(expect exit: Int32 = 0) throws -> JSON {
        let checks = try test.run("doctor", "--json", expect: exit).json()["checks"].list
        return try #require(checks.first { $0["name"].string == "revoked_devices" })
    }

    /// Who may not revoke is told so before anything is asked of the remote.
    @Test func aWriterRevokesNobody() throws {
        let desk = try join("desk")
        let own = try #require(test.made["device_id"].string)
        #expect(
            try run(on: "desk", "device", "revoke", own, "--yes", expect: 5).error()["code"].string == "guard"
        )
        // Said at once, one call does all.
        let done = try test.json("device", "revoke", desk, "--yes", "--credentials-revoked")
        #expect(done["removed"].bool == true && done["credential_revoked"].bool == true)
        #expect(try doctor()["ok"].bool == true)
    }
}
