import Foundation
import Testing

/// Machines that only write backups, as people use them: two homes, a spool between them, a directory as the
/// remote.
@Suite("Writing backups without reading them") struct WriterTests {
    let test: TestHome
    private let code: String
    private let vault: String

    init() throws {
        test = try TestHome(["--name", "laptop"])
        code = try test.file("code", Data((test.made["recovery_code"].string ?? "").utf8))
        vault = try #require(test.made["vault_id"].string)
    }

    private func path(_ name: String) -> String {
        test.folder.appending(path: name).path(percentEncoded: false)
    }

    private var remote: String { "file://" + path("bucket") }

    /// Runs a command on the machine without keys.
    @discardableResult
    private func nas(
        _ words: String..., expect status: Int32 = 0, _ location: SourceLocation = #_sourceLocation
    ) throws -> Program.Outcome {
        let outcome = try Program.run(
            words + ["--json"],
            environment: ["AI_TEAM_HOME": path("nas"), "AI_TEAM_KEY_FILE": path("nas.key")],
            in: test.folder)
        #expect(outcome.status == status, "\(words): \(outcome.errors)", sourceLocation: location)
        return outcome
    }

    private func enrol() throws {
        let made = try nas("init", "--backup-only", "--name", "nas", "--key-file", path("nas.key")).json()
        let file = try #require(made["public_key_file"].string)
        let added = try test.json("backup", "writers", "add", file)
        #expect(added[0]["name"].string == "nas" && added[0]["status"].string == "active")
        #expect(added[0]["public_key_fingerprint"].string == made["public_key_fingerprint"].string)
        #expect(added[0]["vault_id"].string == vault)
        #expect(try test.error("backup", "writers", "add", file, expect: 5)["code"].string == "conflict")
    }

    private func fill() throws {
        try test.run("create-task", "first 任務", "--priority", "high")
        try test.run("create-task", "second")
        try test.run("kb", "upload", try test.file("筆記 📝.md", Data("# KANARIENVOGEL 內容\n".utf8)))
    }

    @Test func whatAMachineWithoutKeysUploadedComesBackWithTheCode() throws {
        try enrol()
        try fill()
        let offered = try test.json("backup", "offer", path("spool"))
        #expect(offered["files"].int == 1 && (offered["database_pages"].int ?? 0) > 10)
        let outside = try test.file("etc/hosts", Data("127.0.0.1 nas\n".utf8))
        // Nobody has said which vault it works for.
        let refused = try nas("backup", "create", "--from", path("spool"), outside, expect: 5).error()
        #expect(refused["code"].string == "guard" && refused["message"].string?.contains(vault) == true)
        let made = try nas("backup", "create", "--from", path("spool"), "--vault", vault, outside).json()
        #expect(made["vouched_by"].string == test.made["device_id"].string)
        let id = try #require(made["backup_id"].string)
        #expect(try nas("backup", "list").json()[0]["id"].string == id)
        let shipped = try nas("backup", "cloud", "ship", "--remote", remote).json()
        #expect((shipped["uploaded"].int ?? 0) >= 3)
        #expect(try nas("backup", "cloud", "--remote", remote).json()["uploaded"].int == 0)
        // The next one is incremental.
        try test.run("create-task", "third")
        try test.run("backup", "offer", path("spool"))
        let second = try nas("backup", "create", "--from", path("spool"), outside).json()
        #expect(second["parent"].string == id)
        try nas("backup", "cloud", "--remote", remote)
        // Members see who made it, and whose state it is.
        try test.run("backup", "cloud", "pull", "--remote", remote)
        #expect(try test.run("backup", "list").text.contains("nas of laptop"))
        let shown = try test.json("backup", "show", id)
        #expect(shown["device_name"].string == "nas")
        #expect(shown["vouched_by"].string == test.made["device_id"].string)
        #expect(try test.json("backup", "verify", "--data")["ok"].bool == true)
        let tasks = try test.run("tasks", "export").text
        // The home is gone.
        try FileManager.default.removeItem(atPath: test.home)
        try FileManager.default.removeItem(atPath: test.keyFile)
        let recovered = try Program.run(
            [
                "init", "--recover", remote, "--home", path("new"), "--key-file", path("new.key"),
                "--recovery-code-file", code, "--yes", "--json",
            ], in: test.folder)
        #expect(recovered.status == 0, "\(recovered.errors)")
        #expect(try recovered.json()["writers"][0]["vouched_by"].string == test.made["device_id"].string)
        func new(_ words: String...) throws -> Program.Outcome {
            try Program.run(words + ["--home", path("new"), "--key-file", path("new.key")], in: test.folder)
        }
        #expect(try new("tasks", "export").text == tasks)
        #expect(try new("doctor").status == 0)
        let document = try #require(try new("kb", "list", "--json").json()[0]["id"].string)
        #expect(try new("kb", "get", document).text.contains("KANARIENVOGEL"))
        let hosts = try String(contentsOfFile: path("new") + "/files" + outside, encoding: .utf8)
        #expect(hosts == "127.0.0.1 nas\n")
    }

    @Test func aHomeThatOnlyWritesSaysSo() throws {
        try enrol()
        for words in [
            ["status"], ["list-tasks"], ["create-task", "x"], ["key", "status"], ["doctor"], ["unlock"],
            ["backup", "verify"], ["backup", "restore", "abcd"], ["backup", "offer", "x"], ["init"],
        ] {
            let outcome = try Program.run(
                words + ["--json"],
                environment: ["AI_TEAM_HOME": path("nas"), "AI_TEAM_KEY_FILE": path("nas.key")],
                in: test.folder)
            #expect(outcome.status == 5, "\(words) \(outcome.errors)")
            let error = try outcome.error()
            #expect(error["message"].string?.contains("only writes backups") == true, "\(words)")
        }
        try nas("backup", "create", expect: 64)
        try nas("backup", "create", "--from", path("nothing"), "--vault", vault, expect: 3)
        try test.error("backup", "create", "--from", path("spool"), expect: 64)
        try test.error(
            "backup", "writers", "add", try test.file("junk", Data("junk".utf8)), expect: 64)
        // Its files are its owner's, but for the public key.
        let keys = path("nas") + "/keys/writer"
        let mode = try FileManager.default.attributesOfItem(atPath: keys)[.posixPermissions] as? Int
        #expect(mode == 0o600)
    }

    @Test func aRemovedMachinesBackupsStay() throws {
        try enrol()
        try fill()
        try test.run("backup", "offer", path("spool"))
        try nas("backup", "create", "--from", path("spool"), "--vault", vault)
        try nas("backup", "cloud", "--remote", remote)
        try test.run("backup", "cloud", "pull", "--remote", remote)
        let id = try #require(try test.json("backup", "list")[0]["id"].string)
        // After its removal what was seen goes on counting.
        let removed = try test.json("backup", "writers", "remove", "nas", "--yes")
        #expect(removed["last_backup"].int == 1)
        #expect(try test.json("backup", "writers")[0]["status"].string == "removed")
        #expect(try test.json("backup", "verify", "--data")["ok"].bool == true)
        try test.run("backup", "restore", id, "--target", path("restored"))
        try test.run("backup", "offer", path("spool"))
        try nas("backup", "create", "--from", path("spool"), expect: 5)
        try test.error("backup", "writers", "remove", "nas", "--yes", expect: 3)
    }

    @Test func offersAndUploadsAreScheduled() throws {
        try enrol()
        let offer = try test.json(
            "backup", "schedule", "--offer", path("spool"), "--using", "systemd", "--print")
        #expect(offer["commands"][0].string?.contains("backup offer \(path("spool"))") == true)
        #expect(offer["commands"].list.count == 1)
        let upload = try nas(
            "backup", "schedule", "--from", path("spool"), "--ship", "--using", "systemd", "--print", "/etc"
        ).json()
        #expect(upload["commands"][0].string?.contains("--from \(path("spool")) -- /etc") == true)
        #expect(upload["commands"][1].string?.hasSuffix("backup cloud ship") == true)
        try nas("backup", "schedule", "--using", "systemd", "--print", expect: 64)
    }
}
