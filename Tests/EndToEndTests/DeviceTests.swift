import Foundation
import Testing

/// Two machines and a directory between them: inviting, joining, approving.
@Suite("Inviting devices") struct DeviceTests {
    let test: TestHome

    init() throws { test = try TestHome(["--name", "laptop"]) }

    private func path(_ name: String) -> String {
        test.folder.appending(path: name).path(percentEncoded: false)
    }

    private var remote: String { "file://" + path("bucket") }

    /// Runs a command on the new machine.
    @discardableResult
    private func desk(
        _ words: String..., input: String = "", expect status: Int32 = 0,
        _ location: SourceLocation = #_sourceLocation
    ) throws -> Program.Outcome {
        let outcome = try Program.run(
            words + ["--json"],
            environment: ["AI_TEAM_HOME": path("desk"), "AI_TEAM_KEY_FILE": path("desk.key")],
            input: Data(input.utf8), in: test.folder)
        #expect(outcome.status == status, "\(words): \(outcome.errors)", sourceLocation: location)
        return outcome
    }

    private func invite(_ words: String...) throws -> String {
        let made = try invited(words)
        return try #require(made["token"].string)
    }

    private func invited(_ words: [String]) throws -> JSON {
        let outcome = try Program.run(
            ["device", "invite", "--remote", remote, "--json"] + words,
            environment: ["AI_TEAM_HOME": test.home, "AI_TEAM_KEY_FILE": test.keyFile], in: test.folder)
        #expect(outcome.status == 0, "\(outcome.errors)")
        return try outcome.json()
    }

    @Test func aSecondMachineJoinsAndBothSayTheSameOfTheVault() throws {
        let made = try invited([])
        #expect(made.keys == ["token", "expires_at", "role", "auto_approve", "remote"])
        #expect(made["role"].string == "writer" && made["remote"].string == remote)
        let token = try #require(made["token"].string)
        // The token says where the remote is; standard input hides it from the list of processes.
        let asked = try desk("device", "join", "-", "--no-wait", "--name", "desk 桌", input: token).json()
        #expect(asked["status"].string == "waiting")
        let id = try #require(asked["device_id"].string)
        // What waits is no vault yet, and no other vault is made over it.
        for words in [["create-task", "x"], ["init"], ["device", "list"]] {
            let outcome = try Program.run(
                words + ["--json"],
                environment: ["AI_TEAM_HOME": path("desk"), "AI_TEAM_KEY_FILE": path("desk.key")],
                in: test.folder)
            #expect(try outcome.status == 5 && outcome.error()["code"].string == "conflict", "\(words)")
        }
        // Without a terminal nobody is asked, so a word is needed.
        let unasked = try test.error("device", "approve", "--remote", remote, expect: 5)
        #expect(unasked["code"].string == "guard")
        let wrong = try test.error("device", "approve", "dev-zzzzz", "--remote", remote, expect: 3)
        #expect(wrong["code"].string == "not_found")
        #expect(try desk("device", "join", "--no-wait").json()["status"].string == "waiting")
        let approved = try test.json("device", "approve", id, "--remote", remote)["approved"]
        #expect(approved.list.count == 1 && approved[0]["name"].string == "desk 桌")
        #expect(
            approved[0]["public_key_fingerprint"].string == asked["public_key_fingerprint"].string)
        let joined = try desk("device", "join").json()
        #expect(joined["status"].string == "joined" && joined["role"].string == "writer")
        #expect(joined["vault_id"].string == test.made["vault_id"].string)
        #expect(joined["device_id"].string == id)
        let (here, there) = (try test.run("device", "list", "--json"), try desk("device", "list"))
        #expect(here.text == there.text)
        #expect(try here.json().list.map { $0["name"].string } == ["laptop", "desk 桌"])
        let epochs = try (test.json("key", "status"), desk("key", "status").json())
        #expect(epochs.0["epoch"].int == epochs.1["epoch"].int)
        try desk("device", "rename", "Tisch")
        #expect(try desk("device", "list").json()[1]["name"].string == "Tisch")
        #expect(
            try desk("device", "rename", "x", "--device", test.made["device_id"].string ?? "", expect: 5)
                .error()["code"].string == "guard")
        // It is a vault of its own to work with, and it knows the remote.
        try desk("create-task", "from the desk")
        #expect(try desk("list-tasks").json().list.count == 1)
        #expect(try desk("config").text.contains(remote))
        #expect(try desk("doctor").json()["checks"].list.allSatisfy { $0["ok"].bool == true })
        #expect(try desk("device", "join", token, expect: 5).error()["code"].string == "conflict")
    }

    @Test func aWaitingMachineGoesOnByItselfOnceItIsLetIn() throws {
        let token = try invite("--role", "reader", "--auto-approve")
        let waiting = try RunningProgram(
            ["device", "join", token, "--home", path("desk"), "--key-file", path("desk.key"), "--json"],
            in: test)
        var approved: [JSON] = []
        for _ in 0..<1000 where approved.isEmpty && waiting.isRunning {
            approved = try test.json("device", "approve", "--remote", remote)["approved"].list
        }
        #expect(approved.count == 1 && waiting.wait().status == 0)
        #expect(try desk("device", "list").json()[1]["role"].string == "reader")
    }

    @Test func tokensThatAreWrongUsedUpOrForAnotherRemoteAreRefused() throws {
        let token = try invite()
        let typo = String(token.dropLast()) + (token.hasSuffix("0") ? "1" : "0")
        #expect(try desk("device", "join", typo, expect: 4).error()["code"].string == "wrong_key")
        let other = try TestHome()
        try other.run("device", "invite", "--remote", "file://" + path("other"))
        let refused = try desk(
            "device", "join", token, "--remote", "file://" + path("other"), expect: 6)
        #expect(try refused.error()["code"].string == "integrity_failure")
        #expect(!FileManager.default.fileExists(atPath: path("desk/keys/joining")))
        let unattended = try test.error(
            "device", "invite", "--role", "admin", "--auto-approve", "--remote", remote, expect: 5)
        #expect(unattended["code"].string == "guard")
        // Another vault's remote takes no records of this one.
        let mixed = try test.error("device", "invite", "--remote", "file://" + path("other"), expect: 6)
        #expect(mixed["code"].string == "integrity_failure")
        // The same token twice: neither gets in.
        try desk("device", "join", token, "--no-wait")
        let thief = try Program.run(
            ["device", "join", token, "--no-wait", "--json"],
            environment: ["AI_TEAM_HOME": path("thief"), "AI_TEAM_KEY_FILE": path("thief.key")],
            in: test.folder)
        #expect(thief.status == 6)
        try test.run("device", "approve", "--yes", "--remote", remote, expect: 6)
        #expect(try test.json("device", "list").list.count == 1)
    }
}
