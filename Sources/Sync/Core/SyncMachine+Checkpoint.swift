internal import ObjectStorage
internal import Vault

/// Checkpoints: what others wrote, fetched in one piece where it is long; and whether their state roots are
/// what this device comes to.
extension SyncMachine {
    // MARK: Knowing of them

    /// Fetches the manifests of checkpoints that are not known here: the two newest that each head stands
    /// for, and the newest of each that enough others stand for as well. The newest may have no witnesses
    /// yet, and what an older one covers may be gone.
    mutating func wantManifests() {
        let heads = round?.headsToCompare ?? []
        guard !awaitsRoster, heads.count != round?.headsSearched else { return }
        round?.headsSearched = heads.count
        var lists = heads.map(\.2.attested)
        if round?.looksAtAll == true { lists += state.heads.map(\.value.attested) }
        for list in lists where !list.isEmpty {
            let witnessed = list.last { hasWitnesses($0, inNeed: true) }
            for attestation in list.suffix(2) + (witnessed.map { [$0] } ?? []) { wantManifest(attestation) }
        }
    }

    private mutating func wantManifest(_ attestation: HeadBody.Attestation) {
        guard let id = CheckpointID(attestation.checkpoint), round?.manifests[id] == nil,
            !state.checkpoints.contains(where: { $0.id == id })
        else { return }
        round?.manifests[id] = true
        get(.manifest(id), limit: Self.headLimit, .manifest(id))
    }

    mutating func receivedManifest(_ id: CheckpointID, _ answer: RemoteAnswer) {
        let name = "c/\(id)/m"
        switch answer {
        case .object(let bytes, _):
            do throws(SyncError) {
                let object = try SignedObject(bytes, name: name)
                // One that names a later roster is fetched again once that was read.
                guard case .known = knowledge(of: object.header) else {
                    guard round?.hasReadRoster == false else {
                        throw .integrity(name, "it names a roster record that is missing")
                    }
                    round?.wantsRoster = true
                    round?.manifests[id] = nil
                    round?.headsSearched = -1
                    return
                }
                let body = try CheckpointBody(open(object, as: .checkpoint, name: name), name: name)
                guard object.header.link == id.link, !body.chunks.isEmpty else {
                    throw .integrity(name, "it belongs elsewhere")
                }
                let mark = CheckpointMark(
                    id: id, author: object.header.lane.author, body: body,
                    seenAt: round?.request.now ?? 0, verdict: isVoid(body) ? .refused : .open)
                commit([.knowCheckpoint(mark)])
            } catch { raise(SyncAlarm(.tampered, name, error.message)) }
        case .tooLong: raise(SyncAlarm(.tampered, name, "it is larger than any can be"))
        // Somebody has removed it, as an older one.
        case .absent: break
        default: fail(answer)
        }
    }

    /// Whether it speaks of what the roster has cut off.
    func isVoid(_ body: CheckpointBody) -> Bool { body.exceeds(membership) }

    // MARK: Loading one

    /// Looks whether a checkpoint comes in the place of many segments, and fetches it.
    ///
    /// - Returns: whether segments have to wait.
    mutating func pumpLoading() -> Bool {
        guard let round else { return false }
        if round.loading != nil { return true }
        guard !round.hasDecided, round.mustLoad || missing > checkpoints.gain else { return false }
        self.round?.looksAtAll = true
        guard round.hasLooked, round.headsWanted.isEmpty, round.awaited.isEmpty, !awaitsRoster else {
            return true
        }
        self.round?.hasDecided = true
        guard let mark = bestCheckpoint() else { return false }
        self.round?.loading = mark
        for index in mark.body.chunks.indices {
            get(.chunk(mark.id, index), limit: Self.segmentLimit, .chunk(index))
        }
        return true
    }

    private var awaitsRoster: Bool { round?.wantsRoster == true && round?.hasReadRoster == false }

    /// How many segments are known to exist and not to be here.
    private var missing: UInt64 {
        (round?.targets ?? SortedMap()).reduce(0) { sum, target in
            let here = state.positions[target.key]?.sequence ?? 0
            return sum + (target.value.sequence > here ? target.value.sequence - here : 0)
        }
    }

    /// The checkpoint that saves the most segments, among those that enough members stand for.
    private func bestCheckpoint() -> CheckpointMark? {
        let least = round?.mustLoad == true ? 1 : checkpoints.gain
        let useful = state.checkpoints.filter { mark in
            mark.verdict != .refused && round?.useless[mark.id] == nil && !isVoid(mark.body)
                && gain(of: mark) >= least
                && hasWitnesses(mark.attestation, inNeed: round?.mustLoad == true) && !isAhead(mark)
        }
        return useful.max { gain(of: $0) < gain(of: $1) }
    }

    /// Whether it speaks of segments of this life that this device has not written: a copy's.
    private func isAhead(_ mark: CheckpointMark) -> Bool {
        mark.body.vector.contains {
            $0.lane.author == state.author && $0.position.sequence > state.positions[$0.lane]?.sequence ?? 0
        }
    }

    private func gain(of mark: CheckpointMark) -> UInt64 {
        mark.body.vector.reduce(0) { sum, seen in
            let here = state.positions[seen.lane]?.sequence ?? 0
            return sum + (seen.position.sequence > here ? seen.position.sequence - here : 0)
        }
    }

    /// Whether enough members other than this device stand for a checkpoint: two, or all that have published
    /// a head, if they are fewer. Where segments are gone, those who stand for no checkpoint at all are not
    /// counted: who has joined by one can't, and must not keep the next one out.
    private func hasWitnesses(_ attestation: HeadBody.Attestation, inNeed: Bool) -> Bool {
        var lists = state.heads.map { ($0.key.device, $0.value.attested) }
        lists += (round?.headsToCompare ?? []).map { ($0.0.device, $0.2.attested) }
        let present = Set(membership.authors.map(\.device)).subtracting([state.author.device])
        let counted = present.intersection(lists.filter { !inNeed || !$0.1.isEmpty }.map(\.0))
        let standing = present.intersection(lists.filter { $0.1.contains(attestation) }.map(\.0))
        return standing.count >= min(2, counted.count)
    }

    mutating func receivedChunk(_ index: Int, _ answer: RemoteAnswer) {
        guard let mark = round?.loading else { return }
        let name = "c/\(mark.id)/\(index)"
        switch answer {
        case .object(let bytes, _):
            do throws(SyncError) {
                let object = try SignedObject(bytes, name: name)
                guard object.header.kind == .chunk, object.hash == mark.body.chunks[index] else {
                    throw .integrity(name, "it is not the one that its manifest names")
                }
                round?.chunks[index] = object
            } catch { return giveUp(mark, SyncAlarm(.tampered, name, by: mark.author, error.message)) }
        case .tooLong:
            return giveUp(
                mark, SyncAlarm(.tampered, name, by: mark.author, "it is larger than any can be"))
        case .absent:
            return giveUp(
                mark, SyncAlarm(.withheld, name, by: mark.author, "its manifest names it, and it is missing"))
        default: return fail(answer)
        }
        guard let chunks = round?.chunks, chunks.count == mark.body.chunks.count else { return }
        commit([.loadCheckpoint(mark, chunks.map(\.value))], .loaded(mark))
    }

    /// What the store says of a checkpoint that it was to load.
    mutating func loadedCheckpoint(_ mark: CheckpointMark, refusal: String?) {
        if let refusal {
            giveUp(mark, SyncAlarm(.tampered, "c/\(mark.id)", by: mark.author, refusal))
            return commit([.judgeCheckpoint(mark.id, .refused)])
        }
        round?.report.loadedCheckpoints += 1
        round?.loading = nil
        round?.chunks = SortedMap()
        round?.verified = SortedMap()
        round?.asked = SortedMap()
        round?.arrived = SortedMap()
        round?.blocked = SortedMap()
        round?.missing = SortedMap()
    }

    /// Does without a checkpoint in this round. What the remote has done to it may be undone in the next.
    private mutating func giveUp(_ mark: CheckpointMark, _ alarm: SyncAlarm) {
        raise(alarm)
        round?.loading = nil
        round?.chunks = SortedMap()
        round?.useless[mark.id] = true
        // Another one may do.
        round?.hasDecided = false
    }

    /// Segments that are gone because a checkpoint covers them are no reason for an alarm: it is loaded.
    /// Those that nothing covers are withheld.
    ///
    /// - Returns: whether to look for a checkpoint now.
    mutating func settleMissing() -> Bool {
        guard let round, !round.missing.isEmpty, round.awaited.isEmpty, !awaitsRoster else { return false }
        // All heads have to be looked at first, and this is asked again.
        guard round.hasLooked || !round.looksAtAll else { return true }
        if !round.mustLoad {
            self.round?.mustLoad = true
            self.round?.hasDecided = false
            return true
        }
        self.round?.missing = SortedMap()
        for (lane, gap) in round.missing {
            raise(
                SyncAlarm(
                    .withheld, "s/\(lane)/\(gap.sequence)", by: lane.author,
                    "\(gap.claimant) has seen it, and it is missing"))
        }
        return false
    }
}
