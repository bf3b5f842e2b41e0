internal import ObjectStorage
internal import Vault

/// What checkpoints make superfluous, and how it is removed.
extension SyncMachine {
    /// How many objects one round removes at most.
    private static let collectLimit = 4096

    /// Removes what a checkpoint covers that is old and that enough others stand for; and what is left of an
    /// own one that was not sent whole. One device does it: the first in order that may and is alive.
    ///
    /// Nothing is removed on the strength of what was once sent: the checkpoint is fetched and looked at
    /// first, since it is then all that the remote has of these segments.
    mutating func pumpCollect() -> Bool {
        guard let round, round.awaited.isEmpty, round.report.alarms.isEmpty, !round.hasStoppedCollecting
        else { return true }
        if let change = round.removing {
            self.round?.removing = nil
            commit([change])
            return false
        }
        if let place = state.unfinished, round.draft == nil {
            remove(place.names, then: .clearedCheckpoint(place.id))
            return false
        }
        guard round.looksAtAll, isCollector, let mark = collectable,
            let (names, change) = superfluous(under: mark)
        else { return true }
        if round.keptChecked <= mark.body.chunks.count {
            let next = round.keptChecked
            self.round?.keptChecked += 1
            get(
                next == 0 ? .manifest(mark.id) : .chunk(mark.id, next - 1), limit: Self.segmentLimit,
                .keeping(mark, next))
            return false
        }
        remove(names, then: change)
        return false
    }

    /// What can be removed next, and what is remembered once it is.
    private func superfluous(under mark: CheckpointMark) -> ([SyncName], SyncChange)? {
        let rest = Self.collectLimit - (round?.removed ?? 0)
        guard rest > 0 else { return nil }
        for seen in mark.body.vector {
            let floor = state.floors[seen.lane] ?? 0
            guard floor < seen.position.sequence else { continue }
            let end = min(seen.position.sequence, floor + UInt64(rest))
            return ((floor + 1...end).map { .segment(seen.lane, $0) }, .collected(seen.lane, end))
        }
        // Not every one that became known before it covers less.
        let older = state.checkpoints.first { $0.id != mark.id && (mark.covers($0) || isVoid($0.body)) }
        return older.map { older in
            let place = CheckpointPlace(id: older.id, chunks: older.body.chunks.count)
            return (place.names, .clearedCheckpoint(older.id))
        }
    }

    private mutating func remove(_ names: [SyncName], then change: SyncChange) {
        round?.removed += names.count
        round?.removing = change
        for name in names { delete(name, .removing) }
    }

    /// A store that removes nothing now, by a lock on the bucket, says "later".
    mutating func removed(_ answer: RemoteAnswer) {
        if case .failed = answer { round?.hasStoppedCollecting = true }
    }

    /// Whether the checkpoint that would remain is there and whole: its manifest (0), or a chunk (from 1).
    mutating func receivedKept(_ mark: CheckpointMark, _ part: Int, _ answer: RemoteAnswer) {
        let name = part == 0 ? "c/\(mark.id)/m" : "c/\(mark.id)/\(part - 1)"
        switch answer {
        case .object(let bytes, _):
            do throws(SyncError) {
                let object = try SignedObject(bytes, name: name)
                let isSame =
                    part == 0
                    ? try CheckpointBody(open(object, as: .checkpoint, name: name), name: name) == mark.body
                    : object.hash == mark.body.chunks[part - 1]
                guard isSame else { throw .integrity(name, "it is another one than before") }
            } catch { raise(SyncAlarm(.tampered, name, by: mark.author, error.message)) }
        case .absent:
            raise(
                SyncAlarm(.withheld, name, by: mark.author, "the checkpoint was there, and this is missing"))
        case .tooLong:
            raise(SyncAlarm(.tampered, name, by: mark.author, "it is larger than any can be"))
        default: round?.hasStoppedCollecting = true
        }
    }

    /// What this device may remove besides, at the end of a round in which nothing was held back from it: it
    /// has applied all that others have published.
    var collecting: SyncReport.Collecting? {
        guard let round, round.request.pulls, round.request.pushes, round.report.failure == nil,
            round.looksAtAll, round.hasLooked, round.report.alarms.isEmpty, !round.hasUnacceptedHeads,
            round.blocked.isEmpty, round.request.excluded.isEmpty, behind == 0, state.halt == nil,
            state.formerLife == nil, isCollector
        else { return nil }
        return SyncReport.Collecting(checkpoint: collectable)
    }

    private var isCollector: Bool {
        let now = round?.request.now ?? 0
        let alive = membership.authors.filter { author in
            guard membership.mayCollect(author.device) else { return false }
            guard author != state.author else { return true }
            guard let head = state.heads[author] else { return false }
            return Int64(clamping: head.times.issuedAt) > now - checkpoints.age
        }
        return alive.first == state.author
    }

    /// The newest checkpoint that is old enough and that enough members stand for besides its author.
    private var collectable: CheckpointMark? {
        let now = round?.request.now ?? 0
        return state.checkpoints.last { mark in
            guard mark.verdict == .attested, mark.seenAt <= now - checkpoints.age, !isVoid(mark.body) else {
                return false
            }
            let others = membership.authors.filter { $0.device != mark.author.device }
            let standing = others.filter { author in
                guard author != state.author else { return true }
                guard let head = state.heads[author] else { return false }
                return head.attested.contains(mark.attestation)
                    && Int64(clamping: head.times.issuedAt) > now - checkpoints.age
            }
            return standing.count >= min(2, others.count)
        }
    }
}
