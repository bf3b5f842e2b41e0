import Foundation
import TestSupport
import Testing

@Suite("Waiting claims, interrupts and repairs") struct RepairTests {
    /// A home whose log holds transactions, as after a crash: whoever would have emptied it was killed. With
    /// the number of tasks that were acknowledged.
    private func crashed() throws -> (TestHome, tasks: Int) {
        let home = try TestHome()
        let root = home.folder.path(percentEncoded: false)
        let worker = try WorkerProcess(["vault-churn", root, "w", "7", "0"])
        worker.lines { $0.count >= 40 }
        worker.kill()
        let lines = worker.lines()
        #expect(worker.wait() == -1)
        return (home, lines.count { $0.hasPrefix("task ") })
    }

    @Test("claim --wait takes a task that is made meanwhile, and gives up in time")
    func waiting() throws {
        let home = try TestHome()
        #expect(try home.error("tasks", "claim", "--wait", "200ms", expect: 3)["code"].string == "not_found")
        let waiting = try RunningProgram(
            ["tasks", "claim", "--agent", "qa", "--wait", "5m", "--json"], in: home)
        let id = try #require(try home.json("create-task", "x")["id"].string)
        let (status, output) = waiting.wait()
        #expect(status == 0)
        #expect(JSON(try JSONSerialization.jsonObject(with: output))["id"].string == id)
    }

    @Test("doctor --repair leaves a healthy vault alone and writes a damaged ring anew")
    func ring() throws {
        let (home, tasks) = try crashed()
        #expect(try home.json("doctor", "--repair")["repaired"].list.isEmpty)
        #expect(try home.json("list-tasks").list.count >= tasks)
        let ring = URL(filePath: "\(home.home)/keys/ring.b")
        let whole = try Data(contentsOf: ring)
        try Data(whole.dropLast(40)).write(to: ring)
        try home.run("doctor", expect: 6)
        #expect(try home.json("doctor", "--repair")["repaired"].list.count == 1)
        try home.json("doctor")
    }

    @Test("doctor --repair cuts a tampered log after a confirmation")
    func log() throws {
        let (home, tasks) = try crashed()
        let log = URL(filePath: "\(home.home)/data/database/ai-agent.db-wal")
        var bytes = try Data(contentsOf: log)
        bytes[bytes.count / 2] ^= 4
        try bytes.write(to: log)
        #expect(try home.error("list-tasks", expect: 6)["code"].string == "integrity_failure")
        #expect(try home.error("doctor", "--repair", expect: 5)["code"].string == "guard")
        #expect(try Data(contentsOf: log) == bytes)
        let done = try home.run("doctor", "--repair", "--yes", "--json")
        #expect(done.errors.contains("would be lost for good"))
        #expect(try done.json()["repaired"].list.count == 1)
        let left = try home.json("list-tasks").list.count
        #expect(left > 0 && left < tasks)
        #expect(try home.json("logs").list.contains { $0["component"].string == "doctor" })
        try home.json("create-task", "goes on")
        try home.json("doctor")
    }

    @Test("a home that is put back whole is named as long as the key agent runs, and taken back by a person")
    func homePutBack() throws {
        let home = try TestHome()
        try home.json("unlock")
        defer { _ = try? home.run("lock") }
        try home.json("create-task", "one")
        let names = ["data", "keys"]
        let saved = home.folder.appending(path: "saved")
        try FileManager.default.createDirectory(at: saved, withIntermediateDirectories: true)
        func replace(_ from: URL, _ to: URL) throws {
            for name in names {
                let target = to.appending(path: name)
                if FileManager.default.fileExists(atPath: target.path) {
                    try FileManager.default.removeItem(at: target)
                }
                try FileManager.default.copyItem(at: from.appending(path: name), to: target)
            }
        }
        let place = URL(filePath: home.home)
        try replace(place, saved)
        try home.json("create-task", "two")
        try replace(saved, place)
        let named = try home.error("list-tasks", expect: 6)
        #expect(named["code"].string == "rollback")
        #expect(named["message"].string?.contains("since it was unlocked") ?? false)
        let done = try home.run("doctor", "--repair", "--yes", "--json")
        #expect(try done.json()["repaired"].list.count == 1)
        #expect(try home.json("list-tasks").list.count == 1)
        try home.json("create-task", "three")
        // The twin: nothing else knows that this one was put back.
        try home.json("lock")
        try home.json("create-task", "four")
        try replace(saved, place)
        #expect(try home.json("list-tasks").list.count == 1)
    }

    @Test("a database that was put back is refused, and taken for the newest only after a confirmation")
    func state() throws {
        let home = try TestHome()
        try home.json("create-task", "one")
        let database = URL(filePath: "\(home.home)/data/database")
        let saved = home.folder.appending(path: "saved")
        try FileManager.default.copyItem(at: database, to: saved)
        try home.json("create-task", "two")
        try FileManager.default.removeItem(at: database)
        try FileManager.default.copyItem(at: saved, to: database)
        #expect(try home.error("list-tasks", expect: 6)["code"].string == "rollback")
        try home.run("doctor", expect: 6)
        #expect(try home.error("doctor", "--repair", expect: 5)["code"].string == "guard")
        #expect(try home.error("list-tasks", expect: 6)["code"].string == "rollback")
        let done = try home.run("doctor", "--repair", "--yes", "--json")
        #expect(done.errors.contains("was put back"))
        #expect(try done.json()["repaired"].list.count == 1)
        #expect(try home.json("list-tasks").list.count == 1)
        try home.json("doctor")
    }

    /// Changes a byte of each of these pages, and says what the file was.
    @discardableResult
    private func damagePages(_ numbers: [Int], of home: TestHome) throws -> Data {
        let file = URL(filePath: "\(home.home)/data/database/ai-agent.db")
        let whole = try Data(contentsOf: file)
        var bytes = whole
        for number in numbers { bytes[(number - 1) * 4096 + 1000] ^= 1 }
        try bytes.write(to: file)
        return whole
    }

    @Test("doctor --repair brings pages back from a backup, the first one too, and nothing but that version")
    func pagesFromABackup() throws {
        let home = try TestHome()
        for number in 0..<20 { try home.json("create-task", "task \(number)") }
        try home.json("backup", "create")
        let tasks = try home.run("list-tasks", "--json").text
        try damagePages([1, 4, 9], of: home)
        try home.run("doctor", expect: 6)
        let done = try home.json("doctor", "--repair")
        #expect(done["repaired"].list.count == 1)
        #expect(try home.run("list-tasks", "--json").text == tasks)
        try home.json("doctor")
        let bare = try TestHome()
        for number in 0..<20 { try bare.json("create-task", "task \(number)") }
        try damagePages([9], of: bare)
        // The twin: without a backup the page stays as it is, and is named.
        let left = try bare.run("doctor", "--repair", expect: 6)
        #expect(left.errors.contains("page 9"))
    }

    @Test("doctor --repair puts the newest version in the place of an older one that somebody put back")
    func pagesThatWerePutBack() throws {
        let home = try TestHome()
        for number in 0..<20 { try home.json("create-task", "task \(number)") }
        let file = URL(filePath: "\(home.home)/data/database/ai-agent.db")
        let old = try Data(contentsOf: file)
        for number in 0..<20 { try home.json("create-task", "later \(number)") }
        try home.json("backup", "create")
        let whole = try Data(contentsOf: file)
        let number = try #require(
            (5..<old.count / 4096).first { number in
                let page = number * 4096..<(number + 1) * 4096
                return old[page] != whole[page]
            })
        var bytes = whole
        bytes.replaceSubrange(
            number * 4096..<(number + 1) * 4096, with: old[number * 4096..<(number + 1) * 4096])
        try bytes.write(to: file)
        try home.run("doctor", expect: 6)
        #expect(try home.json("doctor", "--repair")["repaired"].list.count == 1)
        #expect(try home.json("list-tasks").list.count == 40)
        try home.json("doctor")
    }

    @Test("doctor --repair gives no page back in an older version")
    func noOlderPage() throws {
        let home = try TestHome()
        for number in 0..<20 { try home.json("create-task", "task \(number)") }
        try home.json("backup", "create")
        for number in 0..<20 { try home.json("create-task", "later \(number)") }
        let file = URL(filePath: "\(home.home)/data/database/ai-agent.db")
        let count = try Data(contentsOf: file).count / 4096
        let whole = try damagePages(Array(1...count), of: home)
        let before = try Data(contentsOf: file)
        let outcome = try home.run("doctor", "--repair", expect: 6)
        #expect(outcome.errors.contains("no backup that is at hand has this version"))
        let after = try Data(contentsOf: file)
        var repaired = 0
        for number in 0..<count {
            let page = number * 4096..<(number + 1) * 4096
            if after[page] == whole[page] { repaired += 1 } else { #expect(after[page] == before[page]) }
        }
        #expect(repaired > 0 && repaired < count)
    }

    @Test("doctor --repair brings contents of documents back from a backup, or from the remote")
    func blobs() throws {
        let home = try TestHome(["--mode", "auto"])
        let first = try home.file("first.txt", Data("the first document\n".utf8))
        let second = try home.file("second.txt", Data(repeating: 65, count: 100_000))
        let remote = "file://" + home.folder.path(percentEncoded: false) + "bucket"
        try home.json("sync", "remote", "set", remote)
        let one = try #require(try home.json("kb", "upload", first)["uploaded"].list.first?["id"].string)
        let folder = URL(filePath: "\(home.home)/data/documents")
        let files = {
            try FileManager.default.subpathsOfDirectory(atPath: folder.path(percentEncoded: false))
                .filter { $0.split(separator: "/").count == 2 }
        }
        let old = try files()
        try home.json("backup", "create")
        let two = try #require(try home.json("kb", "upload", second)["uploaded"].list.first?["id"].string)
        try home.json("sync", "both")
        let both = try files()
        #expect(old.count == 1 && both.count == 2)
        for name in both {
            let url = folder.appending(path: name)
            if old.contains(name) {
                try FileManager.default.removeItem(at: url)
            } else {
                var bytes = try Data(contentsOf: url)
                bytes[bytes.count / 2] ^= 1
                try bytes.write(to: url)
            }
        }
        // The twin: the second is in no backup, and this mode asks no remote.
        let local = try home.run("doctor", "--repair", "--mode", "local", "--json", expect: 6)
        #expect(try local.json()["repaired"].list.count == 1)
        #expect(try home.json("doctor", "--repair")["repaired"].list.count == 1)
        #expect(try home.run("kb", "get", one, "-o", "-").text == "the first document\n")
        #expect(try home.run("kb", "get", two, "-o", "-").text == String(repeating: "A", count: 100_000))
        try home.json("doctor")
    }
}
