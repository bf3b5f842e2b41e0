import TestSupport
import Testing
import Vault

/// The database against the fold in memory, on changes that no program of ours would make.
@Suite struct SQLFoldTests {
    @Test func theDatabaseFoldsAsMemoryDoes() throws {
        let start = UInt64.random(in: 0...1 << 40)
        print("seeds from \(start)")
        for seed in start..<start + 6 {
            var made = RandomBatches(seed: seed)
            let batches = made.make(60)
            var plain = ReplicaState()
            for batch in batches { plain.apply(batch) }
            for order in [batches, made.shuffled()] {
                let test = try TestVault(seed: seed, device: 77)
                var rest = order[...]
                while !rest.isEmpty {
                    let part = Array(rest.prefix(1 + made.below(9)))
                    rest = rest.dropFirst(part.count)
                    try test.vault.write { try $0.apply(part) }
                }
                #expect(try test.vault.read { try $0.stateRoot() } == plain.root(), "seed \(seed)")
                for key in plain.keys {
                    let stored = try test.vault.read { try $0.state(key) }
                    #expect(stored.canonicalBytes() == plain[key]?.canonicalBytes(), "seed \(seed), \(key)")
                }
                // What shows is what counts, and nothing that is purged.
                for key in plain.keys where key.collection == 1 {
                    guard let state = plain[key], state.purge == nil, let title = state.winner(2)
                    else { continue }
                    var shown = ""
                    if case .text(let text) = title.value { shown = text }
                    let task = try test.vault.read { try $0.task(key.id) }
                    #expect(task.title == shown, "seed \(seed), \(key)")
                }
                try test.checkIndex()
                _ = try visibleState(test.vault)
                _ = try test.vault.read { try $0.conflicts() }
            }
        }
    }
}
