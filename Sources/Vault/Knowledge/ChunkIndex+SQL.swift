internal import Cryptography
internal import EncryptedSQLite
internal import FoundationEssentials
internal import GRDB

/// The passages of documents and the full-text indexes over them. All of it is derived from documents,
/// belongs to this database alone and never travels.
///
/// The indexes hold no text of their own: the view `chunk_content` says what they hold of a chunk. Rows and
/// indexes are written by the same functions, many at a time: triggers on each chunk would have the index
/// write each one out at once. What happens to a document's title or row is followed by triggers, whoever
/// does it.
enum ChunkIndex {
    static let table = FullTextTable(
        name: "chunk_fts", weights: [4, 2, 1], heads: FullTextHeads(table: "head_fts", weights: [4, 2]))

    static let schema = """
        CREATE TABLE chunk(
            row INTEGER PRIMARY KEY, document INTEGER NOT NULL, ordinal INTEGER NOT NULL,
            start INTEGER NOT NULL, length INTEGER NOT NULL, heading TEXT NOT NULL, text TEXT NOT NULL,
            hash BLOB NOT NULL);
        CREATE INDEX chunk_document ON chunk(document, ordinal);
        CREATE TABLE indexed(
            document INTEGER PRIMARY KEY, sha256 BLOB NOT NULL, version INTEGER NOT NULL,
            state INTEGER NOT NULL);
        CREATE VIEW chunk_content AS
            SELECT c.row AS row, d.title AS title, c.heading AS heading, c.text AS text
            FROM chunk c JOIN document d ON d.row = c.document;
        CREATE VIRTUAL TABLE chunk_fts USING fts5(
            title, heading, text, content='chunk_content', content_rowid='row', tokenize='vault');
        INSERT INTO chunk_fts(chunk_fts, rank) VALUES ('pgsz', \(EncryptedDatabase.fullTextPieceBytes));
        CREATE TRIGGER document_title AFTER UPDATE OF title ON document WHEN old.title <> new.title BEGIN
            INSERT INTO chunk_fts(chunk_fts, rowid, title, heading, text)
            SELECT 'delete', row, old.title, heading, text FROM chunk WHERE document = old.row;
            INSERT INTO chunk_fts(rowid, title, heading, text)
            SELECT row, new.title, heading, text FROM chunk WHERE document = old.row;
        END;
        CREATE TRIGGER document_gone AFTER DELETE ON document BEGIN
            INSERT INTO chunk_fts(chunk_fts, rowid, title, heading, text)
            SELECT 'delete', row, old.title, heading, text FROM chunk WHERE document = old.row;
            DELETE FROM chunk WHERE document = old.row;
            DELETE FROM indexed WHERE document = old.row;
        END;
        CREATE INDEX document_trash ON document(deleted_at) WHERE deleted_at IS NOT NULL;
        CREATE INDEX version_content ON document_version(sha256);
        """

    /// The titles and headings once more, in an index of their own: who wants a frequent word in those must
    /// not walk over all the texts that have it.
    static let headSchema = """
        CREATE VIRTUAL TABLE head_fts USING fts5(
            title, heading, content='chunk_content', content_rowid='row', tokenize='vault');
        INSERT INTO head_fts(head_fts, rank) VALUES ('pgsz', \(EncryptedDatabase.fullTextPieceBytes));
        INSERT INTO head_fts(head_fts) VALUES ('rebuild');
        CREATE TRIGGER document_head AFTER UPDATE OF title ON document WHEN old.title <> new.title BEGIN
            INSERT INTO head_fts(head_fts, rowid, title, heading)
            SELECT 'delete', row, old.title, heading FROM chunk WHERE document = old.row;
            INSERT INTO head_fts(rowid, title, heading)
            SELECT row, new.title, heading FROM chunk WHERE document = old.row;
        END;
        DROP TRIGGER document_gone;
        CREATE TRIGGER document_gone AFTER DELETE ON document BEGIN
            INSERT INTO chunk_fts(chunk_fts, rowid, title, heading, text)
            SELECT 'delete', row, old.title, heading, text FROM chunk WHERE document = old.row;
            INSERT INTO head_fts(head_fts, rowid, title, heading)
            SELECT 'delete', row, old.title, heading FROM chunk WHERE document = old.row;
            DELETE FROM chunk WHERE document = old.row;
            DELETE FROM indexed WHERE document = old.row;
        END;
        """

    /// The names of the indexes.
    static let indexes = ["chunk_fts", "head_fts"]

    /// Builds the indexes anew from the chunks.
    static func rebuild(_ db: Database) throws {
        for name in indexes { try db.execute(sql: "INSERT INTO \(name)(\(name)) VALUES ('rebuild')") }
    }

    /// Merges each index into one piece, so that what was removed is gone from it.
    static func compact(_ db: Database) throws {
        for name in indexes { try db.execute(sql: "INSERT INTO \(name)(\(name)) VALUES ('optimize')") }
    }

    /// What tells whether a piece is one that is there already.
    static func hash(of piece: DocumentPiece) -> [UInt8] {
        Hash.digest(.sha256, Array(piece.heading.utf8) + [0] + Array(piece.text.utf8))
    }

    /// Writes the pieces of a document. A piece that was there keeps its row, and with it what others keep by
    /// that row.
    ///
    /// - Returns: the vectors that new pieces brought, with their rows.
    static func set(
        _ pieces: [DocumentPiece], ofDocument document: Int64, _ db: Database
    ) throws -> [(chunk: Int64, vector: PieceVector)] {
        var old: [[UInt8]: [Int64]] = [:]
        let rows = try Row.fetchCursor(
            db.cachedStatement(sql: "SELECT row, hash FROM chunk WHERE document = ? ORDER BY ordinal DESC"),
            arguments: [document])
        while let row = try rows.next() { old[Array(row[1] as Data), default: []].append(row[0]) }
        let move = try db.cachedStatement(
            sql: "UPDATE chunk SET ordinal = ?1, start = ?2 WHERE row = ?3 AND (ordinal, start) <> (?1, ?2)")
        let insert = try db.cachedStatement(
            sql: """
                INSERT INTO chunk(document, ordinal, start, length, heading, text, hash)
                VALUES (?, ?, ?, ?, ?, ?, ?)
                """)
        var added: [Int64] = []
        var vectors: [(chunk: Int64, vector: PieceVector)] = []
        for (ordinal, piece) in pieces.enumerated() {
            let hash = hash(of: piece)
            let start = piece.range.lowerBound
            if let row = old[hash]?.popLast() {
                try move.execute(arguments: [ordinal, start, row])
            } else {
                try insert.execute(
                    arguments: [
                        document, ordinal, start, piece.range.count, piece.heading, piece.text, Data(hash),
                    ])
                let row = db.lastInsertedRowID
                added.append(row)
                if let vector = piece.vector { vectors.append((row, vector)) }
            }
        }
        try remove(old.values.joined().sorted(), db)
        let index = try db.cachedStatement(
            sql: """
                INSERT INTO chunk_fts(rowid, title, heading, text)
                SELECT row, title, heading, text FROM chunk_content WHERE row = ?
                """)
        for row in added { try index.execute(arguments: [row]) }
        let heads = try db.cachedStatement(
            sql: """
                INSERT INTO head_fts(rowid, title, heading)
                SELECT row, title, heading FROM chunk_content WHERE row = ?
                """)
        for row in added { try heads.execute(arguments: [row]) }
        return vectors
    }

    private static func remove(_ rows: [Int64], _ db: Database) throws {
        let forget = try db.cachedStatement(
            sql: """
                INSERT INTO chunk_fts(chunk_fts, rowid, title, heading, text)
                SELECT 'delete', row, title, heading, text FROM chunk_content WHERE row = ?
                """)
        for row in rows { try forget.execute(arguments: [row]) }
        let forgetHead = try db.cachedStatement(
            sql: """
                INSERT INTO head_fts(head_fts, rowid, title, heading)
                SELECT 'delete', row, title, heading FROM chunk_content WHERE row = ?
                """)
        for row in rows { try forgetHead.execute(arguments: [row]) }
        let delete = try db.cachedStatement(sql: "DELETE FROM chunk WHERE row = ?")
        for row in rows { try delete.execute(arguments: [row]) }
    }
}
