import EncryptedSQLite
import GRDB
import TestSupport
import Testing

/// The list of tags follows the pages whatever happens to them.
@Suite struct PageTagsTests {
    @Test func theListFollowsAFileThatGrowsAndShrinks() throws {
        var random = SplitMix64(seed: printedSeed())
        let vault = try TestDatabase()
        try vault.create(rows: 50)
        for _ in 0..<25 {
            let pool = try vault.open()
            switch random.next() % 5 {
            case 0:
                // Across the border of a leaf (256 pages) and of several.
                let rows = Int(random.next() % 6000)
                try pool.pool.write { try TestDatabase.insert($0, rows) }
            case 1:
                let part = random.next() % 7 + 2
                try pool.pool.write { try $0.execute(sql: "DELETE FROM note WHERE id % \(part) > 0") }
                try pool.vacuum()
            case 2:
                let part = random.next() % 100 + 1
                try pool.pool.write {
                    try $0.execute(sql: "UPDATE note SET body = body || 'u' WHERE id % \(part) = 0")
                }
                try pool.checkpoint()
            case 3:
                for _ in 0..<30 { try pool.pool.write { try TestDatabase.insert($0, 1) } }
            default:
                try pool.pool.write { try $0.execute(sql: "DELETE FROM note WHERE id > 4000") }
                try pool.vacuum()
            }
            try pool.close()
            try vault.requireFreshness()
        }
    }

    @Test func processesThatCheckpointAndAreKilledLeaveARootThatFits() throws {
        var random = SplitMix64(seed: printedSeed())
        let vault = try TestDatabase()
        try vault.create()
        for round in 0..<6 {
            let writers = try (0..<3).map {
                try WorkerProcess(["database-commit", vault.path, "r\(round)w\($0)"])
            }
            let checkpointer = try WorkerProcess(["database-checkpoint", vault.path, "1000000"])
            for writer in writers {
                let wanted = Int(random.next() % 40) + 10
                _ = writer.lines { $0.count >= wanted }
                writer.kill()
                #expect(writer.wait() == -1)
            }
            checkpointer.kill()
            #expect(checkpointer.wait() == -1)
            try vault.requireFreshness()
        }
    }
}
