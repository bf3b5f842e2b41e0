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
        var steps = 0
        for round in 0..<stressCount("AI_TEAM_TEST_KILLS", 16) {
            let change = 1 + random.next() % 400
            let worker = try WorkerProcess(["index-churn", home.root, "\(random.next())", "\(change)"])
            steps += worker.lines().count
            #expect(worker.wait() == -1, "seed \(seed), round \(round)")
            try check(home, "seed \(seed), round \(round)")
        }
        print("\(steps) steps were done before the kills")
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
