internal import FoundationEssentials
internal import GRDB

/// The blobs of this device that are under one epoch.
public struct BlobEpoch: Sendable, Equatable {
    public let epoch: UInt32
    public let count: Int
    /// Of their files.
    public let bytes: Int64
}

/// A version of a document whose blobs are to be encrypted anew.
struct OldVersion {
    let id: String
    let content: BlobReference
    let text: BlobReference?
}

extension ReadTransaction {
    /// How many blobs there are here under each epoch, oldest first; those that nothing names any more too,
    /// since their files are there until a sweep.
    public func blobEpochs() throws -> [BlobEpoch] {
        let sql = "SELECT epoch, count(*), sum(stored) FROM blob GROUP BY epoch ORDER BY epoch"
        return try Row.fetchAll(db, sql: sql).map { BlobEpoch(epoch: $0[0], count: $0[1], bytes: $0[2]) }
    }

    /// Versions behind `id` whose blobs are all here under an epoch before `epoch`, in the order of ids.
    func oldVersions(before epoch: UInt32, after id: String, limit: Int) throws -> [OldVersion] {
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT v.id, v.sha256, v.size, v.epoch, v.text_sha256, v.text_size FROM document_version v
                WHERE v.epoch < ?1 AND v.id > ?2
                    AND EXISTS (SELECT 1 FROM blob b WHERE b.sha256 = v.sha256 AND b.epoch = v.epoch)
                    AND (v.text_sha256 IS NULL OR EXISTS (
                        SELECT 1 FROM blob b WHERE b.sha256 = v.text_sha256 AND b.epoch = v.epoch))
                ORDER BY v.id LIMIT ?3
                """,
            arguments: [epoch, id, limit])
        return rows.map { row in
            let epoch: UInt32 = row[3]
            let text = (row[4] as Data?).map {
                BlobReference(sha256: Array($0), size: row[5] ?? 0, epoch: epoch)
            }
            return OldVersion(
                id: row[0], content: BlobReference(sha256: Array(row[1] as Data), size: row[2], epoch: epoch),
                text: text)
        }
    }

    /// Whether a version still has the blobs that were read.
    func isUnchanged(_ version: OldVersion) throws -> Bool {
        let statement = try db.cachedStatement(
            sql: """
                SELECT EXISTS (SELECT 1 FROM document_version
                    WHERE id = ? AND sha256 = ? AND epoch = ? AND text_sha256 IS ?)
                """)
        let hash = version.text.map { Data($0.sha256) }
        return try Bool.fetchOne(
            statement,
            arguments: [version.id, Data(version.content.sha256), version.content.epoch, hash]) ?? false
    }
}

extension WriteTransaction {
    /// Has a version name the same contents under another epoch; others hear of it as of any change.
    func setEpoch(_ epoch: UInt32, of version: OldVersion) throws {
        try update(.documentVersion, id: version.id, [FieldChange(6, .integer(Int64(epoch)))])
    }
}
