internal import Cryptography
internal import Dispatch
internal import FileSystem
internal import Synchronization

/// Vectors by a model in a folder of this machine, computed here: nothing leaves it.
///
/// The folder is one of a model of the BERT family as its makers publish it: `config.json`, `tokenizer.json`,
/// `model.safetensors`, and where they are there `1_Pooling/config.json` and `sentence_bert_config.json`.
public struct LocalEmbedder: Embedder {
    public let model: EmbeddingModel
    public let batch = 64

    private let weights: BertModel
    private let tokenizer: TokenizerFile
    private let limit: Int
    private let queryPrefix: String
    private let documentPrefix: String
    private let workers: Int

    /// - Parameter languages: nil for what the vocabulary and the folder's name say.
    /// - Throws: `EmbeddingError` for a folder that is incomplete or not understood, or without OpenBLAS.
    public init(
        folder: String, queryPrefix: String = "", documentPrefix: String = "",
        languages: ModelLanguages? = nil, workers: Int? = nil
    ) throws {
        let configuration = try BertConfiguration(folder: folder)
        tokenizer = try TokenizerFile(folder + "/tokenizer.json")
        guard tokenizer.largestID < configuration.vocabulary else {
            throw EmbeddingError(
                .missing, "\(folder): tokenizer.json knows more pieces than config.json's vocab_size",
                hint: "the files of the folder belong to different models")
        }
        weights = try BertModel(configuration, weights: folder + "/model.safetensors")
        limit = configuration.lengthLimit
        self.queryPrefix = queryPrefix
        self.documentPrefix = documentPrefix
        self.workers = max(1, workers ?? Cores.count)
        model = EmbeddingModel(
            provider: "local", model: try Self.name(folder), dimensions: configuration.hidden,
            prefixVersion: Prefixes.version(query: queryPrefix, document: documentPrefix),
            languages: languages ?? tokenizer.languages(of: Path.name(folder)))
    }

    /// The folder's name, and a hash of the files that decide about vectors: the weights' by their header and
    /// size, since all of them take seconds to read.
    private static func name(_ folder: String) throws -> String {
        do {
            var hasher = Hasher(.sha256)
            for file in ["config.json", "tokenizer.json"] {
                hasher.update(Hash.digest(.sha256, try Files.readAll("\(folder)/\(file)", limit: 64 << 20)))
            }
            let weights = try File.open(folder + "/model.safetensors", .read)
            hasher.update(Array("\(try weights.size())".utf8))
            hasher.update(try weights.read(count: 1 << 20, at: 0))
            let hash = hasher.finalize().prefix(6).map { byte in
                (byte < 16 ? "0" : "") + String(byte, radix: 16)
            }
            return Path.name(folder) + "-" + hash.joined()
        } catch {
            throw EmbeddingError(.missing, "\(folder): \(error)", hint: "name the folder of a model")
        }
    }

    public func embed(documents: [String]) throws -> [[Float]] {
        try vectors(documents.map { documentPrefix + $0 })
    }

    public func embed(query: String) throws -> [Float] { try vectors([queryPrefix + query])[0] }

    /// Texts of like length go together, so that all workers end at about the same time.
    private func vectors(_ texts: [String]) throws -> [[Float]] {
        let ids = texts.map { tokenizer.ids($0, limit: limit) }
        let order = ids.indices.sorted { ids[$0].count < ids[$1].count }
        let parts = (0..<min(workers, order.count)).map { worker in
            stride(from: worker, to: order.count, by: workers).map { order[$0] }
        }
        let results = Mutex<[Int: Result<[Float], any Error>]>([:])
        DispatchQueue.concurrentPerform(iterations: parts.count) { part in
            var space = BertModel.Workspace()
            for group in groups(parts[part], ids) {
                let outcome = Result { try weights.vectors(group.map { ids[$0] }, &space) }
                results.withLock { results in
                    for (place, text) in group.enumerated() { results[text] = outcome.map { $0[place] } }
                }
            }
        }
        let found = results.withLock { $0 }
        return try texts.indices.map { text in
            // A text without a single id has no vector in any model.
            guard let vector = try found[text]?.get(), let unit = UnitVector.of(vector) else {
                throw EmbeddingError(.invalidAnswer, "the model gave a text no vector")
            }
            return unit
        }
    }

    /// Ids that go through at once, so that the rows of a layer stay near.
    private static let groupIDs = 1024

    private func groups(_ texts: [Int], _ ids: [[Int]]) -> [[Int]] {
        var groups: [[Int]] = []
        var size = 0
        for text in texts where !ids[text].isEmpty {
            if groups.isEmpty || size + ids[text].count > Self.groupIDs {
                groups.append([])
                size = 0
            }
            groups[groups.count - 1].append(text)
            size += ids[text].count
        }
        return groups
    }
}
