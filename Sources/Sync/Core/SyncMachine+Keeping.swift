internal import KeyRing
internal import ObjectStorage
internal import Vault

/// Checkpoints of this device, and what they make superfluous.
extension SyncMachine {
    /// Looks into one checkpoint of others, and makes an own one when the way from the newest is long.
    mutating func pumpCheckpoint() -> Bool {
        guard let round, round.awaited.isEmpty, round.blocked.isEmpty, state.halt == nil,
            state.outbox.isEmpty
        else { return true }
        if let draft = round.draft { return send(draft) }
        if !round.hasAsked {
            self.round?.hasAsked = true
            if let mark = state.checkpoints.first(where: { $0.verdict == .open && isReached($0) }) {
                commit([.attest(mark.id)], .attested(mark))
                return false
            }
        }
        guard !round.hasDrafted, isCheckpointDue else { return true }
        self.round?.hasDrafted = true
        commit([.draftCheckpoint], .drafted)
        return false
    }

    private func isReached(_ mark: CheckpointMark) -> Bool {
        let own = state.author
        return mark.body.vector.allSatisfy { seen in
            let here = seen.lane.author == own ? state.settled[seen.lane] : state.positions[seen.lane]
            return here?.sequence ?? 0 >= seen.position.sequence
        }
    }

    mutating func attested(_ mark: CheckpointMark, _ verdict: CheckpointMark.Verdict) {
        guard verdict == .refused else { return }
        raise(
            SyncAlarm(
                .diverged, "c/\(mark.id)", by: mark.author,
                "this device comes to another state from the same segments"))
    }

    /// Whether some lane has grown long since the newest checkpoint that counts.
    private var isCheckpointDue: Bool {
        guard membership.mayWrite(state.author.device) else { return false }
        let spread = UInt64(state.author.device.bytes.last ?? 0) & 15 % max(1, checkpoints.tail / 3 + 1)
        let newest = state.checkpoints.last { $0.verdict != .refused }
        return state.observed.contains { seen in
            let covered = newest?.end(of: seen.lane) ?? 0
            return seen.position.sequence >= covered + checkpoints.tail + spread
        }
    }

    mutating func drafted(_ result: CommitResult?) {
        guard case .checkpoint(let draft)? = result else { return }
        round?.draft = draft
    }

    /// Chunks first, the manifest when all of them are stored: a checkpoint that is there is whole.
    private mutating func send(_ draft: CheckpointDraft) -> Bool {
        let next = round?.draftSent ?? 0
        guard next <= draft.chunks.count else { return true }
        round?.draftSent = next + 1
        if next < draft.chunks.count {
            put(.chunk(draft.mark.id, next), draft.chunks[next], .ifAbsent, .sendingCheckpoint)
        } else {
            put(.manifest(draft.mark.id), draft.manifest, .ifAbsent, .sendingManifest)
        }
        return false
    }

    /// One that can't be sent is given up, and what is left of it removed later.
    mutating func sentCheckpoint(_ answer: RemoteAnswer, isManifest: Bool) {
        guard case .stored = answer else {
            round?.draft = nil
            return
        }
        guard isManifest, let draft = round?.draft else { return }
        round?.draft = nil
        commit([.settleCheckpoint(draft.mark)])
    }

    // MARK: Collecting

    /// How many objects one round removes at most.
    private static let collectLimit = 512

    /// Removes what a checkpoint covers that is old and that enough others stand for; and what is left of an
    /// own one that was not sent whole. One device does it: the first in order that may and is alive.
    mutating func pumpCollect() -> Bool {
        guard let round, round.awaited.isEmpty, round.report.alarms.isEmpty, !round.hasStoppedCollecting
        else { return true }
        if let place = state.unfinished, round.draft == nil {
            guard !round.hasCleared else {
                commit([.clearedCheckpoint(place.id)])
                return false
            }
            self.round?.hasCleared = true
            for name in place.names { remove(name) }
            return false
        }
        guard round.looksAtAll, isCollector, let mark = collectable else { return true }
        if let (lane, end) = round.collecting {
            self.round?.collecting = nil
            commit([.collected(lane, end)])
            return false
        }
        for seen in mark.body.vector {
            let floor = state.floors[seen.lane] ?? 0
            guard floor < seen.position.sequence, round.removed < Self.collectLimit else { continue }
            let end = min(seen.position.sequence, floor + UInt64(Self.collectLimit - round.removed))
            for number in floor + 1...end { remove(.segment(seen.lane, number)) }
            self.round?.collecting = (seen.lane, end)
            return false
        }
        // Not every one that became known before it covers less.
        guard round.removed < Self.collectLimit,
            let older = state.checkpoints.first(where: { $0.id != mark.id && mark.covers($0) })
        else { return true }
        for name in CheckpointPlace(id: older.id, chunks: older.body.chunks.count).names { remove(name) }
        commit([.clearedCheckpoint(older.id)])
        return false
    }

    private mutating func remove(_ name: SyncName) {
        round?.removed += 1
        delete(name, .removing)
    }

    mutating func removed(_ answer: RemoteAnswer) {
        // A lock on the bucket says "later".
        if case .failed = answer { round?.hasStoppedCollecting = true }
        if round?.hasStoppedCollecting == true { round?.collecting = nil }
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
            guard mark.verdict == .attested, mark.seenAt <= now - checkpoints.age else { return false }
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
