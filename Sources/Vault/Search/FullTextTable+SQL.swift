internal import GRDB

/// A row that matches, and how.
struct TextMatch {
    var row: Int64
    /// What found it.
    var expression: String
    /// Whether all that the query wants as it stands is in it.
    var isPinned: Bool
}

/// Titles and the like, whose hits count before others where there are too many to score.
struct FullTextHeads {
    /// An index with the rows of the table; maybe the table itself.
    let table: String
    /// What stands before an expression to look for it in these alone.
    var filter = ""
    /// The weights of that index' columns.
    let weights: [Double]
}

/// A full-text table, and how it ranks.
struct FullTextTable {
    let name: String
    /// How much a hit counts, by column.
    let weights: [Double]
    let heads: FullTextHeads

    /// The rows that match, the best first: those with everything, those with what must be exact, those with
    /// any part.
    ///
    /// - Parameters:
    ///   - condition: SQL behind a row that says whether it counts. It is asked before anything is scored.
    ///   - group: what of a row shows only once: the best one of each group is taken. Rows without a group
    ///     are left out.
    ///   - limit: how many groups are wanted.
    func matches(
        _ db: Database, _ query: SearchQuery, condition: String, _ arguments: StatementArguments, limit: Int,
        bounds: SearchBounds = .standard, group: (_ row: Int64) throws -> Int64? = { $0 }
    ) throws -> [TextMatch] {
        guard !query.isEmpty, limit > 0 else { return [] }
        let statistics = try TermStatistics(db, of: self, bounds)
        var found: [TextMatch] = []
        var seen: Set<Int64> = []
        var groups: Set<Int64> = []
        func take(_ rows: [Int64], _ expression: String, isPinned: Bool) throws {
            for row in rows where found.count < limit && seen.insert(row).inserted {
                guard let group = try group(row), groups.insert(group).inserted else { continue }
                found.append(TextMatch(row: row, expression: expression, isPinned: isPinned))
            }
        }
        func takeAll(_ expression: TextExpression, isPinned: Bool, headsFirst: Bool) throws {
            guard found.count < limit else { return }
            func best(in table: String, _ sql: String, _ weights: [Double], most: Int) throws -> [Int64] {
                try rows(
                    db, table, sql, expression.parameters(weights), condition, arguments, most: most)
            }
            let newest = try best(in: name, expression.sql, weights, most: statistics.scoredMost)
            if headsFirst, newest.count == statistics.scoredMost {
                let inHeads = "\(heads.filter)(\(expression.sql))"
                // Found by the table's own expression, so that a piece of any column can show it.
                try take(
                    best(in: heads.table, inHeads, heads.weights, most: bounds.scoredHeads), expression.sql,
                    isPinned: isPinned)
            }
            try take(newest, expression.sql, isPinned: isPinned)
        }
        try takeAll(
            statistics.all(of: query.strict), isPinned: !query.exact.isEmpty, headsFirst: true)
        if !query.exact.isEmpty, !query.phrases.isEmpty {
            try takeAll(statistics.all(of: query.exact), isPinned: true, headsFirst: true)
        }
        if found.count < limit, let loose = try statistics.any(of: query.parts) {
            try takeAll(loose, isPinned: false, headsFirst: false)
        }
        return found
    }

    /// The best of the newest rows that match, `most` at most.
    private func rows(
        _ db: Database, _ table: String, _ expression: String, _ parameters: ScoreParameters,
        _ condition: String, _ arguments: StatementArguments, most: Int
    ) throws -> [Int64] {
        // Not `ORDER BY` the score: that scores all rows. With `+` the index is not asked for single rows.
        let statement = try db.cachedStatement(
            sql: """
                SELECT rowid, \(FTSScore.name)(\(table), ?) FROM \(table)
                WHERE \(table) MATCH ? AND +\(table).rowid \(condition)
                ORDER BY rowid DESC LIMIT ?
                """)
        let values = [parameters.blob, expression] + arguments + [most]
        var scored: [(score: Double, row: Int64)] = []
        let rows = try Row.fetchCursor(statement, arguments: values)
        while let row = try rows.next() { scored.append((row[1], row[0])) }
        return scored.sorted { ($0.score, $0.row) < ($1.score, $1.row) }.map(\.row)
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
