import FileSystem
import Foundation
import Knowledge
import TestSupport
import Testing

/// Against numpy and Hugging Face's tokenizers, which know nothing of this program.
@Suite struct LocalEmbedderTests {
    private struct Expected: Decodable {
        let ids: [Int]
        let vector: [Float]
    }

    private static let texts = [
        "unlocking the Vault", "keys, tokens; locked-up!", "使用者登入後伺服器簽發權杖。", "JWT 認證", "ＪＷＴ　café naïve",
        "Straße ①②③ ﬁle", "a\tb  c\u{A0}d", "zzzzqqqq 🚪 x", "е́ \u{200B}hidden\u{FEFF}", "x",
        String(repeating: "search index ", count: 60), "한국어 ひらがな", "re\u{301}sume\u{301} RÉSUMÉ", "", "☃ 龘龘",
    ]

    @Test(arguments: [
        ("bert", "uncased", "F32", "mean"), ("bert", "cased", "F16", "cls"),
        ("bert", "unigram", "BF16", "mean"), ("xlm-roberta", "unigram", "F32", "cls"),
    ]) func vectorsAreThoseOfTheReference(family: String, tokenizer: String, element: String, pooling: String)
        throws
    {
        let folder = try TemporaryDirectory()
        let expected = try Self.make(folder.path, family, tokenizer, element, pooling)
        let embedder = try LocalEmbedder(folder: folder.path, workers: 2)
        // It has few ideographs; a person may know better.
        #expect(embedder.model.languages == .english)
        #expect(try LocalEmbedder(folder: folder.path, languages: .all).model.languages == .all)
        for (text, expected) in zip(Self.texts, expected) {
            let ids = try TokenizerFile(folder.path + "/tokenizer.json").ids(
                text, limit: family == "bert" ? 70 : 68)
            #expect(ids == expected.ids, "\(text.debugDescription)")
            let alone = try embedder.embed(query: text)
            #expect(Self.distance(alone, expected.vector) < 1e-4, "\(text.debugDescription)")
        }
        let together = try embedder.embed(documents: Self.texts)
        for (vector, expected) in zip(together, expected) {
            #expect(Self.distance(vector, expected.vector) < 1e-4)
        }
    }

    @Test func aFolderThatIsNotWholeOrNotUnderstoodSaysSo() throws {
        let folder = try TemporaryDirectory()
        _ = try Self.make(folder.path, "bert", "uncased", "F32", "mean")
        _ = try LocalEmbedder(folder: folder.path)
        for (file, old, new) in [
            ("config.json", "\"bert\"", "\"gpt2\""),
            ("config.json", "\"hidden_size\": 48", "\"hidden_size\": 44"),
            ("config.json", "\"gelu\"", "\"swish\""), ("tokenizer.json", "\"WordPiece\"", "\"BPE\""),
            ("tokenizer.json", "BertNormalizer", "Other"), ("model.safetensors", "[48, 48]", "[48, 49]"),
            ("model.safetensors", "embeddings.LayerNorm.bias", "embeddings.LayerNorm.bias2"),
        ] {
            let path = folder.path + "/" + file
            let whole = try Files.readAll(path, limit: 1 << 24)
            var text = String(decoding: whole, as: UTF8.self)
            // Numbers of weights are no text: cut them off, the header is what is changed.
            guard file != "model.safetensors" else {
                try Self.write(Self.replacing(old, new, in: whole), to: path)
                #expect(throws: EmbeddingError.self) { try LocalEmbedder(folder: folder.path) }
                try Self.write(whole, to: path)
                continue
            }
            text = text.replacingOccurrences(of: old, with: new)
            #expect(Array(text.utf8) != whole, "\(old)")
            try Self.write(Array(text.utf8), to: path)
            #expect(throws: EmbeddingError.self, "\(file): \(new)") { try LocalEmbedder(folder: folder.path) }
            try Self.write(whole, to: path)
        }
        _ = try LocalEmbedder(folder: folder.path)
        try FileManager.default.removeItem(atPath: folder.path + "/tokenizer.json")
        #expect(throws: EmbeddingError.self) { try LocalEmbedder(folder: folder.path) }
    }

    /// Headers that lie about lengths and places.
    @Test(arguments: [
        "", "1234567", "\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{7F}{}", "{",
        #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,9]}}"#,
        #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}}"#,
        #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#,
        #"{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}"#,
        #"{"a":{"dtype":"F32","shape":[-1,-2],"data_offsets":[0,8]}}"#,
        #"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#,
        #"{"a":{"dtype":"F32","shape":["2"],"data_offsets":[0,8]}}"#,
        #"{"a":{"dtype":"F32","shape":[2]}}"#, #"{"a":7}"#,
    ]) func hostileHeadersAreRefused(header: String) throws {
        let folder = try TemporaryDirectory()
        let path = folder.path + "/t"
        func file(_ header: String) -> [UInt8] {
            let length = header.utf8.count
            return (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + Array(header.utf8)
                + [UInt8](repeating: 0, count: 8)
        }
        let good = #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#
        try Self.write(file(good), to: path)
        #expect(try TensorFile(path).numbers("a", [2]) == [0, 0])
        let isRaw = !header.hasPrefix("{")
        try Self.write(isRaw ? Array(header.unicodeScalars.map { UInt8($0.value) }) : file(header), to: path)
        #expect(throws: EmbeddingError.self) { try TensorFile(path) }
    }

    private static func make(
        _ folder: String, _ family: String, _ tokenizer: String, _ element: String, _ pooling: String
    ) throws -> [Expected] {
        let script = ProjectPython.root + "/Tests/KnowledgeTests/Local/make_model.py"
        let output = try Python.run(
            [script, folder, family, tokenizer, element, pooling, "7"], input: texts.joined(separator: "\n"))
        return try JSONDecoder().decode([Expected].self, from: Data(output.utf8))
    }

    private static func distance(_ a: [Float], _ b: [Float]) -> Float {
        zip(a, b).map { abs($0 - $1) }.max() ?? .infinity
    }

    private static func write(_ bytes: [UInt8], to path: String) throws {
        try Data(bytes).write(to: URL(filePath: path))
    }

    private static func replacing(_ old: String, _ new: String, in bytes: [UInt8]) throws -> [UInt8] {
        var data = Data(bytes)
        let range = try #require(data.range(of: Data(old.utf8)))
        data.replaceSubrange(range, with: Data(new.utf8))
        // Another length of the header must be told, or that alone would be the failure.
        let more = new.utf8.count - old.utf8.count
        data[0] = UInt8(truncatingIfNeeded: Int(data[0]) + more)
        return Array(data)
    }
}
