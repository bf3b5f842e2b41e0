internal import KeyRing
internal import ObjectStorage
internal import Vault

/// Checkpoints of this device, and what it thinks of those of others.
extension SyncMachine {
    /// Looks into the newest checkpoint of others that it can, and makes an own one when the way from the
    /// newest is long.
    mutating func pumpCheckpoint() -> Bool {
        guard let round, round.awaited.isEmpty, round.blocked.isEmpty, state.halt == nil,
            state.outbox.isEmpty
        else { return true }
        if let draft = round.draft { return send(draft) }
        if !round.hasAsked {
            self.round?.hasAsked = true
            if let mark = state.checkpoints.last(where: { $0.verdict == .open && isReached($0) }) {
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
        guard membership.mayCheckpoint(state.author.device) else { return false }
        if round?.request.wantsCheckpoint == true { return true }
        let spread = UInt64(state.author.device.bytes.last ?? 0) % (checkpoints.tail / 3 + 1)
        let counting = state.checkpoints.filter { $0.verdict != .refused }
        return state.observed.contains { seen in
            let covered = counting.map { $0.end(of: seen.lane) }.max() ?? 0
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
}
