internal import Synchronization

/// Counts the documents' texts that a model was not made for, on their way to it.
public final class LanguageCount: Embedder {
    private let embedder: any Embedder
    private let counts = Mutex<(texts: Int, others: Int)>((0, 0))

    public init(_ embedder: any Embedder) { self.embedder = embedder }

    public var model: EmbeddingModel { embedder.model }
    public var batch: Int { embedder.batch }
    /// Texts of documents so far.
    public var texts: Int { counts.withLock { $0.texts } }
    /// Those of them that the model was not made for.
    public var others: Int { counts.withLock { $0.others } }

    public func embed(documents: [String]) throws -> [[Float]] {
        let vectors = try embedder.embed(documents: documents)
        let others = documents.count { !model.languages.cover($0) }
        counts.withLock { $0 = ($0.texts + documents.count, $0.others + others) }
        return vectors
    }

    public func embed(query: String) throws -> [Float] { try embedder.embed(query: query) }
}
