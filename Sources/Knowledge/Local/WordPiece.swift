internal import Vault

/// Cuts a word into the longest pieces of a vocabulary, from left to right (Schuster, Nakajima 2012).
struct WordPiece: Sendable {
    private let ids: [[UInt8]: Int]
    let unknown: Int
    private let continuation: [UInt8]
    private let lettersLimit: Int

    init(_ model: JSONObject, _ path: String) throws {
        let vocabulary = model["vocab"]?.object?.members ?? []
        ids = Dictionary(
            vocabulary.compactMap { key, value in value.integer.map { (Array(key.utf8), Int($0)) } },
            uniquingKeysWith: { first, _ in first })
        guard ids.count == vocabulary.count, !ids.isEmpty, ids.values.allSatisfy({ $0 >= 0 }),
            let unknown = ids[Array((model["unk_token"]?.string ?? "[UNK]").utf8)]
        else { throw TokenizerFile.unknown(path, "its vocabulary") }
        self.unknown = unknown
        continuation = Array((model["continuing_subword_prefix"]?.string ?? "##").utf8)
        lettersLimit = (model["max_input_chars_per_word"]?.integer).map { Int($0) } ?? 100
    }

    var largestID: Int { ids.values.max() ?? 0 }

    /// A word that can't be made of pieces whole is one unknown.
    func append(_ word: ArraySlice<Unicode.Scalar>, to result: inout [Int]) {
        guard word.count <= lettersLimit else { return result.append(unknown) }
        let letters = word.map { Array(String($0).utf8) }
        var found: [Int] = []
        var start = 0
        while start < letters.count {
            var piece = (start > 0 ? continuation : []) + letters[start...].joined()
            var end = letters.count
            while end > start, ids[piece] == nil {
                end -= 1
                piece.removeLast(letters[end].count)
            }
            guard end > start, let id = ids[piece] else { return result.append(unknown) }
            found.append(id)
            start = end
        }
        result += found
    }
}
