import Foundation
import Knowledge
import Synchronization
import TestSupport
import Testing
import Vault

@Suite struct VectorIndexTests {
    /// A model that a test makes up: the vector of a text is what the closure says.
    private struct MadeUp: Embedder {
        let model: EmbeddingModel
        let batch = 16
        let vector: @Sendable (String) throws -> [Float]

        init(
            _ name: String = "made-up", dimensions: Int = 64,
            _ vector: @escaping @Sendable (String) throws -> [Float]
        ) {
            model = EmbeddingModel(
                provider: "test", model: name, dimensions: dimensions, prefixVersion: "0", languages: .all)
            self.vector = vector
        }

        func embed(documents: [String]) throws -> [[Float]] { try documents.map(vector) }
        func embed(query: String) throws -> [Float] { try vector(query) }

        /// Any direction, always the same for a text.
        static func random(_ name: String = "made-up", dimensions: Int = 64, mean: Float = 0) -> MadeUp {
            MadeUp(name, dimensions: dimensions) { text in
                var random = SplitMix64(seed: text.utf8.reduce(5) { $0 &* 31 &+ UInt64($1) })
                return UnitVector.of(randomVector(dimensions, &random).map { $0 + mean }) ?? []
            }
        }
    }

    private func fixture(documents: Int) throws -> SearchFixture {
        let fixture = try SearchFixture()
        for number in 0..<documents {
            try fixture.write("\(number).md", "# Note \(number)\n\nWord\(number * 7)\n")
        }
        try fixture.upload()
        return fixture
    }

    private func fill(_ fixture: SearchFixture, _ embedder: MadeUp) throws -> VectorSpace {
        let report = try VectorFilling(fixture.vault, embedder, settings: "{}").run()
        #expect(report.isComplete)
        return try #require(try fixture.vault.read { try $0.vectorSpace(embedder.identity()) })
    }

    private func texts(_ fixture: SearchFixture, _ space: VectorSpace, _ query: [Float], _ count: Int) throws
        -> [String]
    {
        try fixture.vault.read { tx in
            try VectorSearch(tx, space).nearest(count, to: query).compactMap { near in
                try tx.passage(near.row, foundBy: nil)?.title
            }
        }
    }

    @Test func theNearestAreFoundAfterInsertsChangesAndDeletes() throws {
        let fixture = try fixture(documents: 60)
        let embedder = MadeUp.random()
        var space = try fill(fixture, embedder)
        #expect(space.state == .ready)
        // Change a third, remove a third: slots are used again.
        for number in 0..<20 { try fixture.write("\(number).md", "# Note \(number)\n\nOther\(number)\n") }
        try fixture.upload()
        let documents = try fixture.vault.read { try $0.documents().items }
        for document in documents where document.title.hasSuffix("5") || document.title.hasSuffix("7") {
            try fixture.vault.write { tx in
                try tx.deleteDocument(document.id)
                try tx.purgeDocument(document.id)
            }
        }
        space = try fill(fixture, embedder)
        let (count, chunks, problems) = try fixture.vault.read {
            (try $0.vectorCount(space), try $0.indexCounts().chunks, try $0.vectorProblems())
        }
        #expect(count == chunks)
        #expect(problems.isEmpty)
        for word in ["Note 3\n# Note 3\n\nOther3", "x"] {
            let query = try embedder.embed(query: word)
            let fast = try fixture.vault.read { try VectorSearch($0, space).nearest(10, to: query) }
            let exact = try fixture.vault.read { try VectorSearch($0, space).exact(10, to: query) }
            #expect(fast == exact)
        }
    }

    @Test func aPurgedDocumentLeavesNoCode() throws {
        let fixture = try fixture(documents: 3)
        let space = try fill(fixture, MadeUp.random())
        func codes() throws -> [UInt8] {
            var all: [UInt8] = []
            try fixture.vault.read {
                try $0.eachVectorBlock(space) { _, _, bytes in
                    all += Array(bytes ?? .init(start: nil, count: 0))
                }
            }
            return all
        }
        #expect(try codes().contains { $0 != 0 })
        for document in try fixture.vault.read({ try $0.documents().items }) {
            try fixture.vault.write { tx in
                try tx.deleteDocument(document.id)
                try tx.purgeDocument(document.id)
            }
        }
        #expect(try codes().allSatisfy { $0 == 0 })
        #expect(try fixture.vault.read { try $0.vectorCount(space) } == 0)
    }

    @Test func whatWasInterruptedGoesOnAndTheOldModelIsSearchedMeanwhile() throws {
        struct Stop: Error {}
        let fixture = try fixture(documents: 300)
        let old = MadeUp.random("old")
        let oldSpace = try fill(fixture, old)
        let calls = Counter()
        let new = MadeUp("new", dimensions: 128) { text in
            guard calls.next() < 260 else { throw Stop() }
            return try MadeUp.random("new", dimensions: 128).vector(text)
        }
        #expect(throws: Stop.self) { try VectorFilling(fixture.vault, new, settings: "{}").run() }
        let half = try #require(try fixture.vault.read { try $0.vectorSpace(new.identity()) })
        #expect(half.state == .filling)
        #expect(try fixture.vault.read { try $0.vectorCount(half) } == 256)
        #expect(try texts(fixture, oldSpace, old.embed(query: "x"), 5).count == 5)
        calls.reset()
        let report = try VectorFilling(fixture.vault, new, settings: "{}").run()
        #expect(report.added == 44)
        let spaces = try fixture.vault.read { try $0.vectorSpaces() }
        #expect(spaces.map(\.identity.model) == ["new"])
        #expect(spaces.map(\.state) == [.ready])
        #expect(try fixture.vault.read { try $0.vectorProblems() }.isEmpty)
    }

    @Test func vectorsOfTwoModelsNeverMeet() throws {
        let fixture = try fixture(documents: 5)
        let space = try fill(fixture, MadeUp.random(dimensions: 64))
        #expect(throws: VaultError.self) {
            try fixture.vault.read { tx in
                _ = try VectorSearch(tx, space).nearest(3, to: [Float](repeating: 0.1, count: 65))
            }
        }
    }

    /// Vectors that all lean one way have codes that are all alike, unless their mean is taken off. The first
    /// few do not decide which way: the mean is that of what is there, and the codes are always those of it.
    @Test func codesAreTakenFromTheMeanWhereVectorsLeanOneWay() throws {
        let fixture = try SearchFixture()
        func write(_ name: String, _ notes: Range<Int>) throws {
            let sections = notes.map { "# Note \($0)\n\nWord\($0 * 7)\n" }
            try fixture.write(name, sections.joined(separator: "\n"))
            try fixture.upload()
        }
        func misfits(_ space: VectorSpace) throws -> Int {
            try fixture.vault.read { try CodeCheck.misfits($0, space) }
        }
        // Those of the first notes lean the other way.
        let embedder = MadeUp("leaning", dimensions: 384) { text in
            var random = SplitMix64(seed: text.utf8.reduce(5) { $0 &* 31 &+ UInt64($1) })
            let mean: Float = text.hasPrefix("Note 0") ? -2 : 2
            return UnitVector.of(randomVector(384, &random).map { $0 + mean }) ?? []
        }
        try write("0.md", 0..<1)
        let first = try fill(fixture, embedder)
        #expect(first.centre.isEmpty)
        #expect(try misfits(first) == 0)
        try write("1.md", 1..<Rerank.most + 10)
        let space = try fill(fixture, embedder)
        #expect(space.centre.count == 384 * 4)
        #expect(space.centred == Rerank.most + 10)
        #expect(try misfits(space) == 0)
        let query = try embedder.embed(query: "Note 9\n# Note 9\n\nWord63")
        let bits = SignCode(query, centre: VectorRecord.centre(of: space)).words
            .reduce(0) { $0 + $1.nonzeroBitCount }
        #expect((96...288).contains(bits))
        let check = try RecallCheck.run(fixture.vault, space, queries: 10)
        #expect(check.queries == 10)
        #expect(check.recall >= RecallCheck.sufficient)
        // A few more change nothing, and have codes from the same mean.
        try write("2.md", 5000..<5020)
        let later = try fill(fixture, embedder)
        #expect(later.centre == space.centre)
        #expect(try misfits(later) == 0)
        #expect(try misfits(first) > Rerank.most / 2)
    }

    @Test func filtersCountBeforeTheScanAndTheCacheSeesEveryChange() throws {
        let fixture = try fixture(documents: 30)
        let embedder = MadeUp.random()
        let cache = CodeCache()
        let space = try fill(fixture, embedder)
        let query = try embedder.embed(query: "q")
        var filter = DocumentFilter()
        filter.tag = "chosen"
        let chosen = try fixture.vault.read { try $0.documents().items[7] }
        try fixture.vault.write { _ = try $0.updateDocument(chosen.id, tags: ["chosen"]) }
        func found(_ filter: DocumentFilter) throws -> [NearChunk] {
            try fixture.vault.read {
                try VectorSearch($0, space).nearest(30, to: query, filter, cache: cache)
            }
        }
        #expect(try found(filter).count == 1)
        #expect(try found(DocumentFilter()).count == 30)
        try fixture.vault.write { tx in
            try tx.deleteDocument(chosen.id)
            try tx.purgeDocument(chosen.id)
        }
        #expect(try found(DocumentFilter()).count == 29)
        try fixture.write("new.md", "# New\n\nSomething\n")
        try fixture.upload()
        _ = try fill(fixture, embedder)
        #expect(try found(DocumentFilter()).count == 30)
    }

    /// What is in the trash takes no place among the candidates, and is there again when it is restored.
    @Test func theTrashTakesNoPlaces() throws {
        let fixture = try fixture(documents: Rerank.most + 40)
        let embedder = MadeUp("alike") { text in
            // All but the last few lie right at the query.
            let isFar = text.contains("Note 103")
            return UnitVector.of((0..<64).map { $0 == 0 ? 1 : isFar ? 0.5 : 0 }) ?? []
        }
        let cache = CodeCache()
        let space = try fill(fixture, embedder)
        let query: [Float] = [1] + [Float](repeating: 0, count: 63)
        func found() throws -> Set<Int64> {
            try fixture.vault.read { tx in
                let kept = try VectorSearch(tx, space).nearest(10, to: query, cache: cache)
                #expect(try VectorSearch(tx, space).nearest(10, to: query) == kept)
                let exact = try VectorSearch(tx, space).exact(10, to: query)
                #expect(exact == kept)
                return Set(try kept.compactMap { try tx.document(ofChunk: $0.row) })
            }
        }
        let before = try found()
        #expect(before.count == 10)
        let documents = try fixture.vault.read { try $0.documents(limit: 10_000).items }
        let near = documents.filter { !$0.title.contains("Note 103") }
        #expect(near.count >= Rerank.most)
        try fixture.vault.write { tx in for document in near { try tx.deleteDocument(document.id) } }
        let after = try found()
        #expect(after.count == 10)
        #expect(after.isDisjoint(with: before))
        try fixture.vault.write { tx in for document in near { _ = try tx.restoreDocument(document.id) } }
        #expect(try found() == before)
    }

    /// The lexical vectors are there when the upload returns.
    @Test func anUploadWritesTextAndVectorsTogether() throws {
        let fixture = try SearchFixture()
        try fixture.write("a.md", "# Keys\n\nRotate the keys of the vault every year.\n")
        try fixture.write("b.md", "# 備份\n\n每天備份到雲端。\n")
        var options = UploadOptions()
        let settings = try EmbeddingSettings(HomeConfiguration(of: #require(fixture.vault.home)))
        options.indexer = ChunkIndexer(embedding: PieceEmbedding(settings))
        _ = try fixture.vault.upload(
            [Array(".".utf8)], workingDirectory: Array(fixture.files.path.utf8), options: options)
        let embedder = LexicalEmbedder()
        let space = try #require(try fixture.vault.read { try $0.vectorSpace(embedder.identity()) })
        #expect(try fixture.vault.read { try $0.vectorCount(space) } == 2)
        for (query, title) in [("rotating a key", "Keys"), ("備份", "備份")] {
            let hits = try fixture.vault.read { tx in
                try HybridRanking.hits(
                    tx, query, .vector, DocumentFilter(), limit: 5,
                    vectors: VectorSide(
                        space: space, query: embedder.embed(query: query), model: embedder.model))
            }
            #expect(hits.first?.passage.title == title)
            #expect(hits.first?.matched == [.vector])
        }
    }

    private final class Counter: Sendable {
        private let count = Mutex(0)
        func next() -> Int {
            count.withLock { count in
                count += 1
                return count - 1
            }
        }
        func reset() { count.withLock { $0 = 0 } }
    }
}
