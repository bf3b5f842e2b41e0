/// Languages that a model was made for.
public enum ModelLanguages: String, Sendable, CaseIterable {
    case all
    case english

    /// Whether the model can say something about this text: one for English knows few ideographs.
    public func cover(_ text: String) -> Bool {
        self == .all
            || !text.unicodeScalars.contains { (0x2E80...0xD7FF).contains($0.value) || $0.value >= 0x20000 }
    }

    /// What a model's name says, with or without its maker's before it or its size behind it. A name that is
    /// not known says nothing against a language.
    public static func of(model name: String) -> ModelLanguages {
        let name = name.lowercased()
        let words = Set(name.split { !($0.isLetter || $0.isNumber) }.map(String.init))
        guard words.isDisjoint(with: others), !otherModels.contains(where: name.contains) else { return .all }
        return !words.isDisjoint(with: ["en", "english"]) || englishModels.contains { name.contains($0) }
            ? .english : .all
    }

    /// Whether a vocabulary was made from texts with ideographs: that of English models has few of the common
    /// ones, by way of names, that of others nearly all or half, where it has one kind of Chinese.
    ///
    /// - Parameter knows: whether one of them is a piece, or made of pieces.
    package static func of(vocabulary knows: (Character) -> Bool) -> ModelLanguages {
        3 * commonIdeographs.count(where: knows) >= commonIdeographs.count ? .all : .english
    }

    /// Parts of names that speak of other languages, and the later models of families that began in English.
    private static let others: Set<String> = ["multilingual", "zh", "chinese", "m3", "qwen", "qwen2"]
    private static let otherModels = [
        "embed-text-v2", "arctic-embed2", "arctic-embed-m-v2", "arctic-embed-l-v2",
    ]

    /// Parts of the names of models whose makers speak of English alone.
    private static let englishModels = [
        "all-minilm", "all-mpnet", "all-distilroberta", "all-roberta", "multi-qa-", "paraphrase-minilm",
        "paraphrase-mpnet", "msmarco-", "nomic-embed-text", "mxbai-embed-large", "snowflake-arctic-embed",
        "e5-small", "e5-base", "e5-large", "gte-small", "gte-base", "gte-large", "granite-embedding:30m",
    ]

    /// Signs that any Chinese text has, of which names have few.
    private static let commonIdeographs =
        "的是了不在有我他這個們來說就到時會以可對能過為用要從開發現點問題無如何所進還後沒看起只想樣道把兩給動法"
        + "當經麼理定實意它此應但"
}
