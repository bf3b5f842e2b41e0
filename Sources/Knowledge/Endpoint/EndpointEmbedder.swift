public import ObjectStorage
internal import Vault

/// Vectors by any server that speaks OpenAI's `POST /v1/embeddings`: Ollama, llama.cpp, vLLM, a cloud.
/// What is sent is the text of chunks and queries; whoever makes one has told the person so.
public struct EndpointEmbedder: Embedder {
    /// Bytes that an answer may have for each text, whatever the model.
    private static let answerLimit = 1 << 18
    /// More numbers than any model's vector has.
    private static let dimensionsLimit = 16_384

    /// How often and how long a request is tried again.
    public struct Retries: Sendable {
        public var attempts = 4
        /// The first pause is below this many milliseconds, and the bound doubles.
        public var firstPause: UInt64 = 500
        public var longestPause: UInt64 = 15_000

        public init() {}
    }

    public let model: EmbeddingModel
    public var batch: Int { max(1, endpoint.batch) }

    private let endpoint: EmbeddingEndpoint
    private let key: EndpointKey?
    private let client: HTTPClient
    private let retries: Retries
    private let surroundings: StoreSurroundings

    /// Asks the server for a vector where the number of its dimensions is not known.
    ///
    /// - Throws: `EmbeddingError`
    public init(
        _ endpoint: EmbeddingEndpoint, key: EndpointKey?, retries: Retries = Retries(),
        surroundings: StoreSurroundings = .system
    ) throws {
        var options = HTTPClient.Options()
        options.caFile = endpoint.caFile
        options.slowBytes = 1
        options.slowSeconds = max(1, endpoint.timeoutSeconds)
        options.avoidsProxy = endpoint.isLoopback
        client = HTTPClient(options)
        self.endpoint = endpoint
        self.key = key
        self.retries = retries
        self.surroundings = surroundings
        let request = Request(endpoint, key, client, retries, surroundings)
        let dimensions =
            try endpoint.dimensions ?? endpoint.knownDimensions
            ?? request.vectors(["a"], dimensions: nil)[0].count
        model = EmbeddingModel(
            provider: "openai", model: endpoint.model, dimensions: dimensions,
            prefixVersion: Prefixes.version(query: endpoint.queryPrefix, document: endpoint.documentPrefix),
            languages: endpoint.languages)
    }

    public func embed(documents: [String]) throws -> [[Float]] {
        var vectors: [[Float]] = []
        let request = Request(endpoint, key, client, retries, surroundings)
        for start in stride(from: 0, to: documents.count, by: batch) {
            let texts = documents[start..<min(start + batch, documents.count)]
            vectors += try request.vectors(
                texts.map { endpoint.documentPrefix + $0 }, dimensions: model.dimensions)
        }
        return vectors
    }

    public func embed(query: String) throws -> [Float] {
        try Request(endpoint, key, client, retries, surroundings)
            .vectors([endpoint.queryPrefix + query], dimensions: model.dimensions)[0]
    }

    /// One request, and what may be believed of its answer.
    private struct Request {
        let endpoint: EmbeddingEndpoint
        let key: EndpointKey?
        let client: HTTPClient
        let retries: Retries
        let surroundings: StoreSurroundings

        init(
            _ endpoint: EmbeddingEndpoint, _ key: EndpointKey?, _ client: HTTPClient, _ retries: Retries,
            _ surroundings: StoreSurroundings
        ) {
            self.endpoint = endpoint
            self.key = key
            self.client = client
            self.retries = retries
            self.surroundings = surroundings
        }

        private var name: String { "the embedding endpoint \(endpoint.url)" }

        /// The vectors of `texts`, of length 1; tried again while the server is busy or away.
        func vectors(_ texts: [String], dimensions: Int?) throws -> [[Float]] {
            var attempt = 1
            while true {
                do {
                    return try read(send(texts), count: texts.count, dimensions: dimensions)
                } catch let error as Delayed {
                    guard attempt < retries.attempts else { throw error.reason }
                    let bound = retries.firstPause << UInt64(min(attempt - 1, 20))
                    let pause = surroundings.random(min(bound, retries.longestPause) + 1)
                    surroundings.wait(max(pause, min(error.milliseconds, 4 * retries.longestPause)))
                    attempt += 1
                }
            }
        }

        /// What may succeed a moment later.
        private struct Delayed: Error {
            let reason: EmbeddingError
            var milliseconds: UInt64 = 0
        }

        private func body(_ texts: [String]) -> [UInt8] {
            var writer = JSONWriter()
            writer.object { writer in
                writer.field("model", endpoint.model)
                writer.field("input", texts)
                writer.field("encoding_format", "float")
                if let dimensions = endpoint.dimensions { writer.field("dimensions", dimensions) }
            }
            return Array(writer.text.utf8)
        }

        private func send(_ texts: [String]) throws -> [UInt8] {
            let request = HTTPRequest(
                method: "POST", url: endpoint.url + "/embeddings",
                headers: [(name: "content-type", value: "application/json")], body: .bytes(body(texts)),
                secretHeader: key?.header)
            var answer: [UInt8] = []
            let response: HTTPResponse
            do {
                response = try client.send(request) { bytes in
                    guard answer.count + bytes.count <= EndpointEmbedder.answerLimit * (texts.count + 1)
                    else {
                        throw invalid("is longer than vectors can be")
                    }
                    answer.append(contentsOf: bytes)
                }
            } catch let failure as TransferFailure {
                let error = EmbeddingError(
                    .unreachable, "\(name): \(failure.message)",
                    hint: "start it, or look at embeddings.url; text search works without it")
                if failure.reason == .connection { throw Delayed(reason: error) }
                throw error
            } catch let error as StorageError {
                throw EmbeddingError(.missing, error.message, hint: error.hint)
            }
            guard !response.isSuccess else { return answer }
            throw refusal(response)
        }

        /// The server's own words may repeat what it was sent, so they are not shown.
        private func refusal(_ response: HTTPResponse) -> any Error {
            let message = "\(name) answers status \(response.status)"
            switch response.status {
            case 401, 403:
                return EmbeddingError(
                    .unreachable, message, hint: "it wants another key: ai-team kb embed --login")
            case 404:
                return EmbeddingError(
                    .unreachable, message,
                    hint: "look at embeddings.url, which often ends with /v1, and embeddings.model")
            case 408, 425, 429, 500, 502, 503, 504:
                let seconds = response.headers["retry-after"].flatMap { UInt64($0) } ?? 0
                return Delayed(
                    reason: EmbeddingError(.unreachable, message, hint: "try again later"),
                    milliseconds: min(seconds, 3600) * 1000)
            default: return EmbeddingError(.unreachable, message)
            }
        }

        private func invalid(_ what: String) -> EmbeddingError {
            EmbeddingError(
                .invalidAnswer, "the answer of \(name) \(what)",
                hint: "look at embeddings.model and embeddings.dimensions; text search works without it")
        }

        /// Every text must have got one vector, in whatever order they came.
        private func read(_ bytes: [UInt8], count: Int, dimensions: Int?) throws -> [[Float]] {
            let json: JSONValue
            do { json = try JSONValue(parsing: bytes) } catch { throw invalid("is no JSON") }
            guard let data = json.object?["data"]?.array else { throw invalid("has no data") }
            guard data.count == count else {
                throw invalid("has \(data.count) vectors for \(count) texts")
            }
            var vectors = [[Float]?](repeating: nil, count: count)
            for (place, entry) in data.enumerated() {
                guard let object = entry.object, let numbers = object["embedding"]?.array else {
                    throw invalid("has an entry without an embedding")
                }
                let index = object["index"].map { $0.integer.map { Int(clamping: $0) } ?? -1 } ?? place
                guard vectors.indices.contains(index), vectors[index] == nil else {
                    throw invalid("gives two vectors to one text, or one to none")
                }
                vectors[index] = try vector(numbers, dimensions: dimensions)
            }
            let sizes = Set(vectors.map { $0?.count ?? 0 })
            guard sizes.count == 1 else { throw invalid("has vectors of different sizes") }
            return vectors.compactMap(\.self)
        }

        private func vector(_ numbers: [JSONValue], dimensions: Int?) throws -> [Float] {
            let values = numbers.compactMap { number -> Float? in
                switch number {
                case .integer(let value): Float(value)
                case .number(let value): Float(value)
                default: nil
                }
            }
            guard values.count == numbers.count, !values.contains(where: { !$0.isFinite }) else {
                throw invalid("has a vector with something that is no number")
            }
            guard 8...EndpointEmbedder.dimensionsLimit ~= values.count,
                dimensions ?? values.count == values.count
            else {
                throw invalid(
                    "has a vector of \(values.count) dimensions"
                        + (dimensions.map { " instead of \($0)" } ?? ""))
            }
            guard let unit = UnitVector.of(values) else { throw invalid("has a vector of zeros") }
            return unit
        }
    }
}
