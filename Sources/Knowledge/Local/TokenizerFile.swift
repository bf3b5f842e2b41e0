internal import FileSystem
internal import Vault

/// A tokenizer as `tokenizer.json` describes it: how text is normalised, cut into words, those into pieces.
///
/// Understood is what models of the BERT family use: the normalisers and pre-tokenizers of BERT and of
/// SentencePiece, the models WordPiece and Unigram. Anything else is refused by its name. Special tokens that
/// stand in a text count as plain text.
package struct TokenizerFile: Sendable {
    private static let sizeLimit = 64 << 20

    private enum Model: Sendable {
        case wordPiece(WordPiece)
        case unigram(Unigram)
    }

    private let normalizers: [TextNormalizer]
    private let splitters: [WordSplitter]
    private let model: Model
    /// Ids before and after a text's own.
    private let prefix: [Int]
    private let suffix: [Int]

    /// - Throws: `EmbeddingError` naming what is not understood.
    package init(_ path: String) throws {
        let json: JSONValue
        do {
            json = try JSONValue(parsing: Files.readAll(path, limit: Self.sizeLimit))
        } catch let error as FileError {
            throw EmbeddingError(.missing, "\(path): \(error)", hint: "name the folder of a model")
        } catch let error as VaultError {
            throw EmbeddingError(.missing, "\(path): \(error.message)", hint: "copy the model again")
        }
        guard let object = json.object, let model = object["model"]?.object else {
            throw Self.unknown(path, "it has no model")
        }
        normalizers = try TextNormalizer.parse(object["normalizer"], path)
        splitters = try WordSplitter.parse(object["pre_tokenizer"], path)
        // Files of older versions leave the type out where the vocabulary tells.
        switch model["type"]?.string ?? (model["vocab"]?.array == nil ? "WordPiece" : "Unigram") {
        case "WordPiece": self.model = .wordPiece(try WordPiece(model, path))
        case "Unigram": self.model = .unigram(try Unigram(model, path))
        case let type: throw Self.unknown(path, "the model \(type)")
        }
        (prefix, suffix) = try Self.frame(object["post_processor"], path)
    }

    static func unknown(_ path: String, _ what: String) -> EmbeddingError {
        EmbeddingError(
            .missing, "\(path) is not understood: \(what)",
            hint: "use a model whose tokenizer is WordPiece or Unigram, or serve it by an endpoint")
    }

    /// The ids of a text, `limit` at most, those of its frame included.
    package func ids(_ text: String, limit: Int) -> [Int] {
        let room = max(0, limit - prefix.count - suffix.count)
        var ids: [Int] = []
        var scalars = Array(text.unicodeScalars)
        for normalizer in normalizers { scalars = normalizer.apply(scalars) }
        for word in splitters.reduce([scalars[...]], { words, splitter in words.flatMap(splitter.split) }) {
            switch model {
            case .wordPiece(let pieces): pieces.append(word, to: &ids)
            case .unigram(let pieces): pieces.append(word, to: &ids)
            }
            if ids.count >= room { break }
        }
        return prefix + ids.prefix(room) + suffix
    }

    /// The languages of a model of this name with these pieces: English, where one of both says so.
    func languages(of name: String) -> ModelLanguages {
        let unknown =
            switch model {
            case .wordPiece(let pieces): pieces.unknown
            case .unigram(let pieces): pieces.unknown
            }
        let vocabulary = ModelLanguages.of { character in
            !ids(String(character), limit: 16).dropFirst(prefix.count).contains(unknown)
        }
        return vocabulary == .all ? .of(model: name) : .english
    }

    /// The largest id that any text can have.
    var largestID: Int {
        let own =
            switch model {
            case .wordPiece(let pieces): pieces.largestID
            case .unigram(let pieces): pieces.largestID
            }
        return max(own, (prefix + suffix).max() ?? 0)
    }

    private static func frame(_ value: JSONValue?, _ path: String) throws -> ([Int], [Int]) {
        guard let object = value?.object else { return ([], []) }
        switch object["type"]?.string {
        case "BertProcessing", "RobertaProcessing":
            func id(_ key: String) -> [Int] {
                (object[key]?.array?.last?.integer).map { [Int($0)] } ?? []
            }
            return (id("cls"), id("sep"))
        case "TemplateProcessing":
            var (before, after): ([Int], [Int]) = ([], [])
            var isAfter = false
            for part in object["single"]?.array ?? [] {
                if part.object?["Sequence"] != nil {
                    isAfter = true
                } else if let name = part.object?["SpecialToken"]?.object?["id"]?.string {
                    let ids = object["special_tokens"]?.object?[name]?.object?["ids"]?.array ?? []
                    let numbers = ids.compactMap { $0.integer.map(Int.init) }
                    if isAfter { after += numbers } else { before += numbers }
                }
            }
            return (before, after)
        case let type: throw unknown(path, "the post-processor \(type ?? "without a type")")
        }
    }
}
