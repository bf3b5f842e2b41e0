internal import GRDB

extension ReadTransaction {
    /// The full id that `text` means: itself, or an unambiguous beginning or end of at least 4 characters,
    /// with or without the kind in front.
    /// - Parameter inTrash: look in the trash too.
    /// - Throws: `VaultError` with code `not_found`, or `ambiguous_id` with the candidates.
    public func resolve(_ text: String, _ kind: IDKind, inTrash: Bool = false) throws -> String {
        let collection = Collection.of(kind)
        if try exists(collection, text, inTrash: inTrash) { return text }
        let prefix = "\(kind.rawValue)-"
        let bare = (text.hasPrefix(prefix) ? String(text.dropFirst(prefix.count)) : text).lowercased()
        guard bare.utf8.count >= 4, isForeignID(bare) else { throw notFound(text, kind) }
        let trash = inTrash ? "" : "AND deleted_at IS NULL"
        var candidates = try String.fetchAll(
            db, sql: "SELECT id FROM \(collection.table) WHERE id >= ?1 AND id < ?1 || '~' \(trash) LIMIT 11",
            arguments: [prefix + bare])
        if candidates.isEmpty && !text.hasPrefix(prefix) {
            candidates = try String.fetchAll(
                db,
                sql: """
                    SELECT id FROM \(collection.table)
                    WHERE (substr(id, -length(?1)) = ?1 OR substr(id, 1, length(?1)) = ?1) \(trash) LIMIT 11
                    """,
                arguments: [bare])
        }
        guard let first = candidates.first else { throw try notFoundOrTrashed(text, kind, inTrash) }
        guard candidates.count == 1 else {
            throw VaultError(
                .ambiguousID, "'\(text)' could be any of \(candidates.count > 10 ? "many" : "several") ids",
                hint: "give more characters: " + candidates.prefix(10).joined(separator: ", "),
                candidates: Array(candidates.prefix(10)))
        }
        return first
    }

    func exists(_ collection: Collection, _ id: String, inTrash: Bool = false) throws -> Bool {
        let trash = inTrash ? "" : "AND deleted_at IS NULL"
        let statement = try db.cachedStatement(
            sql: "SELECT 1 FROM \(collection.table) WHERE id = ? \(trash)")
        return try Int.fetchOne(statement, arguments: [id]) != nil
    }

    private func notFoundOrTrashed(_ text: String, _ kind: IDKind, _ inTrash: Bool) throws -> VaultError {
        if inTrash { return notFound(text, kind) }
        do {
            let trashed = try resolve(text, kind, inTrash: true)
            return VaultError(
                .notFound, "\(trashed) is in the trash", hint: "restore it first, or list the trash")
        } catch let error as VaultError where error.code == .notFound || error.code == .ambiguousID {
            return notFound(text, kind)
        }
    }

    func notFound(_ text: String, _ kind: IDKind) -> VaultError {
        VaultError(
            .notFound, "no \(kind.noun) matches '\(text)'",
            hint: "give an id, or at least 4 characters of its beginning or end")
    }
}

extension IDKind {
    var noun: String {
        switch self {
        case .task: "task"
        case .project: "project"
        case .document: "document"
        case .version: "version"
        case .comment: "comment"
        }
    }
}

extension Collection {
    static func of(_ kind: IDKind) -> Collection {
        switch kind {
        case .task: task
        case .project: project
        case .document: document
        case .version: documentVersion
        case .comment: comment
        }
    }
}
