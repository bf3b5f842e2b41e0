import Glibc
import Knowledge
import TestSupport
import Testing
import Vault

@Suite struct IndexCrashTests {
    /// What dies while it uploads or indexes leaves an index that fits its documents, and the next search
    /// brings in what is missing.
    @Test func aCrashLeavesAnIndexThatFits() throws {
        let seed = printedSeed()
        var random = SplitMix64(seed: seed)
        let home = try VaultHome()
        for round in 0..<8 {
            let worker = try WorkerProcess(["index-churn", home.root, "\(random.next())"])
            let wanted = Int(random.next() % 4)
            worker.lines { $0.count >= wanted }
            usleep(UInt32(random.next() % 30_000))
            worker.kill()
            #expect(worker.wait() == -1, "seed \(seed), round \(round)")
            try check(home, "seed \(seed), round \(round)")
        }
    }

    private func check(_ home: VaultHome, _ when: Comment) throws {
        let vault = try home.open(timeout: .seconds(30))
        #expect(try vault.checkSearchIndex().isEmpty, when)
        #expect(try vault.indexDocuments(ChunkIndexer()).isComplete, when)
        #expect(try vault.checkSearchIndex().isEmpty, when)
        #expect(try vault.read { try $0.unindexedCount(version: ChunkIndexer().version) } == 0, when)
        for document in try vault.read({ try $0.documents().items }) {
            let hits = try vault.read { try TextRanking.hits($0, "\"\(document.title)\"", limit: 20) }
            #expect(hits.contains { $0.passage.documentID == document.id }, when)
        }
        try vault.close()
    }
}
