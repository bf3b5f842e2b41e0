internal import Cryptography
public import Vault

/// Checkpoints of a vault: made, taken over, compared.
extension VaultSync {
    private static let wantedKey = "sync.checkpoint_wanted_at"

    /// Has the next round make a checkpoint, unless somebody makes one before: the newest is under old keys.
    public static func wantCheckpoint(_ transaction: WriteTransaction, now: Timestamp) throws {
        guard try transaction.syncState() != nil else { return }
        try transaction.setSetting(wantedKey, String(now.milliseconds))
    }

    /// Whether one is wanted that has not been seen yet.
    func wantsCheckpoint() throws -> Bool {
        let since = try vault.read { try $0.setting(Self.wantedKey) }.flatMap { Int64($0) }
        guard let since else { return false }
        return state.checkpoints.allSatisfy { $0.verdict == .refused || $0.seenAt < since }
    }

    /// A checkpoint of everything that others may rely on, in its final bytes.
    func draftCheckpoint(_ next: SyncState, _ transaction: ReadTransaction) throws -> CommitResult {
        guard let id = CheckpointID(try RandomBytes.bytes(16)) else { return .noCheckpoint }
        var chunks: [[UInt8]] = []
        let vector = next.observed
        let root = try transaction.checkpoint(at: vector) { content in
            chunks.append(
                try self.object(.chunk, UInt64(chunks.count + 1), link: id.link, content, next))
        }
        guard let root else { return .noCheckpoint }
        let body = CheckpointBody(
            vector: vector, root: root, chunks: chunks.map { position(of: $0, 1).hash })
        let mark = CheckpointMark(
            id: id, author: next.author, body: body, seenAt: Int64(clamping: now()), verdict: .attested)
        return .checkpoint(
            CheckpointDraft(
                mark: mark, manifest: try object(.checkpoint, 1, link: id.link, body.encoded, next),
                chunks: chunks))
    }

    /// What this vault comes to at a checkpoint's vector, compared with what its author says.
    func attest(
        _ id: CheckpointID, _ next: SyncState, _ transaction: ReadTransaction
    ) throws -> CommitResult {
        guard let mark = next.checkpoints.first(where: { $0.id == id }),
            let root = try transaction.checkpoint(at: mark.body.vector)
        else { return .judged(.unknown) }
        return .judged(root == mark.body.root ? .attested : .refused)
    }

    /// Takes a checkpoint over.
    /// - Throws: `CheckpointRefusal`; nothing of the transaction must be kept then.
    func load(_ mark: CheckpointMark, _ chunks: [SignedObject], _ transaction: WriteTransaction) throws {
        // Records that are here may be deleted by it.
        let isFresh = try transaction.lastChangeSequence() == 0
        let deleted = isFresh ? [] : try chunks.map { try Self.deleted(in: content(of: $0, mark)) }
        try self.deletions.incoming(deleted, transaction) {
            var rest = chunks[...]
            try transaction.apply(checkpointAt: mark.body.vector, root: mark.body.root) {
                try rest.popFirst().map { try content(of: $0, mark) }
            }
        }
    }

    private func content(of chunk: SignedObject, _ mark: CheckpointMark) throws -> [UInt8] {
        let name = "c/\(mark.id)/\(chunk.header.sequence)"
        do throws(SyncError) {
            return try PaddedBody.decode(reader.open(chunk, name: name), name: name)
        } catch { throw CheckpointRefusal(reason: error.message) }
    }

    /// The deletions that a chunk knows of, as a transaction of nobody.
    private static func deleted(in bytes: [UInt8]) throws -> ChangeBatch {
        let content: CheckpointChunk.Content
        do { content = try CheckpointChunk.decode(bytes) } catch {
            throw CheckpointRefusal(reason: "its content is malformed")
        }
        let origin = Origin(device: [UInt8](repeating: 0, count: 16), incarnation: 0)
        let changes = content.images.map { image in
            RecordChange(
                collection: image.key.collection, id: image.key.id, dot: image.dot,
                fields: image.writes.flatMap(\.fields))
        }
        return ChangeBatch(
            sequence: 0, stamp: HybridTime(rawValue: 0), origin: origin, actor: "",
            changes: changes.filter(\.isAboutDeletion))
    }
}
