internal import FoundationEssentials
internal import GRDB
public import KeyRing

extension ReadTransaction {
    /// The blobs that a sealed segment names: those of the versions of documents in it, as their rows have
    /// them now. One of a version that was purged since is wanted by nobody.
    public func blobs(ofSegment lane: Lane, _ sequence: UInt64) throws -> [BlobReference] {
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT DISTINCT v.sha256, v.size, v.epoch, v.text_sha256, v.text_size
                FROM sync_segment s
                JOIN change_batch b ON b.seq BETWEEN s.first_batch AND s.last_batch
                JOIN origin o ON o.id = b.origin AND o.device = s.device
                JOIN change c ON c.batch = b.seq AND c.collection = 6
                JOIN document_version v ON v.id = c.record
                WHERE s.device = ? AND s.incarnation = ? AND s.stream = ? AND s.sequence = ? AND s.is_own
                """,
            arguments: lane.arguments + [Int64(clamping: sequence)])
        return Self.blobs(rows)
    }

    /// The blobs of all documents that are not in the trash, of all their versions, which are not here.
    public func missingBlobs() throws -> [BlobReference] {
        try Self.blobs(Row.fetchAll(db, sql: Self.missing("d.deleted_at IS NULL")))
    }

    /// Those of one document, in the trash or not.
    public func missingBlobs(of document: String) throws -> [BlobReference] {
        try Self.blobs(Row.fetchAll(db, sql: Self.missing("d.id = ?"), arguments: [document]))
    }

    /// Both blobs of a version, null for one that is here.
    private static func missing(_ condition: String) -> String {
        func isMissing(_ hash: String) -> String {
            "NOT EXISTS (SELECT 1 FROM blob b WHERE b.sha256 = \(hash) AND b.epoch = v.epoch)"
        }
        return """
            SELECT iif(\(isMissing("v.sha256")), v.sha256, NULL), v.size, v.epoch,
                iif(\(isMissing("v.text_sha256")), v.text_sha256, NULL), v.text_size
            FROM document_version v JOIN document d ON d.id = v.document_id
            WHERE v.deleted_at IS NULL AND \(condition) AND (\(isMissing("v.sha256"))
                OR v.text_sha256 IS NOT NULL AND \(isMissing("v.text_sha256")))
            """
    }

    /// Each blob once, from rows with a version's two.
    private static func blobs(_ rows: [Row]) -> [BlobReference] {
        var seen: Set<BlobReference> = []
        var found: [BlobReference] = []
        for row in rows {
            let epoch: UInt32 = row[2]
            let both: [(Data?, Int64?)] = [(row[0], row[1]), (row[3], row[4])]
            for (hash, size) in both {
                guard let hash, let size else { continue }
                let reference = BlobReference(sha256: Array(hash), size: size, epoch: epoch)
                if seen.insert(reference).inserted { found.append(reference) }
            }
        }
        return found
    }

    /// Whether the file of a blob is here, as the tables know it.
    public func isHere(_ reference: BlobReference) throws -> Bool {
        let statement = try db.cachedStatement(
            sql: "SELECT EXISTS (SELECT 1 FROM blob WHERE sha256 = ? AND epoch = ?)")
        return try Bool.fetchOne(statement, arguments: [Data(reference.sha256), reference.epoch]) ?? false
    }

    /// The device whose signed word it is that the remote holds a blob: this one, or another that has sent a
    /// segment which names it. Nil when nobody has said so.
    public func deviceThatStored(_ reference: BlobReference) throws -> DeviceID? {
        let statement = try db.cachedStatement(
            sql: "SELECT device FROM sync_blob WHERE sha256 = ? AND epoch = ?")
        return try Data.fetchOne(statement, arguments: [Data(reference.sha256), reference.epoch])
            .flatMap { DeviceID(Array($0)) }
    }
}

extension ReadTransaction {
    /// The blobs of all versions of documents, in the trash or not, of which somebody says that the remote
    /// holds them.
    public func blobsInRemote() throws -> [BlobReference] { try namedAndStored("1") }

    /// Those of them that were found lost there and are here.
    public func blobsToStoreAgain() throws -> [BlobReference] {
        try namedAndStored(
            """
            s.is_lost AND EXISTS (SELECT 1 FROM blob b WHERE b.sha256 = s.sha256 AND b.epoch = s.epoch)
            """)
    }

    private func namedAndStored(_ condition: String) throws -> [BlobReference] {
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT v.sha256, v.size, v.epoch FROM (\(Self.namedBlobs)) v
                JOIN sync_blob s ON s.sha256 = v.sha256 AND s.epoch = v.epoch WHERE \(condition)
                """)
        return rows.map { BlobReference(sha256: Array($0[0] as Data), size: $0[1], epoch: $0[2]) }
    }

    /// When this device last found a blob in the remote itself, in milliseconds since 1970, 0 for never; nil
    /// where it is lost, or nobody has stored it.
    public func found(_ reference: BlobReference) throws -> Int64? {
        let statement = try db.cachedStatement(
            sql: "SELECT found_at FROM sync_blob WHERE sha256 = ? AND epoch = ? AND NOT is_lost")
        return try Int64.fetchOne(statement, arguments: [Data(reference.sha256), reference.epoch])
    }

    fileprivate static let isUnnamed = """
        (sha256, epoch) NOT IN (SELECT sha256, epoch FROM (\(namedBlobs)))
        """

    /// Whether it is noted who has stored blobs that no version names any more.
    func knowsUnnamedBlobs() throws -> Bool {
        let sql = "SELECT EXISTS (SELECT 1 FROM sync_blob WHERE \(Self.isUnnamed))"
        return try Bool.fetchOne(db, sql: sql) ?? false
    }

    /// The blobs that the change log names, whether the records show, are in the trash or wait for a person:
    /// all but those of what was purged.
    public func blobsInLog() throws -> Set<BlobReference> {
        let epochs = try UInt32.fetchSet(db, sql: "SELECT DISTINCT epoch FROM document_version")
        var blobs = Set(try referencedBlobs(here: false))
        let rows = try Data.fetchCursor(
            db, sql: "SELECT fields FROM change WHERE collection = ?",
            arguments: [Collection.documentVersion.number])
        while let row = try rows.next() {
            let fields = try FieldCodec.decode(Array(row))
            func value(_ column: String) -> FieldValue? {
                let field = Collection.documentVersion.field(column)
                return fields.last { $0.field == field }?.value
            }
            for (column, sizeColumn) in [("sha256", "size"), ("text_sha256", "text_size")] {
                guard case .blob(let hash)? = value(column) else { continue }
                var size: Int64 = 0
                if case .integer(let number)? = value(sizeColumn) { size = number }
                var named = epochs
                if case .integer(let epoch)? = value("epoch"), let epoch = UInt32(exactly: epoch) {
                    named = [epoch]
                }
                for epoch in named { blobs.insert(BlobReference(sha256: hash, size: size, epoch: epoch)) }
            }
        }
        return blobs
    }

    /// The ids of the documents with a version that names a blob.
    public func documents(naming reference: BlobReference) throws -> [String] {
        try String.fetchAll(
            db,
            sql: """
                SELECT DISTINCT document_id FROM document_version
                WHERE (sha256 = ?1 OR text_sha256 = ?1) AND epoch = ?2 ORDER BY document_id
                """, arguments: [Data(reference.sha256), reference.epoch])
    }
}

extension ReadTransaction {
    fileprivate static let mayMissBlobsKey = "sync.may_miss_contents"

    /// Whether blobs may be named that are not here: none are if this is false.
    public func mayMissBlobs() throws -> Bool { try setting(Self.mayMissBlobsKey) != nil }
}

extension WriteTransaction {
    /// Notes whether blobs may be named that are not here.
    public func setMayMissBlobs(_ may: Bool) throws {
        try setSetting(Self.mayMissBlobsKey, may ? "1" : nil)
    }

    /// Notes that this device has stored blobs in the remote, or has read them there.
    ///
    /// - Parameter now: milliseconds since 1970.
    public func noteStored(_ references: [BlobReference], at now: Int64) throws {
        let statement = try db.cachedStatement(
            sql: "INSERT OR REPLACE INTO sync_blob(sha256, epoch, device, found_at) VALUES (?, ?, ?, ?)")
        for reference in references {
            try statement.execute(
                arguments: [Data(reference.sha256), reference.epoch, Data(origin.device), now])
        }
    }

    /// Notes that blobs which somebody has stored are lost in the remote: whoever has their bytes has to
    /// store them again.
    public func noteLost(_ references: [BlobReference]) throws {
        let statement = try db.cachedStatement(
            sql: "UPDATE sync_blob SET is_lost = 1 WHERE sha256 = ? AND epoch = ?")
        for reference in references {
            try statement.execute(arguments: [Data(reference.sha256), reference.epoch])
        }
    }

    /// Notes that this device has seen that blobs are there which somebody has stored.
    ///
    /// - Parameter now: milliseconds since 1970.
    public func noteFound(_ references: [BlobReference], at now: Int64) throws {
        let statement = try db.cachedStatement(
            sql: "UPDATE sync_blob SET found_at = ? WHERE sha256 = ? AND epoch = ?")
        for reference in references {
            try statement.execute(arguments: [now, Data(reference.sha256), reference.epoch])
        }
    }

    /// Forgets who has stored blobs that no version names any more.
    func forgetUnnamedBlobs() throws {
        try db.execute(sql: "DELETE FROM sync_blob WHERE \(Self.isUnnamed)")
    }

    /// Notes that a blob was had from the remote.
    func noteGot(_ reference: BlobReference) throws {
        try db.cachedStatement(
            sql: "UPDATE sync_blob SET misses = 0, is_lost = 0 WHERE sha256 = ? AND epoch = ?"
        ).execute(arguments: [Data(reference.sha256), reference.epoch])
    }

    /// Notes that a blob which somebody has stored was not to be had.
    ///
    /// - Returns: how often in a row.
    public func noteMiss(_ reference: BlobReference) throws -> Int {
        let statement = try db.cachedStatement(
            sql: "UPDATE sync_blob SET misses = misses + 1 WHERE sha256 = ? AND epoch = ? RETURNING misses")
        return try Int.fetchOne(statement, arguments: [Data(reference.sha256), reference.epoch]) ?? 0
    }

    /// Notes which blobs others have stored: whoever sends a version has stored its blobs before. And that it
    /// is worth looking which of them are not here.
    func noteBlobs(in batches: [ChangeBatch]) throws {
        let documents = [Collection.document.number, Collection.documentVersion.number]
        guard batches.contains(where: { $0.changes.contains { documents.contains($0.collection) } }) else {
            return
        }
        try setMayMissBlobs(true)
        let statement = try db.cachedStatement(
            sql: """
                INSERT INTO sync_blob(sha256, epoch, device) VALUES (?1, ?2, ?3)
                ON CONFLICT(sha256, epoch) DO UPDATE SET device = ?3 WHERE device <> ?4
                """)
        for batch in batches {
            for change in batch.changes where change.collection == Collection.documentVersion.number {
                func value(_ column: String) -> FieldValue? {
                    let field = Collection.documentVersion.field(column)
                    return change.fields.last { $0.field == field }?.value
                }
                guard case .integer(let epoch)? = value("epoch"), let epoch = UInt32(exactly: epoch) else {
                    continue
                }
                for column in ["sha256", "text_sha256"] {
                    guard case .blob(let hash)? = value(column) else { continue }
                    try statement.execute(
                        arguments: [Data(hash), epoch, Data(batch.origin.device), Data(origin.device)])
                }
            }
        }
    }
}
