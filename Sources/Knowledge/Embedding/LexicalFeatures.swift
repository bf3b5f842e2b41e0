import Vault

/// What a text is made of, for `LexicalEmbedder`, by the hash of each feature: words and their parts of three
/// letters, neighbouring ideographs and single ones. Cut and folded as the text index does it.
enum LexicalFeatures {
    struct Feature {
        let weight: Float
        var count = 1
    }

    private static let word: Float = 1
    private static let wordPart: Float = 0.25
    private static let pair: Float = 1
    private static let ideograph: Float = 0.35

    /// Words that say nothing of what a text is about.
    private static let empty: Set<String> = [
        "a", "an", "and", "are", "as", "at", "be", "but", "by", "can", "do", "does", "for", "from", "had",
        "has", "have", "how", "i", "if", "in", "into", "is", "it", "its", "not", "of", "on", "or", "our",
        "so", "than", "that", "the", "their", "then", "there", "these", "they", "this", "to", "was", "we",
        "were", "what", "when", "which", "will", "with", "you", "your", "的", "了", "是", "在", "和", "就",
        "也", "都", "而", "及", "與", "着", "或", "一", "這", "那", "我", "你", "他", "們", "嗎", "呢", "吧",
    ]
    /// Folded as texts are.
    private static let emptyHashes = Set(
        empty.flatMap { word in
            TextRuns.of(word).map { hash($0.folded[...], kind: $0.kind == .word ? 0 : 3) }
        })

    static func of(_ text: String) -> [UInt64: Feature] {
        var features: [UInt64: Feature] = [:]
        func add(_ bytes: ArraySlice<UInt8>, kind: UInt8, weight: Float) {
            let hash = hash(bytes, kind: kind)
            guard !emptyHashes.contains(hash) else { return }
            features[hash, default: Feature(weight: weight, count: 0)].count += 1
        }
        for run in TextRuns.of(text) {
            switch run.kind {
            case .word:
                add(run.folded[...], kind: 0, weight: word)
                guard !emptyHashes.contains(hash(run.folded[...], kind: 0)) else { continue }
                // The ends count as letters, so that beginnings and ends of words are parts of their own.
                let letters = [0x20] + run.folded + [0x20]
                guard letters.count > 4 else { continue }
                for start in 0...letters.count - 3 {
                    add(letters[start..<start + 3], kind: 1, weight: wordPart)
                }
            case .ideographs:
                for (left, right) in zip(run.pieces, run.pieces.dropFirst()) {
                    add(
                        run.folded[left.folded.lowerBound..<right.folded.upperBound], kind: 2, weight: pair)
                }
                for piece in run.pieces { add(run.folded[piece.folded], kind: 3, weight: ideograph) }
            }
        }
        return features
    }

    /// FNV-1a over the kind and the bytes.
    private static func hash(_ bytes: ArraySlice<UInt8>, kind: UInt8) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        hash = (hash ^ UInt64(kind)) &* 0x100_0000_01B3
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return hash
    }
}
