import EncryptedSQLite
import GRDB
import Glibc
import TestSupport
import Testing

/// SQLite up to 3.51.2 can corrupt a database when a checkpoint races with a commit that resets the log
/// (encrypted-database.md, section 4): processes that write and read, others that do nothing but checkpoint.
///
/// Counted in transactions. AI_TEAM_STRESS=20 makes it 20 times as long: that is the minute that a release is
/// tested with.
@Suite(.serialized) struct LogResetTests {
    private static let factor = getenv("AI_TEAM_STRESS").flatMap { Int(String(cString: $0)) } ?? 1

    /// Without processes for it, every writer checkpoints after its own commits.
    @Test(arguments: [0, 2])
    func racingCheckpointsLoseNothingAndKeepTheLogShort(_ checkpointerCount: Int) throws {
        let transactions = 40 * LogResetTests.factor
        let vault = try TestDatabase()
        try vault.create()
        let checkpointers = try (0..<checkpointerCount).map { _ in
            try WorkerProcess(["database-checkpoint", vault.path, "1000000"])
        }
        let readers = try (0..<4).map { _ in try WorkerProcess(["database-read", vault.path, "1000000"]) }
        let writers = try (0..<8).map {
            try WorkerProcess(["database-write", vault.path, "w\($0)", "\(transactions)"])
        }
        var (acknowledged, log) = (0, 0)
        for worker in writers {
            let lines = worker.lines()
            #expect(worker.wait() == 0, "\(lines)")
            let words = lines.last?.split(separator: " ").compactMap { Int($0) } ?? [0, 0]
            acknowledged += words.first ?? 0
            log = max(log, words.last ?? 0)
        }
        // Whoever failed is gone with another code than that of the signal.
        for worker in checkpointers + readers {
            worker.kill()
            let lines = worker.lines()
            #expect(worker.wait() == -1, "\(lines.suffix(3))")
        }
        let pool = try vault.open()
        let checkpoints = try pool.withSnapshot { $0.counter }
        print("\(acknowledged) transactions, \(checkpoints) checkpoints, the longest log \(log) bytes")
        #expect(acknowledged == 8 * transactions)
        #expect(checkpoints > 2)
        #expect(log < 64 << 20)
        #expect(try pool.verify().isIntact)
        try pool.close()
        try vault.requireFreshness()
        #expect(try vault.count() == acknowledged * 20)
    }
}
