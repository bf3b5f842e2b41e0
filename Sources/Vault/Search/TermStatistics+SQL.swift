internal import GRDB

/// How much of an index a search looks at.
package struct SearchBounds: Sendable {
    /// Indexes with no more rows than this are searched whole.
    package var wholeRows: Int64 = 20_000
    /// No stage of a query scores more rows: each one costs microseconds, and a frequent word has hundreds of
    /// thousands.
    package var scoredRows = 8_000
    /// Where more match, so many titles and headings are scored besides.
    package var scoredHeads = 2_000
    /// So many rows of a word are counted one by one; how many there are beyond is estimated.
    package var countedRows = 500
    /// A phrase is looked for, only to count it, when one of its words is no more frequent than this.
    package var countedPhraseRows = 64
    /// A part with more than this share of all rows tells nothing about any of them.
    package var frequentShare = 0.2
    /// Of a beginning so many words are looked up.
    package var beginnings = 24

    package static let standard = SearchBounds()

    package init() {}
}

/// Phrases of which all, or any, must occur.
struct TextExpression {
    let sql: String
    /// By group.
    let frequencies: [Double]
    /// By phrase.
    let groups: [Int]

    func parameters(_ weights: [Double]) -> ScoreParameters {
        ScoreParameters(weights: weights, frequencies: frequencies, groups: groups)
    }
}

/// How many rows of an index have what a query asks for: counted where that is cheap, else estimated.
final class TermStatistics {
    private let db: Database
    private let name: String
    private let bounds: SearchBounds
    private let first: Int64
    private let last: Int64
    private var known: [String: Double] = [:]

    init(_ db: Database, of table: FullTextTable, _ bounds: SearchBounds) throws {
        self.db = db
        self.bounds = bounds
        name = table.name
        // A small table beside the index, with a row for each of its rows.
        first = try Int64.fetchOne(db, sql: "SELECT min(id) FROM \(name)_docsize") ?? 0
        last = try Int64.fetchOne(db, sql: "SELECT max(id) FROM \(name)_docsize") ?? 0
    }

    private var span: Int64 { last - first + 1 }

    private var isSmall: Bool { span <= bounds.wholeRows }

    /// How many rows a stage scores at most.
    var scoredMost: Int { isSmall ? Int(Int32.max) : bounds.scoredRows }

    /// All of these.
    func all(of phrases: [TextPhrase]) throws -> TextExpression {
        TextExpression(
            sql: phrases.map(\.sql).joined(separator: " AND "),
            frequencies: phrases.count == 1 ? [1] : try phrases.map(frequency), groups: Array(phrases.indices)
        )
    }

    /// Any of these, the rare ones first, as long as what they find can be scored.
    ///
    /// - Returns: nil when nothing has any.
    func any(of parts: [TextPart]) throws -> TextExpression? {
        var groups: [(phrases: [String], frequency: Double)] = []
        for part in parts {
            let phrases =
                switch part {
                case .phrase(let phrase): [phrase]
                case .beginning(let stem): try words(stem).map { TextPhrase($0) }
                }
            let counts = try phrases.map { ($0.sql, try frequency($0)) }.filter { $0.1 > 0 }
            if !counts.isEmpty { groups.append((counts.map(\.0), counts.map(\.1).reduce(0, +))) }
        }
        groups = groups.enumerated()
            .sorted { ($0.element.frequency, $0.offset) < ($1.element.frequency, $1.offset) }
            .map(\.element)
        if !isSmall { groups = telling(groups) }
        guard !groups.isEmpty else { return nil }
        return TextExpression(
            sql: groups.flatMap(\.phrases).joined(separator: " OR "), frequencies: groups.map(\.frequency),
            groups: groups.enumerated().flatMap { group, of in of.phrases.map { _ in group } })
    }

    /// Of groups in the order of their frequency those that tell something, while the bound allows.
    private func telling(
        _ groups: [(phrases: [String], frequency: Double)]
    ) -> [(phrases: [String], frequency: Double)] {
        let telling = groups.prefix { $0.frequency <= bounds.frequentShare * Double(span) }
        var matching = 0.0
        return Array(
            (telling.isEmpty ? groups[...] : telling).prefix { group in
                let isFirst = matching == 0
                matching += group.frequency
                return isFirst || matching <= Double(bounds.scoredRows)
            })
    }

    /// How many rows have a phrase.
    private func frequency(_ phrase: TextPhrase) throws -> Double {
        if let known = known[phrase.sql] { return known }
        let frequency = try count(phrase)
        known[phrase.sql] = frequency
        return frequency
    }

    private func count(_ phrase: TextPhrase) throws -> Double {
        if isSmall { return Double(try newest(phrase.sql, most: Int(Int32.max))) }
        guard phrase.tokens.count == 1 else {
            // To find out whether words stand side by side takes a look at all rows that have them.
            let rarest = try phrase.tokens.map { try frequency(TextPhrase($0)) }.min() ?? 0
            guard rarest <= Double(bounds.countedPhraseRows) else { return rarest }
            return Double(try newest(phrase.sql, most: Int(Int32.max)))
        }
        let counted = try newest(phrase.sql, most: bounds.countedRows + 1)
        return counted <= bounds.countedRows ? Double(counted) : try estimate(phrase.sql, least: counted)
    }

    private func newest(_ expression: String, most: Int) throws -> Int {
        let statement = try db.cachedStatement(
            sql: """
                SELECT count(*) FROM
                (SELECT 1 FROM \(name) WHERE \(name) MATCH ? ORDER BY rowid DESC LIMIT ?)
                """)
        return try Int.fetchOne(statement, arguments: [expression, most]) ?? 0
    }

    private static let probes: Int64 = 8, probedRows: Int64 = 32

    /// From how close together the rows stand in several places.
    private func estimate(_ expression: String, least: Int) throws -> Double {
        let statement = try db.cachedStatement(
            sql: """
                SELECT count(*), max(rowid) FROM
                (SELECT rowid FROM \(name) WHERE \(name) MATCH ? AND rowid >= ? ORDER BY rowid LIMIT ?)
                """)
        var share = 0.0
        for probe in 0..<Self.probes {
            let start = first + span * probe / Self.probes
            guard
                let row = try Row.fetchOne(statement, arguments: [expression, start, Self.probedRows]),
                let end = row[1] as Int64?
            else { continue }
            let found: Int64 = row[0]
            // Fewer than were asked for: there are no more up to the end.
            share += Double(found) / Double((found < Self.probedRows ? last : end) - start + 1)
        }
        return max(share / Double(Self.probes) * Double(span), Double(least))
    }

    /// Words that begin like this. Where they are more than are looked up, the forms of English words are
    /// taken besides, since a beginning may be that of any number of names and numbers.
    private func words(_ beginning: String) throws -> [String] {
        let statement = try db.cachedStatement(
            sql: "SELECT term FROM temp.\(FullTextVocabulary.name(of: name)) WHERE term >= ? LIMIT 1")
        var words: [String] = []
        var next = beginning
        while let word = try String.fetchOne(statement, arguments: [next]),
            word.utf8.starts(with: beginning.utf8)
        {
            guard words.count < bounds.beginnings else {
                let forms = WordStem.endings.map { beginning + $0 }
                return words + forms.filter { !words.contains($0) }
            }
            words.append(word)
            // No word has this character in it, and all that they have come behind it.
            next = word + "\u{1}"
        }
        return words
    }
}

/// What tells the words of a full-text index in their order, for one connection.
enum FullTextVocabulary {
    static func name(of table: String) -> String { "\(table)_words" }

    static func add(_ db: Database, of table: String) throws {
        try db.execute(
            sql: "CREATE VIRTUAL TABLE temp.\(name(of: table)) USING fts5vocab(main, \(table), instance)")
    }
}
