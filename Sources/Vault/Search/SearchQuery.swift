/// Turns what a person typed into FTS5 expressions. Nothing typed reaches FTS5 but words and ideographs
/// between quotation marks, so no operator, quote or bracket means anything.
struct SearchQuery {
    /// All runs must occur, each as a phrase. Nil when nothing can be searched for.
    let strict: String?
    /// Any bigram or word will do.
    let loose: String?

    /// More runs than this are left out of a query.
    private static let runsMax = 32

    init(_ text: String) {
        var phrases: [String] = []
        var parts: [String] = []
        for run in TextRuns.of(text).prefix(Self.runsMax) {
            switch run.kind {
            case .word:
                let word = run.text(run.pieces[0])
                phrases.append(Self.quoted(word))
                parts.append(Self.quoted(word) + (word.count > 2 ? " *" : ""))
            case .ideographs:
                let characters = run.pieces.prefix(64).map(run.text)
                phrases.append(Self.quoted(characters.joined()))
                if characters.count == 1 { parts.append(Self.quoted(characters[0])) }
                parts += zip(characters, characters.dropFirst()).map { Self.quoted($0 + $1) }
            }
        }
        strict = phrases.isEmpty ? nil : phrases.joined(separator: " AND ")
        loose = parts.isEmpty ? nil : Self.unique(parts).joined(separator: " OR ")
    }

    private static func quoted(_ text: String) -> String { "\"\(text)\"" }

    private static func unique(_ parts: [String]) -> [String] {
        var seen: Set<String> = []
        return parts.filter { seen.insert($0).inserted }
    }
}
