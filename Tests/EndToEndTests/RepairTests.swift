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
}
