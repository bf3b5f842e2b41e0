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

    /// All workers cut texts into pieces, then compute groups of them; the longest texts come first, so that
    /// all end at about the same time.
    private func vectors(_ texts: [String]) throws -> [[Float]] {
        let cut = Mutex([[Int]](repeating: [], count: texts.count))
        share(texts.count) { next in
            while let text = next() {
                let ids = tokenizer.ids(texts[text], limit: limit)
                cut.withLock { $0[text] = ids }
            }
        }
        let ids = cut.withLock { $0 }
        let groups = groups(ids)
        let results = Mutex<[Int: Result<[Float], any Error>]>([:])
        share(groups.count) { next in
            var space = BertModel.Workspace()
            while let group = next().map({ groups[$0] }) {
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

    /// Runs `work` on all workers; each asks for the next of `count` numbers when it is done with one.
    private func share(_ count: Int, _ work: @Sendable (_ next: () -> Int?) -> Void) {
        let taken = Atomic(0)
        DispatchQueue.concurrentPerform(iterations: min(workers, count)) { _ in
            work {
                let number = taken.wrappingAdd(1, ordering: .relaxed).oldValue
                return number < count ? number : nil
            }
        }
    }

    /// Ids that go through at once: enough that the weights are worth reading, few enough for the caches.
    private static let groupIDs = 128...1024

    /// Texts with like numbers of ids together, so many that every worker gets some.
    private func groups(_ ids: [[Int]]) -> [[Int]] {
        let total = ids.reduce(0) { $0 + $1.count }
        let most = min(max(total / (4 * workers), Self.groupIDs.lowerBound), Self.groupIDs.upperBound)
        var groups: [[Int]] = []
        var size = 0
        for text in ids.indices.sorted(by: { ids[$0].count > ids[$1].count }) where !ids[text].isEmpty {
            if groups.isEmpty || size + ids[text].count > most {
                groups.append([])
                size = 0
            }
            groups[groups.count - 1].append(text)
            size += ids[text].count
        }
        return groups
    }
}
