import Foundation
import Testing

/// `key rotate`, `key status` and `key retire`.
@Suite("Rotating keys", .serialized) struct RotationTests {
    let test: TestHome

    init() throws {
        test = try TestHome()
        for number in 1...3 {
            let path = try test.file("docs/note \(number).md", Data("# Note \(number)\nkept".utf8))
            try test.run("kb", "upload", path)
        }
        try test.run("create-task", "before the new keys")
    }

    private func path(_ name: String) -> String {
        test.folder.appending(path: name).path(percentEncoded: false)
    }

    /// Asks until a re-encryption in the background is finished; each asking starts it again if it died.
    private func finished() throws -> JSON {
        for _ in 0..<600 {
            let status = try test.json("key", "status")
            if status["re_encryption"]["finished_at"].string != nil { return status }
        }
        return JSON(nil)
    }

    private func expectEverythingIsThere(_ location: SourceLocation = #_sourceLocation) throws {
        let documents = try test.json("kb", "list").list
        #expect(documents.count == 3, sourceLocation: location)
        for document in documents {
            let id = try #require(document["id"].string)
            #expect(try test.run("kb", "get", id, "-o", "-").text.hasSuffix("kept"), sourceLocation: location)
        }
        let titles = try test.json("list-tasks").list.map { $0["title"].string }
        #expect(titles.contains("before the new keys"), sourceLocation: location)
        try test.run("doctor")
    }

    @Test func newKeysNowLeaveNothingUnderTheOldOnes() throws {
        let dry = try test.json("key", "rotate", "--dry-run")
        #expect(dry["epoch"].int == 2 && dry["objects"].int == 3)
        #expect(try test.json("key", "status")["epoch"].int == 1)
        let made = try test.json("key", "rotate", "--re-encrypt", "now")
        #expect(made["epoch"].int == 2)
        #expect(made["pages_remaining"].int == 0 && made["objects_remaining"].int == 0)
        #expect(made["verified_objects"].int == 3)
        let status = try test.json("key", "status")
        #expect(status["epoch"].int == 2 && status["pages_remaining"].int == 0)
        #expect(status["objects_remaining"].int == 0)
        #expect(status["re_encryption"]["finished_at"].string != nil)
        #expect(status["epochs"].list.map { $0["objects"].int } == [0, 3])
        try expectEverythingIsThere()
    }

    /// Backups never change: there is one more, and the older ones can go.
    @Test func newKeysNowMakeABackupThatLeansOnNoOlderOne() throws {
        let old = try #require(test.json("backup", "create")["backup_id"].string)
        try test.run("sync", "remote", "set", "file://" + path("bucket"))
        try test.run("backup", "cloud")
        let made = try test.json("key", "rotate", "--re-encrypt", "now")
        let new = try #require(made["backup_id"].string)
        #expect(made["older_backups"].int == 1 && made["backup_shipped"].bool == true && new != old)
        try test.run("backup", "prune", "--keep-last", "1", "--yes", "--allow-mass-deletion")
        #expect(try test.json("backup", "list").list.map { $0["id"].string } == [new])
        try test.run("backup", "verify", "--data")
        try test.run("backup", "cloud", "verify", new)
        try expectEverythingIsThere()
    }

    @Test func theBackgroundFinishesByItself() throws {
        let made = try test.json("key", "rotate")
        #expect(made["epoch"].int == 2 && made["re_encrypt"].string == "background")
        let status = try finished()
        #expect(status["pages_remaining"].int == 0 && status["objects_remaining"].int == 0)
        try expectEverythingIsThere()
    }

    @Test func neverLeavesWhatIsThereAlone() throws {
        try test.run("key", "rotate", "--re-encrypt", "never")
        let status = try test.json("key", "status")
        #expect(status["re_encryption"].value == nil || status["re_encryption"].value is NSNull)
        #expect(status["objects_remaining"].int == 3)
        #expect((status["pages_remaining"].int ?? 0) > 0)
        let path = try test.file("docs/later.md", Data("later".utf8))
        try test.run("kb", "upload", path)
        #expect(try test.json("key", "status")["epochs"].list.map { $0["objects"].int } == [3, 1])
    }

    @Test func whatIsDamagedKeepsTheKeysFromBeingChanged() throws {
        let folder = URL(filePath: test.home).appending(path: "data/documents")
        let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
        let blobs = (files?.allObjects as? [URL] ?? []).filter { $0.lastPathComponent.count > 20 }
        let blob = try #require(blobs.first)
        let whole = try Data(contentsOf: blob)
        var damaged = whole
        damaged[damaged.count - 1] ^= 1
        try damaged.write(to: blob)
        let error = try test.error("key", "rotate", "--re-encrypt", "now", expect: 5)
        #expect(error["code"].string == "guard")
        #expect(try test.json("key", "status")["epoch"].int == 1)
        // The twin: whole again, they are changed.
        try whole.write(to: blob)
        try test.run("key", "rotate", "--re-encrypt", "now")
        #expect(try test.json("key", "status")["epoch"].int == 2)
    }

    @Test func aRetiredEpochIsNotAcceptedAnyMore() throws {
        #expect(try test.error("key", "retire", "1", "--yes", expect: 5)["code"].string == "guard")
        try test.run("key", "rotate", "--re-encrypt", "never")
        // There is data under it still.
        #expect(try test.error("key", "retire", "1", "--yes", expect: 5)["code"].string == "guard")
        try test.run("key", "rotate", "--re-encrypt", "now")
        #expect(try test.json("key", "retire", "1", "--dry-run")["dry_run"].bool == true)
        #expect(try test.error("key", "retire", "1", expect: 5)["code"].string == "guard")
        #expect(try test.json("key", "retire", "1", "--yes")["retired"].int == 1)
        #expect(try test.error("key", "retire", "1", "--yes", expect: 5)["code"].string == "guard")
        #expect(try test.error("key", "retire", "9", "--yes", expect: 3)["code"].string == "not_found")
        let epochs = try test.json("key", "status")["epochs"].list
        #expect(epochs.map { $0["retired"].bool } == [true, false, false])
        try expectEverythingIsThere()
    }

    @Test func theRemoteIsAskedFirst() throws {
        let bucket = path("bucket")
        try test.run("sync", "remote", "set", "file://" + bucket)
        try test.run("sync", "both")
        // One that nobody answers for.
        try test.run("config", "cloud.endpoint", "http://127.0.0.1:1")
        try test.run("config", "cloud.remote", "s3://bucket/vault")
        let login = ["AI_TEAM_S3_ACCESS_KEY_ID": "a", "AI_TEAM_S3_SECRET_ACCESS_KEY": "b"]
        try test.run("key", "rotate", environment: login, expect: 7)
        #expect(try test.json("key", "status")["epoch"].int == 1)
        // One that has lost what it had.
        try test.run("config", "cloud.endpoint", "")
        try test.run("config", "cloud.remote", "file://" + bucket)
        try FileManager.default.moveItem(atPath: bucket, toPath: bucket + ".away")
        try test.error("key", "rotate", expect: 5)
        #expect(try test.json("key", "status")["epoch"].int == 1)
        try? FileManager.default.removeItem(atPath: bucket)
        try FileManager.default.moveItem(atPath: bucket + ".away", toPath: bucket)
        #expect(try test.json("key", "rotate", "--re-encrypt", "now")["epoch"].int == 2)
        let status = try test.json("key", "status")
        #expect(status["epoch"].int == 2 && status["waits_for_remote"].bool == false)
        try test.run("sync", "both")
        try test.run("sync", "verify")
        try expectEverythingIsThere()
    }

    @Test func aLeakedPassphraseAndARemovedSlotBeginTheSame() throws {
        let secret = try test.file("secret", Data("correct horse battery staple\n".utf8))
        try test.run("key", "slots", "add", "--new-passphrase-file", secret)
        let slots = try test.json("key", "slots").list
        let slot = try #require(slots.first { $0["kind"].string == "passphrase" }?["id"].string)
        try test.run("key", "slots", "remove", slot, "--yes")
        let status = try finished()
        #expect(status["epoch"].int == 2)
        #expect(status["pages_remaining"].int == 0 && status["objects_remaining"].int == 0)
        try test.run("key", "recovery", "--yes")
        #expect(try finished()["epoch"].int == 4)
        try expectEverythingIsThere()
    }

    @Test func anEpochThatIsTooOldIsFollowedByANewOne() throws {
        try test.run("config", "keys.rotate_after", "1ms")
        // Tidying up is due once a day: not again today.
        try test.run("create-task", "another")
        #expect(try test.json("key", "status")["epoch"].int == 1)
        let second = try TestHome()
        try second.run("config", "keys.rotate_after", "1ms")
        try second.run("create-task", "the first")
        #expect(try second.json("key", "status")["epoch"].int == 2)
        // What the files say alone does not count.
        let local = URL(filePath: second.home).appending(path: "config/local.yaml")
        let text = try String(contentsOf: local, encoding: .utf8)
        try Data(text.replacingOccurrences(of: "1ms", with: "never").utf8).write(to: local)
        #expect(try second.error("list-tasks", expect: 5)["code"].string == "guard")
    }
}
