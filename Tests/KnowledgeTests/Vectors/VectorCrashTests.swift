import Knowledge
import TestSupport
import Testing
import Vault

/// Processes that die while they make the vectors of a new model, anywhere. How many: `AI_TEAM_TEST_KILLS`.
@Suite struct VectorCrashTests {
    private static let chunks = 1030
    private static let old = OldModel()

    /// A model that is quick and sure: a text's vector follows from its bytes.
    private struct OldModel: Embedder {
        let model = EmbeddingModel(
            provider: "test", model: "old", dimensions: 64, prefixVersion: "0", languages: .all)
        let batch = 64

        func embed(documents: [String]) throws -> [[Float]] { documents.map(embed) }

        func embed(query: String) -> [Float] {
            var random = SplitMix64(seed: query.utf8.reduce(3) { $0 &* 31 &+ UInt64($1) })
            return UnitVector.of(randomVector(model.dimensions, &random)) ?? []
        }
    }

    /// A home whose passages have the vectors of a model.
    private let original: VaultHome

    init() throws {
        original = try VaultHome()
        let vault = try original.open()
        let text = (0..<Self.chunks).map { "## Part \($0)\n\n第 \($0) 段 word\($0 * 7)。\n\n" }.joined()
        _ = try vault.addDocument(
            Array(text.utf8), title: "Parts", category: "test", options: VectorCrashTests.options)
        #expect(try vault.read { try $0.indexCounts().chunks } == Self.chunks)
        #expect(try VectorFilling(vault, Self.old, settings: "{}").run().isComplete)
        try vault.close()
    }

    private static var options: UploadOptions {
        var options = UploadOptions()
        options.indexer = ChunkIndexer()
        return options
    }

    /// The home's copy in a directory of its own, for as long as `body` runs.
    private func withCopy(_ body: (_ root: String) throws -> Void) throws {
        let directory = try TemporaryDirectory()
        try TemporaryDirectory.copyTree(original.root, to: directory("copy"))
        try body(directory("copy"))
        withExtendedLifetime(directory) {}
    }

    /// How a worker ended.
    private struct Run {
        let wasKilled: Bool
        /// Passages that it said were done.
        let embedded: Int
        /// Passages and changes to the file system that it said at its end.
        var ended: (added: Int, changes: Int)?
    }

    private func run(_ root: String, batches: Int, change: Int, anew: Bool = false) throws -> Run {
        let worker = try WorkerProcess([
            "vector-fill", root, "\(batches)", "\(change)", anew ? "anew" : "go-on",
        ])
        let lines = worker.lines().map { $0.split(separator: " ") }
        let status = worker.wait()
        #expect(status == 0 || status == -1, "\(lines)")
        func number(_ line: [Substring], _ place: Int) -> Int { Int(line[place]) ?? -1 }
        return Run(
            wasKilled: status == -1,
            embedded: lines.last { $0[0] == "embedded" }.map { number($0, 1) } ?? 0,
            ended: lines.last { $0[0] == "ended" }.map { (number($0, 1), number($0, 2)) })
    }

    /// Everything fits, and there is a model that answers.
    ///
    /// - Returns: how many vectors the new model has, and whether it is whole.
    private func check(_ root: String, _ when: Comment) throws -> (count: Int, isReady: Bool) {
        let vault = try VaultHome.open(root)
        #expect(try vault.checkSearchIndex().isEmpty, when)
        #expect(try vault.read { try $0.vectorProblems() }.isEmpty, when)
        let spaces = try vault.read { try $0.vectorSpaces() }
        for space in spaces { #expect(try vault.read { try CodeCheck.misfits($0, space) } == 0, when) }
        let old = spaces.first { $0.identity == Self.old.identity() }
        let new = spaces.first { $0.identity.model == "leaning" }
        let isReady = new?.state == .ready
        if isReady { #expect(spaces.count == 1, when) }
        if !isReady {
            let old = try #require(old, when)
            #expect(old.state == .ready, when)
            let text = VectorRecord.text(heading: "Part 31", text: "## Part 31\n\n第 31 段 word217。")
            let query = Self.old.embed(query: text)
            let near = try vault.read { tx in
                try VectorSearch(tx, old).nearest(1, to: query).compactMap {
                    try tx.passage($0.row, foundBy: nil)
                }
            }
            #expect(near.first?.heading == "Part 31", when)
        }
        let count = try new.map { space in try vault.read { try $0.vectorCount(space) } } ?? 0
        if isReady, let new {
            #expect(count == Self.chunks, when)
            #expect(new.centre.isEmpty == false, when)
            #expect(try RecallCheck.run(vault, new, queries: 3).recall == 1, when)
        }
        try vault.close()
        return (count, isReady)
    }

    @Test func killedAnywhereTheFillingGoesOnWhereItWas() throws {
        let seed = printedSeed()
        var random = SplitMix64(seed: seed)
        var total = 0
        try withCopy { total = try run($0, batches: 0, change: 0).ended?.changes ?? 0 }
        #expect(total > 20)
        var kills = 0
        while kills < stressCount("AI_TEAM_TEST_KILLS", 16) / 2 {
            try withCopy { root in
                var (before, round) = (0, 0)
                while true {
                    round += 1
                    let change = 1 + Int(random.next() % UInt64(total))
                    let when: Comment = "seed \(seed), round \(round), change \(change) of \(total)"
                    let ended = try run(root, batches: 0, change: change)
                    let (count, isReady) = try check(root, when)
                    #expect(count >= before + ended.embedded, when)
                    if let ended = ended.ended {
                        // Nothing was made twice.
                        #expect(isReady && ended.added == Self.chunks - before, when)
                        break
                    }
                    #expect(ended.wasKilled, when)
                    kills += 1
                    before = count
                    guard round < 40 else {
                        Issue.record("it never ends: \(when)")
                        break
                    }
                }
            }
        }
        print("\(kills) kills among \(total) changes")
    }

    /// The last step notes the mean, writes all codes anew, and lets the old model's vectors go.
    @Test func killedInTheLastStepItIsDoneByTheNextRun() throws {
        let seed = printedSeed()
        var random = SplitMix64(seed: seed)
        let batches = (Self.chunks + 255) / 256
        var last = 0
        try withCopy { last = try run($0, batches: batches, change: 0).ended?.changes ?? 0 }
        #expect(last > 3)
        for _ in 0..<max(2, stressCount("AI_TEAM_TEST_KILLS", 16) / 4) {
            try withCopy { root in
                let change = 1 + Int(random.next() % UInt64(last))
                let when: Comment = "seed \(seed), change \(change) of \(last)"
                let killed = try run(root, batches: batches, change: change)
                #expect(killed.wasKilled && killed.embedded == Self.chunks, when)
                #expect(try check(root, when).count == Self.chunks)
                let next = try run(root, batches: 0, change: 0)
                #expect(next.ended?.added == 0, when)
                #expect(try check(root, when).isReady, when)
            }
        }
    }

    /// Made anew, a model's vectors are there whole, in part or not at all, and what is missing comes next.
    @Test func killedWhileAllAreMadeAnewNoneIsLost() throws {
        let seed = printedSeed()
        var random = SplitMix64(seed: seed)
        var total = 0
        try withCopy { root in
            _ = try run(root, batches: 0, change: 0)
            total = try run(root, batches: 0, change: 0, anew: true).ended?.changes ?? 0
        }
        for _ in 0..<max(1, stressCount("AI_TEAM_TEST_KILLS", 16) / 4) {
            try withCopy { root in
                let change = 1 + Int(random.next() % UInt64(total))
                let when: Comment = "seed \(seed), change \(change) of \(total)"
                // The other model's vectors are whole: this model's were filled half and are made anew.
                _ = try run(root, batches: 1, change: 1)
                #expect(try run(root, batches: 0, change: change, anew: true).wasKilled, when)
                let before = try check(root, when).count
                #expect(try run(root, batches: 0, change: 0).ended?.added == Self.chunks - before, when)
                #expect(try check(root, when).isReady, when)
            }
        }
    }
}
