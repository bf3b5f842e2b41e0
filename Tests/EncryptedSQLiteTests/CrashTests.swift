import EncryptedSQLite
import GRDB
import TestSupport
import Testing

/// Processes that die at any moment.
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
            if round % 5 == 0 { try vault.requireFreshness() }
        }
        #expect(try vault.damage() == nil)
    }
}
