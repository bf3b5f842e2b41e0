internal import GRDB

extension WriteTransaction {
    /// Settles a conflict by writing what any change writes, so that it is settled everywhere.
    ///
    /// Of a candidate, `local` drops it and `remote` gives its values anew; of a deleted record, `local`
    /// deletes it once more, knowing of the change, and `remote` restores it; of a document, a version is
    /// written that comes after all heads. What was not taken stays in the history.
    /// - Parameter id: may be shortened. `merged` of a document is `Vault.resolve`'s.
    /// - Throws: `not_found` for one that is settled or has changed; `invalid` for a choice that makes no
    ///   sense here; `conflict` when nothing can be merged by itself.
    @discardableResult
    public func resolve(conflict id: String, take choice: ConflictChoice) throws -> Conflict {
        let found = try conflict(id)
        var state = try state(found.conflict.key)
        switch found.subject {
        case .candidate(let write, let base, let local, let remote):
            switch choice {
            case .local: break
            case .remote: try change(&state, remote)
            case .merged(let bytes):
                try change(&state, merged(state.key, bytes, base, local, remote))
            }
            try judge(write, settles: true)
        case .versions(_, let local, let remote, let heads):
            switch choice {
            case .local: try addVersion(of: state.key.id, like: local, after: heads)
            case .remote: try addVersion(of: state.key.id, like: remote, after: heads)
            case .merged: throw Self.senseless("a document's content is merged outside of a transaction")
            }
        case .editedAfterDeletion:
            switch choice {
            case .local:
                try change(&state, [FieldChange(Collection.deletedField, .integer(now.milliseconds))])
            case .remote: try change(&state, [FieldChange(Collection.deletedField, .null)])
            case .merged: throw Self.senseless("it is either deleted or not")
            }
        }
        try noteConflicts(in: self.state(state.key))
        return found.conflict
    }

    /// Gives its own candidates anew which this device wrote with a clock that is right again, where nothing
    /// came in between that it had not known of. The rest is for a person.
    /// - Returns: how many.
    @discardableResult
    public func restampCandidates() throws -> Int {
        var count = 0
        for conflict in try conflicts() where conflict.kind == .candidate {
            guard case .candidate(let write, _, _, let remote) = try self.conflict(conflict.id).subject,
                write.origin.device == ownDevice, write.stamp > believed
            else { continue }
            var state = try state(write.key)
            let arrivals = try arrivals(of: write.key)
            guard let own = arrivals[FieldDot(write.origin, write.stamp)] else { continue }
            let isNewest = write.fields.allSatisfy { field in
                guard let winner = state.winner(field) else { return true }
                return arrivals[FieldDot(winner.origin, winner.stamp)].map { $0 < own } ?? false
            }
            guard isNewest else { continue }
            try change(&state, remote)
            try judge(write, settles: true)
            count += 1
        }
        return count
    }

    private struct FieldDot: Hashable {
        let origin: Origin
        let stamp: HybridTime

        init(_ origin: Origin, _ stamp: HybridTime) {
            self.origin = origin
            self.stamp = stamp
        }
    }

    /// When each of a record's changes came into this vault's log.
    private func arrivals(of key: RecordKey) throws -> [FieldDot: Int64] {
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT b.origin, b.stamp, b.seq FROM change c JOIN change_batch b ON b.seq = c.batch
                WHERE c.collection = ? AND c.record = ?
                """,
            arguments: [key.collection, key.id])
        return try rows.reduce(into: [:]) { found, row in
            found[FieldDot(try origins.origin(db, row[0]), HybridTime(rawValue: row[1]))] = row[2] as Int64
        }
    }

    /// A version with the content of another one, which ends the conflict between `heads`.
    func addVersion(of document: String, like version: HeadVersion, after heads: [HeadVersion]) throws {
        try addVersion(
            of: document, contentType: version.contentType, content: version.content, text: version.text,
            number: (heads.map(\.number).max() ?? 0) + 1, parents: heads.map(\.id))
    }

    func addVersion(
        of document: String, contentType: String, content: BlobReference, text: BlobReference?,
        number: Int64, parents: [String]
    ) throws {
        var fields = [
            FieldChange(1, .text(document)), FieldChange(2, .integer(number)),
            FieldChange(3, .text(contentType)), FieldChange(4, .integer(content.size)),
            FieldChange(5, .blob(content.sha256)), FieldChange(6, .integer(Int64(content.epoch))),
            FieldChange(9, .text(Text.encode(parents))), FieldChange(10, .integer(now.milliseconds)),
        ]
        if let text {
            fields += [FieldChange(7, .integer(text.size)), FieldChange(8, .blob(text.sha256))]
        }
        try insert(.documentVersion, id: try ids.next(.version), fields)
    }

    private func merged(
        _ key: RecordKey, _ bytes: [UInt8]?, _ base: [FieldChange], _ local: [FieldChange],
        _ remote: [FieldChange]
    ) throws -> [FieldChange] {
        guard let bytes else {
            func values(_ fields: [FieldChange]) -> [UInt32: FieldValue] {
                fields.reduce(into: [:]) { $0[$1.field] = $1.value }
            }
            let merge = FieldMerge(base: values(base), local: values(local), remote: values(remote))
            guard merge.conflicts.isEmpty else {
                throw VaultError(
                    .conflict, "both sides changed the same lines", hint: "give the merged value as a file")
            }
            return merge.merged.sorted { $0.key < $1.key }.map { FieldChange($0.key, $0.value) }
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw VaultError(.invalid, "the merged value is not UTF-8")
        }
        if remote.count == 1, case .text = remote[0].value {
            return [FieldChange(remote[0].field, .text(text))]
        }
        let fields = try Collection.named(key.collection).fields(JSONValue(parsing: text))
        guard fields.allSatisfy({ change in remote.contains { $0.field == change.field } }) else {
            throw VaultError(.invalid, "a field that is not in conflict", hint: "name only those that are")
        }
        return fields
    }

    static func senseless(_ why: String) -> VaultError {
        VaultError(.invalid, "this conflict can't be merged: \(why)", hint: "take local or remote")
    }
}
