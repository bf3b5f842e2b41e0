internal import FoundationEssentials
internal import GRDB

/// What is known of a document's text in the index.
enum IndexState: Int64 {
    case indexed = 1
    /// There is no text in it.
    case textless = 2
    /// Its text was damaged when it was read.
    case unreadable = 3
}

/// A document whose newest content is here, and where its text is.
struct IndexableDocument {
    let row: Int64
    let id: String
    let contentType: String
    let sha256: [UInt8]
    /// Where its text is; nil when it has none.
    let text: BlobReference?
}

extension ReadTransaction {
    /// Documents whose newest content is here and is not what the index holds, the newest first.
    ///
    /// - Parameters:
    ///   - version: the indexer's.
    ///   - id: this document alone.
    func unindexedDocuments(version: Int, id: String? = nil, limit: Int) throws -> [IndexableDocument] {
        try newestContents(
            """
            LEFT JOIN indexed i ON i.document = d.row
            WHERE d.deleted_at IS NULL AND (?1 IS NULL OR d.id = ?1)
                AND (i.document IS NULL OR i.sha256 <> v.sha256 OR i.version <> ?2)
            """, order: "DESC", [id, version, limit])
    }

    /// Documents whose newest content is here and in the index, by their rows.
    ///
    /// - Parameters:
    ///   - version: the indexer's.
    ///   - row: only later ones.
    func indexedDocuments(version: Int, after row: Int64, limit: Int) throws -> [IndexableDocument] {
        try newestContents(
            """
            JOIN indexed i ON i.document = d.row
            WHERE d.deleted_at IS NULL AND d.row > ?1
                AND i.state = 1 AND i.sha256 = v.sha256 AND i.version = ?2
            """, order: "ASC", [row, version, limit])
    }

    /// - Parameters:
    ///   - condition: on the document d and its newest version v, joined with what it needs.
    ///   - arguments: the third is the limit.
    private func newestContents(
        _ condition: String, order: String, _ arguments: StatementArguments
    ) throws -> [IndexableDocument] {
        let statement = try db.cachedStatement(
            sql: """
                SELECT d.row, d.id, v.content_type, v.sha256, v.size, v.epoch, v.text_sha256, v.text_size
                FROM document d JOIN document_version v ON v.row = (SELECT w.row FROM document_version w
                    WHERE w.document_id = d.id AND w.deleted_at IS NULL
                    ORDER BY w.number DESC, w.id DESC LIMIT 1)
                \(condition)
                    AND EXISTS (SELECT 1 FROM blob b
                        WHERE b.sha256 = ifnull(v.text_sha256, v.sha256) AND b.epoch = v.epoch)
                ORDER BY d.row \(order) LIMIT ?3
                """)
        return try Row.fetchAll(statement, arguments: arguments).map { row in
            let content = BlobReference(sha256: Array(row[3] as Data), size: row[4], epoch: row[5])
            var text: BlobReference? = SearchableText.isText(row[2]) ? content : nil
            if let sha256 = row[6] as Data?, let size = row[7] as Int64? {
                text = BlobReference(sha256: Array(sha256), size: size, epoch: row[5])
            }
            return IndexableDocument(
                row: row[0], id: row[1], contentType: row[2], sha256: content.sha256, text: text)
        }
    }

    /// How many documents have contents that are here and not in the index.
    public func unindexedCount(version: Int) throws -> Int {
        try unindexedDocuments(version: version, limit: Int(Int32.max)).count
    }

    /// How many documents of this vault are searched, how many passages they have, and how many documents
    /// could not be read when they were to be indexed.
    public func indexCounts() throws -> (documents: Int, chunks: Int, unreadable: Int) {
        func count(_ sql: String) throws -> Int { try Int.fetchOne(db, sql: sql) ?? 0 }
        return (
            try count("SELECT count(*) FROM indexed WHERE state = 1"),
            try count("SELECT count(*) FROM chunk"),
            try count("SELECT count(*) FROM indexed WHERE state = 3")
        )
    }

    /// How many passages a document has.
    func chunkCount(of id: String) throws -> Int {
        try Int.fetchOne(
            db.cachedStatement(
                sql: "SELECT count(*) FROM chunk WHERE document = (SELECT row FROM document WHERE id = ?)"),
            arguments: [id]) ?? 0
    }

    /// Whether every document whose content is here is in the index, as far as can be told at a glance.
    func isIndexComplete(version: Int) throws -> Bool {
        guard let mark = try setting(IndexMark.key).flatMap(IndexMark.init), mark.version == version else {
            return false
        }
        // By the batches, of which few are later: SQLite would take all changes of the two collections.
        let later = try db.cachedStatement(
            sql: "SELECT EXISTS(SELECT 1 FROM change WHERE batch > ? AND +collection IN (?, ?))")
        let numbers = [Collection.document.number, Collection.documentVersion.number]
        return try Bool.fetchOne(later, arguments: [mark.sequence, numbers[0], numbers[1]]) == false
    }
}

extension WriteTransaction {
    /// Writes the index of a document, whose newest content has this hash.
    func setIndex(
        ofDocument row: Int64, sha256: [UInt8], version: Int, _ state: IndexState, _ pieces: [DocumentPiece]
    ) throws {
        try VectorRows.add(ChunkIndex.set(pieces, ofDocument: row, db), self)
        try db.cachedStatement(
            sql: "INSERT OR REPLACE INTO indexed(document, sha256, version, state) VALUES (?, ?, ?, ?)"
        ).execute(arguments: [row, Data(sha256), version, state.rawValue])
    }

    func row(ofDocument id: String) throws -> Int64? {
        try Int64.fetchOne(
            db.cachedStatement(sql: "SELECT row FROM document WHERE id = ?"), arguments: [id])
    }

    /// Notes that every document whose content is here is in the index.
    func noteIndexComplete(version: Int) throws {
        let mark = IndexMark(version: version, sequence: try lastChangeSequence())
        try setSetting(IndexMark.key, mark.text)
    }

    /// The index has to be looked at: contents came that no change speaks of.
    func noteIndexIncomplete() throws {
        guard try setting(IndexMark.key) != nil else { return }
        try setSetting(IndexMark.key, nil)
    }

    /// Has every document cut anew, and tries those again that could not be read.
    /// - Returns: false when that had been begun already and is not done.
    func markAllForIndexing() throws -> Bool {
        try noteIndexIncomplete()
        let isUnderWay = try Bool.fetchOne(db, sql: "SELECT EXISTS(SELECT 1 FROM indexed WHERE version = 0)")
        guard isUnderWay == false else { return false }
        try db.execute(sql: "UPDATE indexed SET version = 0")
        return true
    }
}

/// Up to which change of the log the index is known to be complete, and for which indexer.
private struct IndexMark {
    static let key = "vault/indexed"

    let version: Int
    let sequence: Int64

    init(version: Int, sequence: Int64) {
        self.version = version
        self.sequence = sequence
    }

    init?(_ text: String) {
        let parts = text.split(separator: " ")
        guard parts.count == 2, let version = Int(parts[0]), let sequence = Int64(parts[1]) else {
            return nil
        }
        self.init(version: version, sequence: sequence)
    }

    var text: String { "\(version) \(sequence)" }
}
