internal import FoundationEssentials
internal import GRDB

extension ReadTransaction {
    /// What merging left to decide, oldest first. The table of conflicts only says where to look: whatever
    /// was settled in the meantime is not among them.
    public func conflicts() throws -> [Conflict] { try foundConflicts().map(\.conflict) }

    /// The conflict that an id or at least 4 characters of its beginning or end mean.
    /// - Throws: `VaultError` with code `not_found`, or `ambiguous_id` with the candidates.
    public func conflict(named text: String) throws -> Conflict { try conflict(text).conflict }

    /// As `conflict(named:)`, with what it takes to settle it.
    func conflict(_ text: String) throws -> FoundConflict {
        let all = try foundConflicts()
        let bare = text.hasPrefix("conf-") ? String(text.dropFirst(5)) : text
        let matches = all.filter { found in
            let id = found.conflict.id.dropFirst(5)
            return id == bare || bare.utf8.count >= 4 && (id.hasPrefix(bare) || id.hasSuffix(bare))
        }
        guard let first = matches.first else {
            throw VaultError(
                .notFound, "no conflict matches '\(text)'",
                hint: "it may be settled, or what is in conflict has changed: look at the list again")
        }
        guard matches.count == 1 else {
            let ids = matches.map(\.conflict.id)
            throw VaultError(
                .ambiguousID, "'\(text)' could be any of several conflicts",
                hint: "give more characters: " + ids.joined(separator: ", "), candidates: ids)
        }
        return first
    }

    private func foundConflicts() throws -> [FoundConflict] {
        let rows = try Row.fetchAll(
            db, sql: "SELECT id, collection, record, detected_at FROM conflict ORDER BY detected_at, id")
        let times = Dictionary(rows.map { ($0[0] as String, $0[3] as Int64) }) { first, _ in first }
        var seen: Set<RecordKey> = []
        var found: [FoundConflict] = []
        for row in rows {
            let key = RecordKey(row[1], row[2])
            guard seen.insert(key).inserted else { continue }
            found += try conflicts(in: state(key))
        }
        for index in found.indices {
            guard let time = times[found[index].conflict.id] else { continue }
            found[index].conflict.detectedAt = Timestamp(milliseconds: time)
        }
        return found.sorted {
            ($0.conflict.detectedAt, $0.conflict.id) < ($1.conflict.detectedAt, $1.conflict.id)
        }
    }

    /// The conflicts in one record; a document's are those of its versions too.
    func conflicts(in state: RecordState) throws -> [FoundConflict] {
        guard state.purge == nil else { return [] }
        var found = try candidates(in: state)
        switch state.key.collection {
        case Collection.task.number, Collection.project.number:
            found += try editedAfterDeletion(state)
        case Collection.document.number:
            found += try editedAfterDeletion(state) + versionConflict(state.key)
        default: break
        }
        return found
    }

    private func candidates(in state: RecordState) throws -> [FoundConflict] {
        var writes: [(register: Register, fields: [FieldChange])] = []
        for field in state.fieldNumbers {
            for candidate in state.candidates(field) {
                let change = FieldChange(field, candidate.value)
                let index = writes.firstIndex {
                    $0.register.origin == candidate.origin && $0.register.stamp == candidate.stamp
                }
                if let index {
                    writes[index].fields.append(change)
                } else {
                    writes.append((candidate, [change]))
                }
            }
        }
        return try writes.map { register, fields in
            let write = FieldWrite(
                key: state.key, origin: register.origin, stamp: register.stamp, fields: fields.map(\.field))
            func others(_ value: (UInt32) throws -> FieldValue?) rethrows -> [FieldChange] {
                try write.fields.map { FieldChange($0, try value($0) ?? .null) }
            }
            let local = others { state.winner($0, notAfter: .lastBelieved(at: now))?.value }
            let base = try others { try self.base($0, of: register, in: state) }
            return found(
                .candidate, state.key, register,
                [.blob(register.origin.device), .integer(write.stamp.rawValue)],
                (base, local, fields), .candidate(write, base: base, local: local, remote: fields))
        }
    }

    /// What the author of a value saw in its place.
    private func base(_ field: UInt32, of register: Register, in state: RecordState) throws -> FieldValue? {
        guard let group = SyncGroup(collection: state.key.collection) else { return nil }
        return try state.registers(field).last { earlier in
            try earlier.stamp < register.stamp && !state.isDemoted(earlier, field)
                && wasSeen(earlier, by: register, group)
        }?.value
    }

    private func editedAfterDeletion(_ state: RecordState) throws -> [FoundConflict] {
        let limit = HybridTime.lastBelieved(at: now)
        guard let deletion = state.winner(Collection.deletedField, notAfter: limit),
            deletion.value != .null, let group = SyncGroup(collection: state.key.collection)
        else { return [] }
        var edits: [(field: UInt32, register: Register)] = []
        for field in state.fieldNumbers where field != Collection.deletedField {
            guard let register = state.winner(field, notAfter: limit),
                try !wasSeen(register, by: deletion, group)
            else { continue }
            edits.append((field, register))
        }
        guard let last = edits.map(\.register).max() else { return [] }
        let base = try edits.map { edit in
            FieldChange(
                edit.field,
                try state.registers(edit.field).last { try wasSeen($0, by: deletion, group) }?.value ?? .null)
        }
        return [
            found(
                .editedAfterDeletion, state.key, last,
                [.integer(deletion.stamp.rawValue), .integer(last.stamp.rawValue)],
                (
                    base, [FieldChange(Collection.deletedField, deletion.value)],
                    edits.map { FieldChange($0.field, $0.register.value) }
                ), .editedAfterDeletion)
        ]
    }

    private func found(
        _ kind: Conflict.Kind, _ key: RecordKey, _ remote: Register, _ parts: [FieldValue],
        _ sides: (base: [FieldChange], local: [FieldChange], remote: [FieldChange]),
        _ subject: FoundConflict.Subject
    ) -> FoundConflict {
        func json(_ fields: [FieldChange]) -> JSONValue {
            .object(Collection.named(key.collection).json(fields))
        }
        return FoundConflict(
            conflict: Conflict(
                id: FoundConflict.id(kind, key, at: remote.stamp.time, parts), kind: kind, key: key,
                base: json(sides.base), local: json(sides.local), remote: json(sides.remote),
                device: Hex.encode(remote.origin.device), time: remote.stamp.time, detectedAt: now),
            subject: subject)
    }

    private func versionConflict(_ key: RecordKey) throws -> [FoundConflict] {
        guard try exists(.document, key.id) else { return [] }
        let versions = try headVersions(of: key.id)
        let heads = versions.heads
        // Equal content is no conflict, however it came about.
        guard Set(heads.map(\.content.sha256)).count > 1, let shown = versions.last else { return [] }
        let own = heads.last { $0.origin.device == ownDevice }
        let local = own ?? shown
        guard let remote = heads.last(where: { $0.content.sha256 != local.content.sha256 }) else { return [] }
        let base = versions.base(of: local, remote)
        let id = FoundConflict.id(
            .versions, key, at: heads.map(\.createdAt).max() ?? remote.createdAt,
            heads.map(\.id).sorted().map(FieldValue.text))
        return [
            FoundConflict(
                conflict: Conflict(
                    id: id, kind: .versions, key: key, base: base?.json ?? .null, local: local.json,
                    remote: remote.json, device: Hex.encode(remote.origin.device), time: remote.createdAt,
                    detectedAt: now),
                subject: .versions(base: base, local: local, remote: remote, heads: heads))
        ]
    }

    /// A document's versions as a graph, by rising number; the last one shows.
    func headVersions(of document: String) throws -> [HeadVersion] {
        let rows = try Row.fetchAll(
            db.cachedStatement(
                sql: """
                    SELECT id, number, content_type, sha256, size, epoch, text_sha256, text_size, parents,
                        created_at, origin
                    FROM document_version WHERE document_id = ? AND deleted_at IS NULL ORDER BY number, id
                    """),
            arguments: [document])
        return try rows.map { row in
            let epoch: UInt32 = row[5]
            let text: BlobReference? = (row[6] as Data?).flatMap { sha256 in
                (row[7] as Int64?).map { BlobReference(sha256: Array(sha256), size: $0, epoch: epoch) }
            }
            return HeadVersion(
                id: row[0], number: row[1], contentType: row[2],
                content: BlobReference(sha256: Array(row[3] as Data), size: row[4], epoch: epoch),
                text: text, parents: try Text.decodeList(row[8]),
                createdAt: Timestamp(milliseconds: row[9]), origin: try origins.origin(db, row[10]))
        }
    }
}

extension WriteTransaction {
    func recordsInConflict() throws -> Set<RecordKey> {
        let rows = try Row.fetchAll(db, sql: "SELECT DISTINCT collection, record FROM conflict")
        return Set(rows.map { RecordKey($0[0], $0[1]) })
    }

    /// Brings the table of conflicts up to date for a record; for a version, for its document.
    /// - Returns: the ids of those that are new.
    @discardableResult
    func noteConflicts(in state: RecordState) throws -> [String] {
        var state = state
        if state.key.collection == Collection.documentVersion.number {
            guard case .text(let document)? = state.winner(1)?.value else { return [] }
            state = try self.state(RecordKey(Collection.document.number, document))
        }
        let arguments: StatementArguments = [state.key.collection, state.key.id]
        let known = try String.fetchSet(
            db.cachedStatement(sql: "SELECT id FROM conflict WHERE collection = ? AND record = ?"),
            arguments: arguments)
        let found = Set(try conflicts(in: state).map(\.conflict.id))
        for id in known.subtracting(found) {
            try db.execute(
                sql: "DELETE FROM conflict WHERE collection = ? AND record = ? AND id = ?",
                arguments: arguments + [id])
        }
        let new = found.subtracting(known).sorted()
        for id in new {
            try db.execute(
                sql: "INSERT INTO conflict(collection, record, id, detected_at) VALUES (?, ?, ?, ?)",
                arguments: arguments + [id, now.milliseconds])
        }
        return new
    }
}
