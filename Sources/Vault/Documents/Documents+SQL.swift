internal import FoundationEssentials
internal import GRDB

extension ReadTransaction {
    /// Documents, the newest first.
    public func documents(
        category: String? = nil, tag: String? = nil, project: String? = nil, deleted: Bool = false,
        limit: Int = 0
    ) throws -> Page<DocumentRecord> {
        var condition = "d.deleted_at IS \(deleted ? "NOT " : "")NULL"
        var arguments: [any DatabaseValueConvertible] = []
        if let category {
            condition += " AND d.category = ?"
            arguments.append(category)
        }
        if let tag {
            condition += " AND EXISTS (SELECT 1 FROM json_each(d.tags) j WHERE j.value = ?)"
            arguments.append(tag)
        }
        if let project {
            condition += " AND d.project_id = ?"
            arguments.append(project)
        }
        let cut = limit > 0 ? " LIMIT \(limit + 1)" : ""
        let found = try fetchDocuments(
            "\(condition) ORDER BY d.row DESC\(cut)", StatementArguments(arguments))
        let hasMore = limit > 0 && found.count > limit
        return Page(items: hasMore ? Array(found.prefix(limit)) : found, hasMore: hasMore)
    }

    /// The document with this full id, in the trash or not.
    public func document(_ id: String) throws -> DocumentRecord {
        guard let document = try fetchDocuments("d.id = ?", [id]).first else { throw notFound(id, .document) }
        return document
    }

    /// The document that was uploaded from this absolute path.
    func document(atPath path: [UInt8]) throws -> DocumentRecord? {
        guard !path.isEmpty else { return nil }
        return try fetchDocuments("d.path = ? AND d.deleted_at IS NULL ORDER BY d.row LIMIT 1", [Data(path)])
            .first
    }

    /// Documents out of the trash with this content that were made on this device.
    func ownDocuments(content sha256: [UInt8]) throws -> [DocumentRecord] {
        try fetchDocuments(
            """
            d.id IN (SELECT document_id FROM document_version WHERE sha256 = ?1) AND v.sha256 = ?1
                AND d.deleted_at IS NULL AND d.origin IN (SELECT id FROM origin WHERE device = ?2)
            ORDER BY d.row
            """, [Data(sha256), Data(ownDevice)])
    }

    /// The documents that this device uploaded from below a directory, given with a slash at its end.
    func ownDocuments(below directory: [UInt8]) throws -> [DocumentRecord] {
        var end = directory
        end[end.count - 1] += 1
        return try fetchDocuments(
            """
            d.path >= ?1 AND d.path < ?2 AND d.deleted_at IS NULL
                AND d.origin IN (SELECT id FROM origin WHERE device = ?3)
            ORDER BY d.row
            """, [Data(directory), Data(end), Data(ownDevice)])
    }

    func fetchDocuments(_ condition: String, _ arguments: StatementArguments) throws -> [DocumentRecord] {
        let statement = try db.cachedStatement(
            sql: """
                SELECT d.id, d.title, d.category, d.tags, v.content_type, v.size, v.number, d.name, d.path,
                    d.created_at, max(d.updated_at, v.updated_at), d.deleted_at, v.sha256, v.epoch,
                    v.text_sha256, v.text_size, \(Self.isHere), d.project_id
                FROM document d JOIN document_version v ON v.row = (SELECT w.row FROM document_version w
                    WHERE w.document_id = d.id AND w.deleted_at IS NULL
                    ORDER BY w.number DESC, w.id DESC LIMIT 1)
                WHERE \(condition)
                """)
        return try Row.fetchAll(statement, arguments: arguments).map { row in
            try DocumentRecord(
                id: row[0], title: row[1], category: row[2], tags: Text.decodeList(row[3]),
                projectID: row[17], contentType: row[4], size: row[5], version: row[6],
                name: Array(row[7] as Data),
                path: Array(row[8] as Data), createdAt: Timestamp(milliseconds: row[9]),
                updatedAt: Timestamp(milliseconds: row[10]),
                deletedAt: (row[11] as Int64?).map(Timestamp.init(milliseconds:)),
                content: BlobReference(sha256: Array(row[12] as Data), size: row[5], epoch: row[13]),
                extractedText: Self.text(row[14], row[15], row[13]), isHere: row[16])
        }
    }

    /// Whether the file of a version's content is here; `v` is the version.
    private static let isHere =
        "EXISTS (SELECT 1 FROM blob b WHERE b.sha256 = v.sha256 AND b.epoch = v.epoch)"

    private static func text(_ sha256: Data?, _ size: Int64?, _ epoch: UInt32) -> BlobReference? {
        guard let sha256, let size else { return nil }
        return BlobReference(sha256: Array(sha256), size: size, epoch: epoch)
    }

    /// The versions of a document, oldest first.
    public func versions(of id: String) throws -> [DocumentVersion] {
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT id, document_id, number, content_type, created_at, sha256, size, epoch, text_sha256,
                    text_size, \(Self.isHere)
                FROM document_version v WHERE document_id = ? AND deleted_at IS NULL ORDER BY number, id
                """,
            arguments: [id])
        return rows.map(Self.version)
    }

    private static func version(_ row: Row) -> DocumentVersion {
        DocumentVersion(
            id: row[0], documentID: row[1], number: row[2], contentType: row[3],
            createdAt: Timestamp(milliseconds: row[4]),
            content: BlobReference(sha256: Array(row[5] as Data), size: row[6], epoch: row[7]),
            extractedText: text(row[8], row[9], row[7]), isHere: row[10])
    }

    /// Every version, one at a time, with its document's id, name and whether that is in the trash. One has
    /// an extracted text only where that is here.
    func eachVersion(
        _ body: (_ document: String, _ name: [UInt8], _ isInTrash: Bool, DocumentVersion) throws -> Void
    ) throws {
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT v.id, v.document_id, v.number, v.content_type, v.created_at, v.sha256, v.size, v.epoch,
                    iif(EXISTS (SELECT 1 FROM blob b WHERE b.sha256 = v.text_sha256 AND b.epoch = v.epoch),
                        v.text_sha256, NULL),
                    v.text_size, \(Self.isHere), ifnull(d.name, x''),
                    d.deleted_at IS NOT NULL OR v.deleted_at IS NOT NULL
                FROM document_version v LEFT JOIN document d ON d.id = v.document_id
                ORDER BY v.document_id, v.number, v.id
                """)
        while let row = try rows.next() {
            try body(row[1], Array(row[11] as Data), row[12], Self.version(row))
        }
    }

    /// `sha256, size, epoch` of the blobs that versions name, each once.
    static let namedBlobs = """
        SELECT sha256, size, epoch FROM document_version
        UNION SELECT text_sha256, text_size, epoch FROM document_version WHERE text_sha256 IS NOT NULL
        """

    /// Every blob that a version names, once.
    ///
    /// - Parameter here: only those whose files are here.
    func referencedBlobs(here: Bool) throws -> [BlobReference] {
        let blobs = Self.namedBlobs
        let rows = try Row.fetchAll(
            db, sql: here ? "SELECT * FROM (\(blobs)) v WHERE \(Self.isHere)" : blobs)
        return rows.map { BlobReference(sha256: Array($0[0] as Data), size: $0[1], epoch: $0[2]) }
    }
}

extension WriteTransaction {
    /// Records a file whose blob is stored: a new document, or a new version of the one from the same path.
    func recordUpload(_ file: ReadyFile, into old: DocumentRecord?) throws -> String {
        if let project = file.projectID, !project.isEmpty, try !exists(.project, project) {
            throw notFound(project, .project)
        }
        let id = try old?.id ?? ids.next(.document)
        if let old {
            var fields: [FieldChange] = []
            if old.path != file.item.path {
                fields.append(FieldChange(1, .blob(file.item.name)))
                fields.append(FieldChange(2, .blob(file.item.path)))
            }
            if old.title != file.title { fields.append(FieldChange(3, .text(file.title))) }
            if old.category != file.category { fields.append(FieldChange(4, .text(file.category))) }
            if let tags = file.tags, tags != old.tags {
                fields.append(FieldChange(5, .text(Text.encode(tags))))
            }
            if let project = file.projectID, project != old.projectID ?? "" {
                fields.append(FieldChange(8, project.isEmpty ? .null : .text(project)))
            }
            try update(.document, id: id, fields)
        } else {
            let project = file.projectID.flatMap { $0.isEmpty ? nil : FieldChange(8, .text($0)) }
            try insert(
                .document, id: id,
                [
                    FieldChange(1, .blob(file.item.name)), FieldChange(2, .blob(file.item.path)),
                    FieldChange(3, .text(file.title)), FieldChange(4, .text(file.category)),
                    FieldChange(5, .text(Text.encode(file.tags ?? []))), FieldChange(6, .text(actor)),
                    FieldChange(7, .integer(now.milliseconds)),
                ] + [project].compactMap(\.self))
        }
        guard old?.content.sha256 != file.blob.reference.sha256 else { return id }
        let versions = try headVersions(of: id)
        // Heads with what shows are one; others stay in conflict with it.
        let shown = versions.last
        let parents = versions.heads.filter { $0.content.sha256 == shown?.content.sha256 }.map(\.id)
        try addVersion(
            of: id, contentType: file.contentType, content: file.blob.reference, text: file.text?.reference,
            number: (shown?.number ?? 0) + 1, parents: parents)
        return id
    }

    /// Changes a document's title, category or tags.
    @discardableResult
    public func updateDocument(
        _ id: String, title: String? = nil, category: String? = nil, tags: [String]? = nil
    ) throws -> DocumentRecord {
        var fields: [FieldChange] = []
        if let title { fields.append(FieldChange(3, .text(try Text.line(title, "the title")))) }
        if let category { fields.append(FieldChange(4, .text(try Text.line(category, "the category")))) }
        if let tags { fields.append(FieldChange(5, .text(Text.encode(try Text.tags(tags))))) }
        try update(.document, id: id, fields)
        return try document(id)
    }

    /// Puts a document into the trash; its blobs stay for 30 days.
    @discardableResult
    public func deleteDocument(_ id: String) throws -> DocumentRecord {
        guard try document(id).deletedAt == nil else {
            throw VaultError(.conflict, "\(id) is in the trash already")
        }
        try update(.document, id: id, [FieldChange(Collection.deletedField, .integer(now.milliseconds))])
        return try document(id)
    }

    /// Takes a document out of the trash.
    @discardableResult
    public func restoreDocument(_ id: String) throws -> DocumentRecord {
        guard try document(id).deletedAt != nil else {
            throw VaultError(.conflict, "\(id) is not in the trash")
        }
        try update(.document, id: id, [FieldChange(Collection.deletedField, .null)])
        // Nobody gets the contents of what is in the trash.
        try setMayMissBlobs(true)
        return try document(id)
    }

    /// Removes a document, its versions and its passages for good. Call `Vault.sweepBlobs` afterwards.
    public func purgeDocument(_ id: String) throws {
        guard try exists(.document, id, inTrash: true) else { throw notFound(id, .document) }
        try purgeRecords(ofDocument: id)
        try ChunkIndex.compact(db)
    }

    /// The same, without making sure that nothing is left in the index.
    func purgeRecords(ofDocument id: String) throws {
        let versions = try String.fetchAll(
            db, sql: "SELECT id FROM document_version WHERE document_id = ?", arguments: [id])
        for version in versions { try purge(.documentVersion, id: version) }
        try purge(.document, id: id)
    }
}
