package import Vault

/// How far the vectors of a model are.
public struct FillingReport: Sendable, Equatable {
    /// Chunks that got a vector now.
    public var added = 0
    /// Whether every chunk has one.
    public var isComplete = false
}

/// Gives chunks the vectors that they have none of yet. What was done stays done, batch by batch: called
/// again after whatever stopped it, it goes on.
package struct VectorFilling {
    private let vault: Vault
    private let embedder: any Embedder
    private let settings: String
    private let element: VectorElement

    /// Chunks of one transaction.
    private static let batchChunks = 256
    /// A mean longer than this, for vectors of length 1, makes most codes alike.
    private static let centreLength: Float = 0.3

    package init(
        _ vault: Vault, _ embedder: any Embedder, settings: String, element: VectorElement = .float16
    ) {
        self.vault = vault
        self.embedder = embedder
        self.settings = settings
        self.element = element
    }

    /// Fills the embedder's space; once it is whole, it takes the place of all others.
    ///
    /// - Parameters:
    ///   - patience: when to stop; nil for not before the end.
    ///   - progress: called after each batch with the chunks so far.
    package func run(
        patience: Duration? = nil, progress: (_ chunks: Int) throws -> Void = { _ in }
    ) throws -> FillingReport {
        var report = FillingReport()
        let deadline = patience.map { ContinuousClock.now + $0 }
        let identity = embedder.identity(element)
        var space = try vault.read { try $0.vectorSpace(identity) }
        if space == nil { space = try vault.write { try $0.makeVectorSpace(identity, settings: settings) } }
        guard let space else { return report }
        if space.state == .ready, try vault.read({ try !$0.hasNewChunks(space) }) {
            report.isComplete = true
            return report
        }
        var last = space.filled
        while true {
            let chunks = try vault.read {
                try $0.chunksWithoutVector(space, after: last, limit: Self.batchChunks)
            }
            guard let end = chunks.last else { break }
            if let deadline, ContinuousClock.now >= deadline { return report }
            report.added += try add(chunks, to: space, after: last)
            last = end.row
            try progress(report.added)
        }
        if report.added > 0 || space.state == .filling { try centre(space) }
        if space.state == .filling { try finish(space) }
        try vault.write { try $0.noteFilled(space) }
        report.isComplete = true
        return report
    }

    private func add(_ chunks: [UnembeddedChunk], to space: VectorSpace, after last: Int64) throws -> Int {
        let vectors = try embedder.embed(
            documents: chunks.map { VectorRecord.text(heading: $0.heading, text: $0.text) })
        return try vault.write { tx in
            guard let space = try tx.vectorSpace(space.identity) else {
                throw VaultError(
                    .conflict, "the vectors of \(space.identity.model) were removed while they were made",
                    hint: "another process made those of another model whole; run: ai-team kb embed")
            }
            let centre = VectorRecord.centre(of: space)
            // Chunks may have gone or changed, or have got their vectors from another process.
            let still = Dictionary(
                try tx.chunksWithoutVector(space, after: last, limit: Self.batchChunks).map { ($0.row, $0) },
                uniquingKeysWith: { first, _ in first })
            let new = zip(chunks, vectors).filter { still[$0.0.row] == $0.0 }.map { chunk, vector in
                (chunk: chunk.row, value: VectorRecord.stored(vector, element, centre: centre))
            }
            try tx.addVectors(new, to: space)
            return new.count
        }
    }

    /// Lets the other spaces go.
    private func finish(_ space: VectorSpace) throws {
        try vault.write { tx in
            try tx.setReady(space)
            for other in try tx.vectorSpaces() where other.id != space.id { try tx.removeVectorSpace(other) }
        }
    }

    /// Takes the codes from the mean of the vectors, where these have a direction in common. Fewer than
    /// `Rerank.most` are all compared; and as the first say little about those that come, the mean is looked
    /// at again whenever there are four times as many. The codes of lexical vectors are written with the
    /// texts, and are not centred.
    private func centre(_ space: VectorSpace) throws {
        let count = try vault.read { try $0.vectorCount(space) }
        guard embedder.model.provider != "lexical", count >= max(Rerank.most, 4 * space.centred) else {
            return
        }
        let mean = try self.mean(space)
        let length = mean.reduce(0) { $0 + $1 * $1 }.squareRoot()
        let centre = length > Self.centreLength ? mean : []
        try vault.write { tx in
            guard let space = try tx.vectorSpace(space.identity) else { return }
            try tx.setCentre(StoredBytes.bytes(of: centre), of: count, space)
            guard centre != VectorRecord.centre(of: space) else { return }
            try tx.recode(space) { bytes in
                StoredVector.decode(bytes, as: element, dimensions: space.identity.dimensions)
                    .map { SignCode($0, centre: centre).words }
            }
        }
    }

    /// The mean of vectors from the whole space, some thousands at most.
    private func mean(_ space: VectorSpace) throws -> [Float] {
        var sum = [Double](repeating: 0, count: space.identity.dimensions)
        var (place, count) = (0, 0.0)
        try vault.read { tx in
            let step = max(1, try tx.vectorCount(space) / 4096)
            try tx.eachVector(space) { _, _, bytes in
                defer { place += 1 }
                guard place % step == 0,
                    let vector = StoredVector.decode(bytes, as: element, dimensions: sum.count)
                else { return true }
                for index in sum.indices { sum[index] += Double(vector[index]) }
                count += 1
                return true
            }
        }
        return sum.map { Float($0 / max(count, 1)) }
    }
}
