internal import Vault

/// A step of how a tokenizer cuts a text into words.
enum WordSplitter: Sendable {
    /// At white space, and around every sign of punctuation.
    case bert
    case whitespace
    case metaspace(Unicode.Scalar, prepends: Bool, splits: Bool)

    static func parse(_ value: JSONValue?, _ path: String) throws -> [WordSplitter] {
        guard let object = value?.object else { return [] }
        switch object["type"]?.string {
        case "Sequence": return try (object["pretokenizers"]?.array ?? []).flatMap { try parse($0, path) }
        case "BertPreTokenizer": return [.bert]
        case "WhitespaceSplit": return [.whitespace]
        case "Metaspace":
            let mark = object["replacement"]?.string?.unicodeScalars.first ?? "\u{2581}"
            let scheme = object["prepend_scheme"]?.string
            guard [nil, "always", "never"].contains(scheme) else {
                throw TokenizerFile.unknown(path, "the prepend_scheme \(scheme ?? "")")
            }
            let prepends = scheme.map { $0 == "always" } ?? (object["add_prefix_space"] != .bool(false))
            return [.metaspace(mark, prepends: prepends, splits: object["split"] != .bool(false))]
        case let type: throw TokenizerFile.unknown(path, "the pre-tokenizer \(type ?? "without a type")")
        }
    }

    func split(_ text: ArraySlice<Unicode.Scalar>) -> [ArraySlice<Unicode.Scalar>] {
        switch self {
        case .whitespace: return text.split(whereSeparator: \.properties.isWhitespace)
        case .bert:
            return text.split(whereSeparator: \.properties.isWhitespace).flatMap(Self.aroundPunctuation)
        case .metaspace(let mark, let prepends, let splits):
            var marked = text.map { $0 == " " ? mark : $0 }
            if prepends, marked.first != mark { marked.insert(mark, at: 0) }
            guard splits else { return [marked[...]] }
            var words: [ArraySlice<Unicode.Scalar>] = []
            var start = 0
            for place in marked.indices where place > start && marked[place] == mark {
                words.append(marked[start..<place])
                start = place
            }
            return words + [marked[start...]]
        }
    }

    private static func aroundPunctuation(
        _ word: ArraySlice<Unicode.Scalar>
    ) -> [ArraySlice<Unicode.Scalar>] {
        var words: [ArraySlice<Unicode.Scalar>] = []
        var start = word.startIndex
        for place in word.indices where isPunctuation(word[place]) {
            if start < place { words.append(word[start..<place]) }
            words.append(word[place...place])
            start = place + 1
        }
        return start < word.endIndex ? words + [word[start...]] : words
    }

    private static func isPunctuation(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 33...47, 58...64, 91...96, 123...126: return true
        case 0..<128: return false
        default: break
        }
        switch scalar.properties.generalCategory {
        case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation,
            .initialPunctuation, .finalPunctuation, .otherPunctuation:
            return true
        default: return false
        }
    }
}
