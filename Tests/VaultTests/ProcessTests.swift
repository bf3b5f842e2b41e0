import EncryptedSQLite
import FileSystem
import Glibc
import TestSupport
import Testing
import Vault

/// Several processes on one vault, some of which die at any moment. How much: `AI_TEAM_TEST_KILLS`,
/// `AI_TEAM_TEST_OPERATIONS`.
@Suite(.serialized) struct ProcessTests {
    @Test func killedProcessesLoseNothingThatTheyAcknowledged() throws {
        var random = SplitMix64(seed: printedSeed())
        let home = try VaultHome()
        var all = Acknowledged()
        let rounds = max(1, stressCount("AI_TEAM_TEST_KILLS", 32) / 4)
        for round in 0..<rounds {
            let workers = try (0..<4).map {
                try WorkerProcess(["vault-churn", home.root, "r\(round)-\($0)", "\(random.next())", "0"])
            }
            var said = Acknowledged()
            for worker in workers {
                let wanted = Int(random.next() % 12)
                worker.lines { $0.count >= wanted }
                usleep(UInt32(random.next() % 20_000))
                worker.kill()
            }
            for worker in workers {
                said.take(worker.lines())
                #expect(worker.wait() == -1)
            }
            try check(home, said, "round \(round)")
            all.take(said.lines)
        }
        try check(home, all, "at the end")
        let vault = try home.open()
        #expect(try vault.database.verify().isIntact)
        #expect(try vault.read { try $0.checkIntegrity() } > 0)
        try vault.close()
        print("\(rounds * 4) kills, \(all.lines.count) acknowledged")
    }

    /// What was acknowledged is there, nothing is there by half, and a sweep leaves nothing of the dead.
    private func check(_ home: VaultHome, _ said: Acknowledged, _ when: Comment) throws {
        let vault = try home.open(timeout: .seconds(30))
        for id in said.tasks {
            let status = try vault.read { try $0.task(id).status }
            #expect(status == .completed || !said.done.contains(id), when)
        }
        for document in said.documents {
            let versions = try vault.read { try $0.versions(of: document.id) }
            let matching = versions.filter { $0.content.size == document.size }
            let expected = madeBytes(seed: document.seed, count: Int(document.size))
            let isThere = try matching.contains { version in
                let whole = 0..<max(1, document.size)
                return try vault.readDocument(document.id, version: version.number, range: whole) == expected
            }
            #expect(isThere, when)
        }
        #expect(try vault.verifyDocuments().failures.isEmpty, when)
        #expect(try vault.sweepBlobs().isComplete, when)
        let root = home.home.documentsDirectory
        let entries = try Files.list(root).filter { $0 != "uploads.lock" }
        #expect(entries.allSatisfy { $0.utf8.count == 2 }, when)
        let files = try entries.flatMap { try Files.list(root + "/" + $0) }
        #expect(try files.sorted() == vault.read { try vault.storedBlobs($0).map(\.name) }.sorted(), when)
        try vault.close()
    }

    @Test func eightWritersAndFourReadersLoseNothing() throws {
        let home = try VaultHome()
        let count = stressCount("AI_TEAM_TEST_OPERATIONS", 40)
        let writers = try (0..<8).map { _ in try WorkerProcess(["vault-pairs", home.root, "\(count)"]) }
        let readers = try (0..<4).map { _ in
            try WorkerProcess(["vault-read-pairs", home.root, "\(4 * count)"])
        }
        for worker in writers + readers {
            let lines = worker.lines()
            #expect(worker.wait() == 0 && lines == ["ended"], "\(lines)")
        }
        let vault = try home.open()
        #expect(try vault.read { try $0.setting("pairs") } == String(8 * count))
        #expect(try vault.read { try $0.statistics().tasks } == 16 * count)
        #expect(try vault.read { try $0.lastChangeSequence() } == Int64(8 * count))
        #expect(try vault.database.verify().isIntact)
        try vault.close()
    }
}

/// What workers said before they died.
private struct Acknowledged {
    private(set) var lines: [Substring] = []
    private(set) var tasks: [String] = []
    private(set) var done: Set<String> = []
    private(set) var documents: [(id: String, seed: UInt64, size: Int64)] = []

    mutating func take(_ said: [Substring]) {
        lines += said
        for line in said {
            let words = line.split(separator: " ").map(String.init)
            switch words[0] {
            case "task": tasks.append(words[1])
            case "done": done.insert(words[1])
            case "doc": documents.append((words[1], UInt64(words[2]) ?? 0, Int64(words[3]) ?? 0))
            default: Issue.record("a worker said: \(line)")
            }
        }
    }
}
