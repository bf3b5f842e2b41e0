internal import GRDB

/// A row that matches, and how.
struct TextMatch {
    var row: Int64
    /// What found it.
    var expression: String
    /// Whether all that the query wants as it stands is in it.
    var isPinned: Bool
}

/// A full-text table, and how it ranks.
struct FullTextTable {
    let name: String
    /// The columns' weights, as arguments of bm25.
    let weights: String
    /// The columns, as a column filter, whose hits count before others where there are too many to score.
    let heads: String

    /// The rows that match, the best first: those with everything, those with what must be exact, those with
    /// any part.
    ///
    /// - Parameters:
    ///   - condition: SQL that says which rows count. It is asked before anything is scored, so it must not
    ///     let SQLite look rows up in the index one by one: `+name.rowid`.
    func matches(
        _ db: Database, _ query: SearchQuery, condition: String, _ arguments: StatementArguments, limit: Int
    ) throws -> [TextMatch] {
        let sample = try RowSample(db, of: self)
        var found: [TextMatch] = []
        var seen: Set<Int64> = []
        func take(_ expression: String, from first: Int64, isPinned: Bool) throws {
            guard found.count < limit else { return }
            for row in try rows(db, expression, first, condition, arguments, limit)
            where seen.insert(row).inserted {
                found.append(TextMatch(row: row, expression: expression, isPinned: isPinned))
            }
        }
        func takeAll(of expression: String, isPinned: Bool) throws {
            let first = try sample.firstScored(db, expression)
            if first > .min {
                let inHeads = "\(heads) : (\(expression))"
                try take(inHeads, from: sample.firstScored(db, inHeads), isPinned: isPinned)
            }
            try take(expression, from: first, isPinned: isPinned)
        }
        if let strict = query.strict { try takeAll(of: strict, isPinned: query.pinned != nil) }
        if let pinned = query.pinned, pinned != query.strict { try takeAll(of: pinned, isPinned: true) }
        if found.count < limit, let loose = try sample.loose(db, query.parts) {
            try take(loose, from: sample.firstScored(db, loose), isPinned: false)
        }
        return Array(found.prefix(limit))
    }

    private func rows(
        _ db: Database, _ expression: String, _ first: Int64, _ condition: String,
        _ arguments: StatementArguments, _ limit: Int
    ) throws -> [Int64] {
        // Not `ORDER BY rank`: that scores before the condition is asked.
        let statement = try db.cachedStatement(
            sql: """
                SELECT rowid FROM \(name) WHERE \(name) MATCH ? AND rowid >= ? AND \(condition)
                ORDER BY bm25(\(name), \(weights)), rowid LIMIT ?
                """)
        return try Int64.fetchAll(statement, arguments: [expression, first] + arguments + [limit])
    }

    /// The text of a column around what an expression finds in a row, that between `[` and `]`.
    ///
    /// - Parameter column: by number; -1 for the one where most is found.
    func snippet(_ db: Database, _ row: Int64, _ expression: String, column: Int, tokens: Int) throws
        -> String?
    {
        try String.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT snippet(\(name), ?, '[', ']', '…', ?) FROM \(name)
                    WHERE \(name) MATCH ? AND rowid = ?
                    """),
            arguments: [column, tokens, expression, row])
    }
}

/// How often expressions occur in a large table, by a look at a part of its rows. What a query scores is
/// bounded by it: each hit costs microseconds, and a frequent word has hundreds of thousands.
struct RowSample {
    /// No stage of a query scores more rows than about this.
    private static let scoredMost = 10_000.0
    /// Smaller tables are searched whole.
    private static let smallSpan: Int64 = 20_000
    /// A part with more than this share of all rows tells nothing about any of them.
    private static let frequentShare = 0.2
    private static let windows: Int64 = 16, windowRows: Int64 = 256

    private let table: FullTextTable
    private let first: Int64
    private let last: Int64

    init(_ db: Database, of table: FullTextTable) throws {
        self.table = table
        // A small table beside the index, with a row for each of its rows.
        first = try Int64.fetchOne(db, sql: "SELECT min(id) FROM \(table.name)_docsize") ?? 0
        last = try Int64.fetchOne(db, sql: "SELECT max(id) FROM \(table.name)_docsize") ?? 0
    }

    private var span: Int64 { last - first + 1 }

    /// The share of rows that match; 0 in a small table.
    private func share(_ db: Database, _ expression: String) throws -> Double {
        guard span > Self.smallSpan else { return 0 }
        let statement = try db.cachedStatement(
            sql: """
                SELECT count(*) FROM \(table.name)
                WHERE \(table.name) MATCH ? AND rowid BETWEEN ? AND ?
                """)
        var hits: Int64 = 0
        for window in 0..<Self.windows {
            let start = first + (span - Self.windowRows) * window / (Self.windows - 1)
            hits +=
                try Int64.fetchOne(
                    statement, arguments: [expression, start, start + Self.windowRows - 1]) ?? 0
        }
        return Double(hits) / Double(Self.windows * Self.windowRows)
    }

    /// The row from which on an expression is scored: where too many match the newest count alone.
    func firstScored(_ db: Database, _ expression: String) throws -> Int64 {
        let matching = try share(db, expression) * Double(span)
        guard matching > Self.scoredMost else { return .min }
        return last - Int64(Double(span) * Self.scoredMost / matching)
    }

    /// Any of the parts, the rare ones first, as long as what they find can be scored.
    func loose(_ db: Database, _ parts: [String]) throws -> String? {
        guard !parts.isEmpty else { return nil }
        guard span > Self.smallSpan else { return parts.joined(separator: " OR ") }
        let shares = try parts.map { (part: $0, share: try share(db, $0)) }
        let telling = shares.filter { $0.share <= Self.frequentShare }
        let sorted = (telling.isEmpty ? shares : telling).enumerated()
            .sorted { ($0.element.share, $0.offset) < ($1.element.share, $1.offset) }.map(\.element)
        var taken: [String] = []
        var matching = 0.0
        for (part, share) in sorted {
            matching += share * Double(span)
            if !taken.isEmpty, matching > Self.scoredMost { break }
            taken.append(part)
        }
        return taken.joined(separator: " OR ")
    }
}
