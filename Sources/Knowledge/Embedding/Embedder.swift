/// Which vectors belong together: those of one space are compared with each other and with nothing else.
public struct EmbeddingModel: Sendable, Hashable {
    /// What makes the vectors: `lexical`, `openai`, `local`.
    public let provider: String
    /// The model's name, or for one in a folder its name and the hash of its weights.
    public let model: String
    public let dimensions: Int
    /// Names the text that is put before documents and queries: another text makes other vectors.
    public let prefixVersion: String
    /// Languages that the model was made for.
    public let languages: ModelLanguages

    public init(
        provider: String, model: String, dimensions: Int, prefixVersion: String, languages: ModelLanguages
    ) {
        self.provider = provider
        self.model = model
        self.dimensions = dimensions
        self.prefixVersion = prefixVersion
        self.languages = languages
    }
}

/// Turns text into vectors of length 1 whose dot product says how near two texts are.
public protocol Embedder: Sendable {
    var model: EmbeddingModel { get }
    /// How many texts one call should bring.
    var batch: Int { get }
    /// The vectors of documents' chunks, in their order.
    ///
    /// - Throws: `EmbeddingError`
    func embed(documents: [String]) throws -> [[Float]]
    /// The vector of a query.
    ///
    /// - Throws: `EmbeddingError`
    func embed(query: String) throws -> [Float]
}

/// Why a text got no vector, and what to do about it.
public struct EmbeddingError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A kind of failure.
    public struct Code: Sendable, Hashable {
        let name: String

        /// The settings, the model's folder, a library: it will fail again.
        public static let missing = Code(name: "missing")
        /// The endpoint does not answer now.
        public static let unreachable = Code(name: "unreachable")
        /// The endpoint or the model gave what can't be used.
        public static let invalidAnswer = Code(name: "invalidAnswer")
    }

    public let code: Code
    /// What happened and why: lower case, no full stop.
    public let message: String
    /// What to do about it.
    public let hint: String?

    public init(_ code: Code, _ message: String, hint: String? = nil) {
        self.code = code
        self.message = message
        self.hint = hint
    }

    public var description: String { hint.map { "\(message) (\($0))" } ?? message }
}
