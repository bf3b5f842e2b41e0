import EncryptedSQLite
import GRDB
import TestSupport
import Testing

/// Processes that die at any moment, and many at once.
@Suite(.serialized) struct CrashTests {
    @Test func killedWritersLoseNothingThatTheyAcknowledged() throws {
        let seed = UInt64.random(in: .min ... .max)
        print("seed \(seed)")
        var random = SplitMix64(seed: seed)
        let vault = try TestDatabase()
        try vault.create()
        for round in 0..<40 {
            let worker = try WorkerProcess(["database-commit", vault.path, "r\(round)"])
            let wanted = Int(random.next() % 60) + 1
            _ = worker.lines { $0.count >= wanted }
            worker.kill()
            let acknowledged = Int(worker.lines().last ?? "0") ?? 0
            #expect(worker.wait() == -1)
            let pool = try vault.open()
            let numbers = try pool.pool.read { db in
                try Int.fetchOne(
                    db,
                    sql: """
                        SELECT count(DISTINCT substr(body, 1, instr(substr(body, 5), ' ') + 4)) FROM note
                        WHERE body LIKE 'r\(round) %'
                        """) ?? 0
            }
            #expect(numbers >= max(acknowledged, wanted), "round \(round)")
            #expect(try pool.verify().isIntact)
            if round % 3 == 0 { try pool.close() } else { try pool.pool.close() }
        }
        #expect(try vault.damage() == nil)
    }

    @Test func manyProcessesLoseNothingAndKeepTheLogShort() throws {
        let vault = try TestDatabase()
        try vault.create()
        let writers = try (0..<8).map { try WorkerProcess(["database-write", vault.path, "w\($0)", "4"]) }
        let readers = try (0..<4).map { _ in try WorkerProcess(["database-read", vault.path, "4"]) }
        var (transactions, log) = (0, 0)
        for worker in writers {
            let lines = worker.lines()
            #expect(worker.wait() == 0, "\(lines)")
            let words = lines.last?.split(separator: " ").compactMap { Int($0) } ?? [0, 0]
            transactions += words.first ?? 0
            log = max(log, words.last ?? 0)
        }
        for worker in readers {
            let lines = worker.lines()
            #expect(worker.wait() == 0, "\(lines)")
        }
        print("\(transactions) transactions, log at most \(log) bytes")
        #expect(try vault.count() == transactions * 20)
        #expect(log < 64 << 20)
    }
}
