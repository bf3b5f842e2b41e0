internal import FileSystem
internal import Vault

/// What `config.json` of a model's folder says, and how its vectors are taken from the last layer.
struct BertConfiguration: Sendable {
    /// What becomes of the last layer's rows.
    enum Pooling: String, Sendable {
        case mean
        case first
    }

    /// Between the two halves of a layer.
    enum Activation: Sendable { case gelu, relu }

    let hidden: Int
    let layers: Int
    let heads: Int
    let intermediate: Int
    let vocabulary: Int
    let positions: Int
    let types: Int
    let epsilon: Float
    let activation: Activation
    /// Positions count from here: models of RoBERTa's line leave room for the padding.
    let firstPosition: Int
    let pooling: Pooling
    /// Ids of a text that are looked at.
    let lengthLimit: Int

    /// - Throws: `EmbeddingError` for a folder without such a model, or with one of another family.
    init(folder: String) throws {
        let path = folder + "/config.json"
        let config = try Self.json(path)
        let family = config["model_type"]?.string ?? ""
        guard ["bert", "roberta", "xlm-roberta"].contains(family) else {
            throw EmbeddingError(
                .missing, "\(path): the model_type '\(family)' is not of the BERT family",
                hint: "use bert, roberta or xlm-roberta, or serve the model by an endpoint")
        }
        func number(_ key: String, in range: ClosedRange<Int64>) throws -> Int {
            guard let number = config[key]?.integer, range.contains(number) else {
                throw EmbeddingError(.missing, "\(path): \(key) is missing or makes no sense")
            }
            return Int(number)
        }
        hidden = try number("hidden_size", in: 1...8192)
        layers = try number("num_hidden_layers", in: 1...200)
        heads = try number("num_attention_heads", in: 1...256)
        intermediate = try number("intermediate_size", in: 1...65_536)
        vocabulary = try number("vocab_size", in: 1...4_000_000)
        positions = try number("max_position_embeddings", in: 8...131_072)
        types = try number("type_vocab_size", in: 1...16)
        guard hidden % heads == 0 else {
            throw EmbeddingError(.missing, "\(path): hidden_size is no multiple of num_attention_heads")
        }
        switch config["layer_norm_eps"] {
        case .number(let value) where value > 0 && value < 1: epsilon = Float(value)
        case nil: epsilon = 1e-12
        default: throw EmbeddingError(.missing, "\(path): layer_norm_eps makes no sense")
        }
        switch config["hidden_act"]?.string ?? "gelu" {
        case "gelu": activation = .gelu
        case "relu": activation = .relu
        case let name: throw EmbeddingError(.missing, "\(path): hidden_act '\(name)' is not known")
        }
        guard [nil, "absolute"].contains(config["position_embedding_type"]?.string) else {
            throw EmbeddingError(.missing, "\(path): only absolute positions are known")
        }
        firstPosition = family == "bert" ? 0 : try number("pad_token_id", in: 0...8) + 1
        pooling = try Self.pooling(folder)
        let room = positions - firstPosition
        let wanted = try Self.optional(folder + "/sentence_bert_config.json")?["max_seq_length"]?.integer
        lengthLimit = min(room, wanted.map { Int(clamping: $0) }.flatMap { $0 >= 8 ? $0 : nil } ?? 512)
    }

    private static func pooling(_ folder: String) throws -> Pooling {
        let path = folder + "/1_Pooling/config.json"
        guard let settings = try optional(path) else { return .mean }
        if settings["pooling_mode_mean_tokens"] == .bool(true) { return .mean }
        if settings["pooling_mode_cls_token"] == .bool(true) { return .first }
        throw EmbeddingError(
            .missing, "\(path) asks for a pooling that is not known", hint: "mean or cls are")
    }

    private static func optional(_ path: String) throws -> JSONObject? {
        do { return try Files.exists(path) ? json(path) : nil } catch let error as FileError {
            throw EmbeddingError(.missing, "\(path): \(error)")
        }
    }

    private static func json(_ path: String) throws -> JSONObject {
        do {
            guard let object = try JSONValue(parsing: Files.readAll(path, limit: 1 << 20)).object else {
                throw EmbeddingError(.missing, "\(path) is no JSON object")
            }
            return object
        } catch let error as FileError {
            throw EmbeddingError(.missing, "\(path): \(error)", hint: "name the folder of a model")
        } catch let error as VaultError {
            throw EmbeddingError(.missing, "\(path): \(error.message)", hint: "copy the model again")
        }
    }
}
