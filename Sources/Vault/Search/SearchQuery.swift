/// Turns what a person typed into FTS5 expressions. Nothing typed reaches FTS5 but words and ideographs
/// between quotation marks, so no operator, quote or bracket means anything.
struct SearchQuery {
    /// What stands between quotation marks, and identifiers with the signs inside them: must occur as it is.
    private(set) var exact: [TextPhrase] = []
    /// Every other run of the query.
    private(set) var phrases: [TextPhrase] = []
    /// Words, the beginnings of words, and pairs of ideographs: any of them will do.
    private(set) var parts: [TextPart] = []

    /// More of these are left out of a query.
    private static let phrasesMax = 32, partsMax = 64

    init(_ text: String) {
        for piece in QuotedText.pieces(of: text) {
            let runs = TextRuns.of(piece.text)
            if piece.isQuoted {
                add(exact: runs[...])
            } else {
                for group in Self.groups(runs, in: piece.text) { add(group) }
            }
        }
        exact = Self.unique(exact, Self.phrasesMax)
        phrases = Self.unique(phrases, Self.phrasesMax)
        parts = Self.unique(parts, Self.partsMax)
    }

    /// True when nothing can be searched for.
    var isEmpty: Bool { exact.isEmpty && phrases.isEmpty }

    /// All that must occur, each run as a phrase.
    var strict: [TextPhrase] { exact + phrases }

    private mutating func add(exact runs: ArraySlice<TextRuns.Run>) {
        guard !runs.isEmpty else { return }
        exact.append(Self.phrase(runs))
        if runs.count > 1 { parts.append(.phrase(Self.phrase(runs))) }
        for run in runs { addParts(of: run) }
    }

    private mutating func add(_ group: ArraySlice<TextRuns.Run>) {
        if Self.isIdentifier(group) { return add(exact: group) }
        for run in group {
            phrases.append(Self.phrase([run]))
            addParts(of: run)
        }
    }

    private mutating func addParts(of run: TextRuns.Run) {
        switch run.kind {
        case .word:
            let word = run.text(run.pieces[0])
            parts.append(.phrase(TextPhrase(word)))
            if let stem = WordStem.of(word) { parts.append(.beginning(stem)) }
        case .ideographs:
            let characters = run.pieces.prefix(64).map(run.text)
            parts += Self.tokens(characters).map { .phrase(TextPhrase($0)) }
        }
    }

    /// Runs as one phrase. In documents a run of ideographs ends with its last one alone; a query must name
    /// that to go on behind it.
    private static func phrase(_ runs: ArraySlice<TextRuns.Run>) -> TextPhrase {
        var strings: [String] = []
        var tokens: [String] = []
        for (index, run) in zip(runs.indices, runs) {
            let pieces = run.pieces.prefix(64).map(run.text)
            strings.append(pieces.joined())
            tokens += run.kind == .word ? pieces : Self.tokens(pieces)
            if run.kind == .ideographs, pieces.count > 1, index + 1 < runs.endIndex, let last = pieces.last {
                strings.append(last)
                tokens.append(last)
            }
        }
        return TextPhrase(strings: strings, tokens: tokens)
    }

    /// What the tokenizer makes of a run of ideographs in a query.
    private static func tokens(_ characters: [String]) -> [String] {
        characters.count == 1 ? characters : zip(characters, characters.dropFirst()).map { $0 + $1 }
    }

    /// Words that only signs keep apart, as in `task-01h2`, `Vault.open` or `10.0.0.1`, are one group.
    private static func groups(_ runs: [TextRuns.Run], in text: String) -> [ArraySlice<TextRuns.Run>] {
        let bytes = Array(text.utf8)
        var groups: [ArraySlice<TextRuns.Run>] = []
        var start = 0
        for index in runs.indices {
            let isLast = index + 1 == runs.count
            if !isLast, runs[index].kind == .word, runs[index + 1].kind == .word,
                let end = runs[index].pieces.last?.end, let next = runs[index + 1].pieces.first?.start,
                (end + 1...end + 2).contains(next), bytes[end..<next].allSatisfy(joining.contains)
            {
                continue
            }
            groups.append(runs[start...index])
            start = index + 1
        }
        return groups
    }

    private static let joining = Set("-._:/@#+\\".utf8)

    /// Several joined words, or one that has both a letter and a digit or an underscore in it.
    private static func isIdentifier(_ group: ArraySlice<TextRuns.Run>) -> Bool {
        guard group.count == 1, let run = group.first else { return true }
        guard run.kind == .word else { return false }
        let isDigit = { (byte: UInt8) in (0x30...0x39).contains(byte) }
        return run.folded.contains(UInt8(ascii: "_"))
            || (run.folded.contains(where: isDigit) && !run.folded.allSatisfy(isDigit))
    }

    private static func unique<Piece: Hashable>(_ pieces: [Piece], _ most: Int) -> [Piece] {
        var seen: Set<Piece> = []
        return Array(pieces.filter { seen.insert($0).inserted }.prefix(most))
    }
}

/// Words and ideographs that stand one behind the other.
struct TextPhrase: Hashable {
    /// As an FTS5 expression.
    let sql: String
    /// What it is in the index.
    let tokens: [String]

    init(strings: [String], tokens: [String]) {
        sql = strings.map { "\"\($0)\"" }.joined(separator: " + ")
        self.tokens = tokens
    }

    /// A single one of the index.
    init(_ token: String) { self.init(strings: [token], tokens: [token]) }
}

/// A part of a query, of which any will do.
enum TextPart: Hashable {
    case phrase(TextPhrase)
    /// Any word that begins so.
    case beginning(String)
}

/// What of a text stands between quotation marks of one kind, and what around it.
enum QuotedText {
    private static let closing: [Character: Character] = [
        "\"": "\"", "“": "”", "「": "」", "『": "』", "＂": "＂",
    ]

    /// A mark that nothing closes is as good as none.
    static func pieces(of text: String) -> [(text: String, isQuoted: Bool)] {
        var pieces: [(text: String, isQuoted: Bool)] = []
        var plain = ""
        var rest = text[...]
        while let character = rest.first {
            rest = rest.dropFirst()
            if let close = closing[character], let end = rest.firstIndex(of: close) {
                if !plain.isEmpty { pieces.append((plain, false)) }
                plain = ""
                pieces.append((String(rest[..<end]), true))
                rest = rest[rest.index(after: end)...]
            } else {
                plain.append(character)
            }
        }
        if !plain.isEmpty { pieces.append((plain, false)) }
        return pieces
    }
}

/// What other forms of an English word begin with.
enum WordStem {
    /// What a word may have behind its stem.
    static let endings = [
        "ations", "ation", "ings", "ing", "ies", "ied", "ers", "ed", "es", "er", "s", "y", "e",
    ]

    /// Nil for a word that is too short to tell.
    static func of(_ word: String) -> String? {
        guard word.count > 2, word.utf8.allSatisfy({ (0x61...0x7A).contains($0) }) else {
            return word.count > 2 ? word : nil
        }
        for ending in endings
        where word.hasSuffix(ending) && word.count - ending.count >= 4 {
            return String(word.dropLast(ending.count))
        }
        return word
    }
}

/// What searches make of what somebody typed.
public enum SearchText {
    /// Whether it holds anything to search for: a letter, a digit or an ideograph.
    public static func isSearchable(_ text: String) -> Bool { !SearchQuery(text).isEmpty }
}
