internal import FoundationEssentials
internal import GRDB

/// Which documents a search looks at. The trash is never among them.
public struct DocumentFilter: Sendable, Equatable {
    public var category: String?
    public var tag: String?
    /// The id of a project.
    public var project: String?
    /// Changed then or later.
    public var since: Timestamp?

    public init() {}
}

/// A passage that text search found, before anything else of it is looked up.
package struct RankedChunk: Sendable, Equatable {
    /// Its row, which lasts as long as its text and headings do.
    package var row: Int64
    /// Its document's row.
    package var document: Int64
    /// Whether all that the query wants as it stands is in it: quoted text, identifiers.
    package var isPinned: Bool
    /// What found it, for the snippet.
    package var expression: String
}

/// A passage as people see it.
public struct Passage: Sendable, Equatable {
    public var documentID: String
    /// From 0, in its document.
    public var ordinal: Int
    public var title: String
    public var category: String
    public var heading: String
    /// Where it begins in the document's text, in bytes.
    public var offset: Int
    /// A piece of it, what matches between `[` and `]`.
    public var snippet: String
    /// Where its document came from, absolute, as bytes.
    public var path: [UInt8]
}

extension ReadTransaction {
    /// The passages that a query finds, the best first. Text without a letter or digit finds nothing.
    ///
    /// - Parameters:
    ///   - limit: how many passages; of how many documents where each shows once.
    ///   - onePerDocument: whether of each document the best one alone is wanted.
    package func searchChunks(
        _ text: String, _ filter: DocumentFilter = DocumentFilter(), limit: Int, onePerDocument: Bool = false,
        bounds: SearchBounds = .standard
    ) throws -> [RankedChunk] {
        let (condition, arguments) = chunkCondition(filter)
        let document = try db.cachedStatement(sql: "SELECT document FROM chunk WHERE row = ?")
        var documents: [Int64: Int64] = [:]
        let matches = try ChunkIndex.table.matches(
            db, SearchQuery(text), condition: condition, arguments, limit: limit, bounds: bounds
        ) { row in
            documents[row] = try Int64.fetchOne(document, arguments: [row])
            return onePerDocument ? documents[row] : row
        }
        return matches.compactMap { match in
            documents[match.row].map {
                RankedChunk(
                    row: match.row, document: $0, isPinned: match.isPinned, expression: match.expression)
            }
        }
    }

    /// Which chunks a filter lets through, as what follows their row in SQL.
    func chunkCondition(_ filter: DocumentFilter) -> (sql: String, StatementArguments) {
        func chunks(_ documents: String) -> String {
            "(SELECT row FROM chunk WHERE document IN (SELECT d.row FROM document d WHERE \(documents)))"
        }
        guard filter != DocumentFilter() else { return ("NOT IN " + chunks("d.deleted_at IS NOT NULL"), []) }
        let (condition, arguments) = documentCondition(filter)
        return ("IN " + chunks(condition), arguments)
    }

    /// Which documents a filter lets through, as a condition on a document `d`.
    func documentCondition(_ filter: DocumentFilter) -> (sql: String, StatementArguments) {
        var conditions: [String] = []
        var arguments: StatementArguments = []
        if let category = filter.category {
            conditions.append("d.category = ?")
            arguments += [category]
        }
        if let tag = filter.tag {
            conditions.append("EXISTS (SELECT 1 FROM json_each(d.tags) j WHERE j.value = ?)")
            arguments += [tag]
        }
        if let project = filter.project {
            conditions.append("d.project_id = ?")
            arguments += [project]
        }
        if let since = filter.since {
            conditions.append(
                """
                (d.updated_at >= ? OR EXISTS (SELECT 1 FROM document_version v
                    WHERE v.document_id = d.id AND v.updated_at >= ?))
                """)
            arguments += [since.milliseconds, since.milliseconds]
        }
        conditions.append("d.deleted_at IS NULL")
        return (conditions.joined(separator: " AND "), arguments)
    }

    /// What people see of a passage.
    ///
    /// - Parameter expression: what found it; nil shows its beginning.
    /// - Returns: nil when there is no such row.
    package func passage(_ row: Int64, foundBy expression: String?) throws -> Passage? {
        let statement = try db.cachedStatement(
            sql: """
                SELECT d.id, c.ordinal, d.title, d.category, c.heading, c.start, d.path,
                    substr(c.text, 1, 240)
                FROM chunk c JOIN document d ON d.row = c.document WHERE c.row = ?
                """)
        guard let found = try Row.fetchOne(statement, arguments: [row]) else { return nil }
        let snippet = try expression.flatMap {
            try ChunkIndex.table.snippet(db, row, $0, column: 2, tokens: 40)
        }
        return Passage(
            documentID: found[0], ordinal: found[1], title: found[2], category: found[3], heading: found[4],
            offset: found[5], snippet: snippet ?? found[7], path: Array(found[6] as Data))
    }
}
