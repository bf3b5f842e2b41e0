import Foundation
import TestSupport
import Testing

/// `backup cloud …` as a person uses it, against a strict server on loopback.
@Suite struct CloudTests {
    let test: TestHome
    let server: StrictServer

    init() throws {
        test = try TestHome()
        server = try StrictServer()
    }

    private func configure() throws {
        try test.run("config", "cloud.endpoint", server.endpoint)
        try test.run("config", "cloud.bucket", StrictServer.bucket)
        try test.run("config", "cloud.prefix", "team/vault")
        let secret = try test.file("secret", Data((StrictServer.secret + "\n").utf8))
        let kept = try test.json(
            "backup", "cloud", "login", "--access-key-id", StrictServer.accessKeyID, "--secret-file", secret)
        #expect(kept["access_key_id"].string == StrictServer.accessKeyID)
        try FileManager.default.removeItem(atPath: secret)
    }

    private func backUp() throws -> String {
        try test.run("create-task", "first 任務")
        return try #require(try test.json("backup", "create")["backup_id"].string)
    }

    @Test func aBackupGoesToABucketAndBack() throws {
        try configure()
        let id = try backUp()
        let probe = try test.json("backup", "cloud", "init")
        #expect(probe["honoured"].bool == true && probe["etag_is_md5"].bool == true)
        let shipped = try test.json("backup", "cloud")
        #expect(shipped.keys == ["uploaded", "skipped", "bytes", "requests"])
        let uploaded = try #require(shipped["uploaded"].int)
        #expect(uploaded >= 2 && shipped["requests"].int == 1 + uploaded)
        #expect(server.keys.allSatisfy { $0.hasPrefix("team/vault/backup/v1/") })
        #expect(try test.json("backup", "cloud")["uploaded"].int == 0)
        #expect(try test.json("status")["backup"]["last_cloud_at"].string != nil)
        let listed = try test.json("backup", "cloud", "list")
        #expect(listed[0]["id"].string == id && listed[0]["location"][1].string == "cloud")
        let verified = try test.json("backup", "cloud", "verify", "--data")
        #expect(verified["ok"].bool == true && verified["checked"].int == 1)
        let part = try test.json("backup", "cloud", "verify", "--subset", "1/1")
        #expect(part["ok"].bool == true && (part["bytes"].int ?? 0) > 0)
        try FileManager.default.removeItem(atPath: test.home + "/data/backups")
        #expect((try test.json("backup", "cloud", "pull")["downloaded"].int ?? 0) >= 2)
        #expect(try test.json("backup", "verify", "--data")["ok"].bool == true)
        // Nobody sends a key to where it was not meant to go, or shows it.
        let config = try test.run("config").text
        #expect(!config.contains(StrictServer.secret))
    }

    @Test func oneDocumentComesWithoutItsBackup() throws {
        try configure()
        let file = try test.file("筆記.md", Data("# 內容\n".utf8))
        try test.run("kb", "upload", file)
        let id = try backUp()
        try test.run("backup", "cloud")
        try FileManager.default.removeItem(atPath: test.home + "/data/backups")
        let document = try #require(try test.json("kb", "list")[0]["id"].string)
        let target = test.folder.appending(path: "parts").path(percentEncoded: false)
        let done = try test.json("backup", "cloud", "pull", id, "--only", document, "--target", target)
        #expect(done["ok"].bool == true && done["checked"].int == 1 && done["requests"].int ?? 9 <= 4)
        #expect(try String(contentsOfFile: target + "/documents/筆記.md", encoding: .utf8) == "# 內容\n")
        try test.run("backup", "cloud", "pull", id, "--only", document, expect: 64)
        try test.run("backup", "cloud", "pull", id, "--only", "none", "--target", target, expect: 3)
        for pack in server.keys.filter({ $0.contains("/p/") }) {
            server.plant(pack, server.object(pack)?.map { $0 ^ 1 })
        }
        let error = try test.error(
            "backup", "cloud", "pull", id, "--only", document, "--target", target + "2", expect: 6)
        #expect(error["code"].string == "integrity_failure")
    }

    @Test func aChangedEndpointIsNotUsed() throws {
        try configure()
        _ = try backUp()
        let file = test.home + "/config/cloud.yaml"
        let text = try String(contentsOfFile: file, encoding: .utf8)
        try text.replacing(server.endpoint, with: "http://127.0.0.1:9").write(
            toFile: file, atomically: true, encoding: .utf8)
        #expect(try test.error("backup", "cloud", expect: 5)["code"].string == "guard")
        #expect(server.requests.isEmpty)
        try test.run("config", "confirm")
        #expect(try test.error("backup", "cloud", expect: 7)["code"].string == "remote_unreachable")
        // What stands in the environment is the user's own word.
        let said = [
            "AI_TEAM_S3_ENDPOINT": server.endpoint, "AI_TEAM_S3_ACCESS_KEY_ID": StrictServer.accessKeyID,
            "AI_TEAM_S3_SECRET_ACCESS_KEY": StrictServer.secret,
        ]
        let remote = "s3://\(StrictServer.bucket)/other"
        try test.run("backup", "cloud", "--remote", remote, environment: said)
        #expect(server.keys.allSatisfy { $0.hasPrefix("other/") } && !server.keys.isEmpty)
    }

    @Test func refusalsAreTold() throws {
        _ = try backUp()
        #expect(try test.error("backup", "cloud", expect: 3)["code"].string == "not_found")
        try configure()
        try test.run("backup", "cloud", "login", "--forget")
        #expect(try test.error("backup", "cloud", expect: 7)["code"].string == "remote_refused")
        let secret = try test.file("secret", Data("wrong\n".utf8))
        try test.run(
            "backup", "cloud", "login", "--access-key-id", StrictServer.accessKeyID, "--secret-file", secret)
        let error = try test.error("backup", "cloud", expect: 7)
        #expect(error["code"].string == "remote_refused")
        #expect(
            try test.error("backup", "cloud", "verify", "--subset", "4/3", expect: 64)["code"].string
                == "usage")
        let plain = try test.error("backup", "cloud", "--remote", "ftp://x", expect: 7)
        #expect(plain["code"].string == "remote_refused")
    }

    @Test func aKeyFileIsForItsOwnerAlone() throws {
        try test.run("config", "cloud.endpoint", server.endpoint)
        try test.run("config", "cloud.bucket", StrictServer.bucket)
        try test.run("config", "cloud.credentials_file", "s3.key")
        _ = try backUp()
        let text = "access_key_id: \(StrictServer.accessKeyID)\nsecret_access_key: \(StrictServer.secret)\n"
        let file = try test.file("home/s3.key", Data(text.utf8))
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: file)
        #expect(try test.error("backup", "cloud", expect: 5)["code"].string == "guard")
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file)
        try test.run("backup", "cloud")
        #expect(!server.keys.isEmpty)
    }

    @Test func theListKnowsWhatTheBucketHadAndAsksNobody() throws {
        try configure()
        let id = try backUp()
        func places(_ row: Int) throws -> [String] {
            try test.json("backup", "list")[row]["location"].list.compactMap(\.string)
        }
        #expect(try places(0) == ["local"])
        try test.run("backup", "cloud")
        let second = try backUp()
        let before = server.requests.count
        #expect(try places(0) == ["local", "cloud"] && places(1) == ["local"])
        #expect(try test.run("backup", "list").text.contains("local, cloud"))
        #expect(server.requests.count == before)
        try test.run("backup", "cloud")
        #expect(try places(1) == ["local", "cloud"])
        try test.run("backup", "cloud", "prune", "--keep-last", "1", "--yes")
        #expect(try places(0) == ["local"] && places(1) == ["local", "cloud"])
        #expect(try test.json("backup", "list")[0]["id"].string == id && id != second)
        // A memory that somebody wrote says nothing.
        let run = test.home + "/run"
        let names = try FileManager.default.contentsOfDirectory(atPath: run)
        let memory = try #require(names.first { $0.hasPrefix("remote-") })
        let path = "\(run)/\(memory)/known"
        var bytes = try Data(contentsOf: URL(filePath: path))
        bytes[20] ^= 1
        try bytes.write(to: URL(filePath: path))
        #expect(try places(1) == ["local"])
    }

    @Test func aScheduleShipsWhenThatIsDue() throws {
        let print = ["backup", "schedule", "--using", "cron", "--print"]
        func commands(_ words: String..., expect status: Int32 = 0) throws -> Program.Outcome {
            let environment = ["AI_TEAM_HOME": test.home]
            let outcome = try Program.run(print + words, environment: environment, in: test.folder)
            #expect(outcome.status == status, "\(outcome.errors)")
            return outcome
        }
        #expect(try !commands().text.contains("cloud"))
        _ = try commands("--cloud", expect: 3)
        try configure()
        #expect(try !commands("--no-cloud").text.contains("cloud"))
        let line = try commands().text
        #expect(
            line.contains("'cloud' 'ship' '--when-due' && ") && line.contains("'prune' '--yes' '--when-due'"))
        let command = try #require(line.split(separator: " # ").first?.dropFirst("0 2 * * * ".count))
        func ring() throws -> Int {
            let process = Process()
            process.executableURL = URL(filePath: "/bin/sh")
            process.arguments = ["-c", String(command)]
            process.environment = ["PATH": "/usr/bin:/bin"]
            try process.run()
            process.waitUntilExit()
            #expect(process.terminationStatus == 0)
            return server.requests.count
        }
        let first = try ring()
        #expect(!server.keys.isEmpty && first > 0)
        // The next night nobody is asked; a week later it is time.
        #expect(try ring() == first)
        let waiting = try test.json("backup", "cloud", "ship", "--when-due")
        #expect(waiting["uploaded"].int == 0 && waiting["due_at"].string != nil)
        let week = Date(timeIntervalSinceNow: -7 * 86_400)
        try FileManager.default.setAttributes(
            [.modificationDate: week], ofItemAtPath: test.home + "/run/shipped")
        #expect(try ring() > first)
        // Without a key that a timer finds there is none.
        try test.run("backup", "cloud", "login", "--forget")
        #expect(try commands("--json", expect: 5).error()["code"].string == "guard")
    }

    @Test func aDirectoryIsARemoteToo() throws {
        let id = try backUp()
        let remote = "file://" + test.folder.appending(path: "usb").path(percentEncoded: false)
        try test.run("backup", "cloud", id, "--remote", remote)
        #expect(try test.json("backup", "cloud", "list", "--remote", remote)[0]["id"].string == id)
        #expect(try test.json("backup", "cloud", "verify", "--data", "--remote", remote)["ok"].bool == true)
    }
}
