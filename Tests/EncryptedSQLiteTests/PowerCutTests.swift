import EncryptedSQLite
import FileSystem
import GRDB
import TestSupport
import Testing

/// The power fails anywhere: in a commit, in a reset of the log, in a checkpoint, in the seal. What was
/// acknowledged is there, and nothing is called tampered.
@Suite struct PowerCutTests {
    @Test func whatWasAcknowledgedSurvivesAPowerCut() throws {
        let vault = try TestDatabase()
        try vault.create(rows: 20)
        let before = try vault.crashed()
        let cut = PowerCut()
        // How many events had happened when so many rows had been acknowledged.
        var acknowledged: [(events: Int, rows: Int)] = [(0, 20)]
        try cut.record(below: vault.directory.path) {
            let pool = try vault.open()
            for round in 0..<24 {
                try pool.pool.write { db in
                    try TestDatabase.insert(db, 1)
                    try db.execute(sql: "UPDATE note SET body = body || 'x' WHERE id % 5 = 0")
                }
                acknowledged.append((cut.count, 21 + round))
                if round % 6 == 5 { try pool.checkpoint(empties: round % 12 == 11) }
            }
            try pool.close()
        }
        let start = UInt64.random(in: 0...1 << 40)
        print("seeds from \(start), \(cut.count) events")
        for seed in start..<start + 120 {
            var random = SplitMix64(seed: seed)
            let end = Int(random.next() % UInt64(cut.count + 1))
            let copy = try before.crashed()
            try cut.replay(upTo: end, seed: seed, original: vault.directory.path, root: copy.directory.path)
            let least = acknowledged.last { $0.events <= end }?.rows ?? 0
            do {
                let pool = try copy.open()
                let found = try pool.verify()
                #expect(found.isIntact, "seed \(seed), cut \(end): \(found)")
                try pool.close()
                try copy.requireFreshness()
                let rows = try copy.count()
                #expect(rows >= least && rows <= least + 1, "seed \(seed), cut \(end)")
            } catch {
                Issue.record("seed \(seed), cut \(end): \(error)")
            }
        }
    }
}
