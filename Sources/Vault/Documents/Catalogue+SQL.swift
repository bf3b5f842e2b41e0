internal import FoundationEssentials
internal import GRDB

/// A stored version of a document as a backup's catalogue names it.
public struct StoredVersion: Sendable, Equatable {
    /// Relative, as bytes; need not be UTF-8.
    public let name: [UInt8]
    public let documentID: String
    /// From 1.
    public let number: Int
    public let content: BlobReference
    /// Where its blob stands, below `data/`.
    public let blobPath: String
}

extension Vault {
    /// All versions of all documents that are not in the trash, by document and number.
    public func storedVersions() throws -> [StoredVersion] {
        try read { tx in
            try tx.versionRows().map { row in
                let name = try blobs.name(row.content)
                return StoredVersion(
                    name: row.name, documentID: row.id, number: row.number, content: row.content,
                    blobPath: "documents/\(name.prefix(2))/\(name)")
            }
        }
    }
}

extension ReadTransaction {
    fileprivate typealias VersionRow = (name: [UInt8], id: String, number: Int, content: BlobReference)

    fileprivate func versionRows() throws -> [VersionRow] {
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT d.name, d.id, v.number, v.sha256, v.size, v.epoch
                FROM document d JOIN document_version v ON v.document_id = d.id
                WHERE d.deleted_at IS NULL AND v.deleted_at IS NULL ORDER BY d.row, v.number, v.id
                """)
        return rows.map { row in
            (
                Array(row[0] as Data), row[1], row[2],
                BlobReference(sha256: Array(row[3] as Data), size: row[4], epoch: row[5])
            )
        }
    }

    /// The sequence of the newest change in the change log; 0 when there is none.
    public func lastChangeSequence() throws -> UInt64 {
        UInt64(try Int64.fetchOne(db, sql: "SELECT max(seq) FROM change") ?? 0)
    }
}
