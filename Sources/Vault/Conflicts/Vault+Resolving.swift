internal import FileSystem

extension Vault {
    /// How long a text may be that is merged in memory.
    private static let longestText: Int64 = 16 << 20

    /// Settles a conflict, that of a document's versions by any content too (`WriteTransaction.resolve`).
    /// - Parameter choice: `merged(nil)` of a document merges its text by lines, where that leaves nothing
    ///   in conflict.
    @discardableResult
    public func resolve(
        conflict id: String, take choice: ConflictChoice, actor: String = "user"
    ) throws -> Conflict {
        let found = try read { try $0.conflict(id) }
        guard case .merged(let given) = choice,
            case .versions(let base, let local, let remote, _) = found.subject
        else { return try write(actor: actor) { try $0.resolve(conflict: id, take: choice) } }
        let content = try given ?? merged(of: found.conflict.key.id, base, local, remote)
        return try keepingTemporaries { try settle(found.conflict.id, content, actor) }
    }

    /// Both texts in one, with markers around what is in conflict: what a person edits into a merged one.
    /// - Returns: nil for content that is no text, or too long.
    public func mergeProposal(conflict id: String) throws -> LineMerge? {
        let found = try read { try $0.conflict(id) }
        guard case .versions(let base, let local, let remote, _) = found.subject else { return nil }
        return try lines(of: found.conflict.key.id, base, local, remote)
    }

    /// What it takes to merge a document's versions and is not on this device: their contents.
    public func missingContent(conflict id: String) throws -> [BlobReference] {
        let found = try read { try $0.conflict(id) }
        guard case .versions(let base, let local, let remote, _) = found.subject else { return [] }
        let contents = [base, local, remote].compactMap { $0?.content }
        return try contents.filter { try !isHere($0) }
    }

    private func merged(
        of document: String, _ base: HeadVersion?, _ local: HeadVersion, _ remote: HeadVersion
    ) throws -> [UInt8] {
        guard let merge = try lines(of: document, base, local, remote) else {
            throw WriteTransaction.senseless("its content is no text, or too long to be merged here")
        }
        guard let merged = merge.merged else {
            throw VaultError(
                .conflict, "both sides changed the same lines", hint: "give the merged content as a file")
        }
        return merged
    }

    private func lines(
        of document: String, _ base: HeadVersion?, _ local: HeadVersion, _ remote: HeadVersion
    ) throws -> LineMerge? {
        var texts: [[UInt8]] = []
        for version in [base, local, remote] {
            guard let content = version?.content else {
                texts.append([])
                continue
            }
            guard content.size <= Self.longestText else { return nil }
            try requireHere([content], of: document)
            let bytes = try blobs.read(content, range: 0..<content.size)
            guard String(validating: bytes, as: UTF8.self) != nil, !bytes.contains(0) else { return nil }
            texts.append(bytes)
        }
        return LineMerge(base: texts[0], local: texts[1], remote: texts[2])
    }

    /// Stores the content as uploads do: announced, written, in its place, and only then named by a row.
    private func settle(_ id: String, _ content: [UInt8], _ actor: String) throws -> Conflict {
        let writer = BlobWriter(store: blobs, random: surroundings.random)
        let blob = try writer.stage(SourceBytes(bytes: content)) { _ in false }
        let upload = try surroundings.random(16)
        do {
            try write { try $0.addIntents([blob.name], upload: upload) }
            try blobs.settle([blob])
            return try write(actor: actor) { tx in
                let found = try tx.conflict(id)
                guard case .versions(_, let local, _, let heads) = found.subject else {
                    throw VaultError(.notFound, "the conflict \(id) has changed", hint: "look at it again")
                }
                try tx.addBlob(blob, stored: Files.status(blobs.path(blob.name))?.size ?? 0)
                try tx.addVersion(
                    of: found.conflict.key.id, contentType: local.contentType, content: blob.reference,
                    text: nil, number: (heads.map(\.number).max() ?? 0) + 1, parents: heads.map(\.id))
                try tx.noteConflicts(in: tx.state(found.conflict.key))
                try tx.removeIntents(upload: upload)
                return found.conflict
            }
        } catch {
            // One that stays is removed by the next sweep.
            if let temporary = blob.temporary { do { try Durable.remove(temporary) } catch {} }
            throw error
        }
    }
}
