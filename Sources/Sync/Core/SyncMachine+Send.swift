internal import ObjectStorage
internal import Vault

/// What this device wrote, on its way out.
extension SyncMachine {
    /// Whether the remote lacks something that exists here already, or a fresh head.
    var isBehind: Bool {
        !state.outbox.isEmpty || !state.logs.outbox.isEmpty || state.pendingHead != nil
            || state.sentRecord < membership.sequence
            || state.owesBell || !isHeadCurrent
    }

    /// Whether the newest own head says all that there is to say of own lanes, those of former lives too, and
    /// is not old.
    private var isHeadCurrent: Bool {
        guard let head = state.head else { return false }
        func isOwn(_ seen: Observation) -> Bool { seen.lane.author.device == state.author.device }
        let age = (round?.request.now ?? 0) - Int64(head.issuedAt)
        return head.body.observed.filter(isOwn) == state.observed.filter(isOwn)
            && head.body.attested == state.attested && head.body.logs.last == state.logs.range.last
            && age < Self.headRenewal
    }

    /// New segments in their final bytes, on disk before anything is sent.
    mutating func pumpSeal() -> Bool {
        guard let round, !round.hasAsked else { return true }
        self.round?.hasAsked = true
        let changes: [SyncChange] =
            (round.request.hasUnsealed ? [.seal] : [])
            + (round.request.hasLogs ? [.sealLogs(round.request.now)] : [])
        if !changes.isEmpty { commit(changes) }
        return true
    }

    /// Sends segments, stream by stream and lane by lane. That they may have left is written down before the
    /// first does. Tasks go first and all at once; what names documents goes segment by segment, since each
    /// needs their contents in the remote before it.
    mutating func pumpSend() -> Bool {
        guard let round else { return true }
        let unsettled = state.outbox.filter { !$0.isSettled && !round.held.contains($0.lane) }
        guard let stream = unsettled.map(\.lane.stream).min() else { return true }
        let waiting = unsettled.filter { $0.lane.stream == stream }
        let next =
            stream == SyncStream.tasks
            ? waiting
            : Set(waiting.map(\.lane)).sorted().compactMap { lane in waiting.first { $0.lane == lane } }
        if next.contains(where: { !$0.isOffered }) {
            guard round.awaited.isEmpty else { return false }
            let last = next.reduce(into: [Lane: UInt64]()) { last, segment in
                last[segment.lane] = max(last[segment.lane] ?? 0, segment.position.sequence)
            }
            commit([.offer(last)])
            return false
        }
        // One of a lane at a time: a copy of this device that has used a number must be noticed before the
        // next one is, or the lane would hold segments that do not follow each other.
        for lane in Set(waiting.map(\.lane)).sorted() {
            guard let segment = waiting.first(where: { $0.lane == lane }) else { continue }
            let key = SyncRound.SegmentKey(lane: lane, sequence: segment.position.sequence)
            guard self.round?.sending[key] == nil else { continue }
            self.round?.sending[key] = true
            put(.segment(lane, segment.position.sequence), segment.bytes, .ifAbsent, .sending(segment))
        }
        return false
    }

    mutating func sent(_ segment: OutboxSegment, _ answer: RemoteAnswer) {
        switch answer {
        case .stored: settle(segment)
        case .lost:
            get(
                .segment(segment.lane, segment.position.sequence), limit: Self.segmentLimit, .taken(segment))
        default: fail(answer)
        }
    }

    mutating func taken(_ segment: OutboxSegment, _ answer: RemoteAnswer) {
        let name = "s/\(segment.lane)/\(segment.position.sequence)"
        if isOwn(segment.bytes, answer, as: .segment, name: name) { settle(segment) }
    }

    /// What stands under an own name that is taken: the same bytes, when an answer was lost. Otherwise a copy
    /// of this device was there, or the remote is wrong, and the round ends.
    mutating func isOwn(
        _ own: [UInt8], _ answer: RemoteAnswer, as kind: ObjectKind, name: String
    ) -> Bool {
        switch answer {
        case .object(own, _): return true
        case .object(let bytes, _):
            do throws(SyncError) {
                _ = try open(SignedObject(bytes, name: name), as: kind, name: name)
                noticeClone(name)
                stop(Self.cloned)
            } catch {
                raise(SyncAlarm(.tampered, name, by: state.author, error.message))
                stop(
                    SyncError(
                        .integrityFailure, "\(name) holds what this device did not write",
                        hint: "what was written here stays queued"))
            }
        case .absent: stop(SyncError(.remoteUnreachable, "the remote refuses \(name) and shows none"))
        case .tooLong:
            raise(SyncAlarm(.tampered, name, by: state.author, "it is larger than any can be"))
            stop(SyncError(.integrityFailure, "\(name) holds what this device did not write"))
        default: fail(answer)
        }
        return false
    }

    static let cloned = SyncError(
        .conflict, "another copy of this device writes to the same remote",
        hint: "this copy goes on as a new incarnation; stop the other one if it should not be there")

    private mutating func settle(_ segment: OutboxSegment) {
        round?.report.pushedSegments += 1
        commit([.settle(segment.lane, segment.position.sequence)])
    }

    /// Publishes what was sent and what was seen.
    mutating func pumpHead() -> Bool {
        guard let round, round.awaited.isEmpty, state.halt == nil else { return true }
        if let head = state.pendingHead {
            guard round.headTries < 3 else {
                stop(SyncError(.remoteUnreachable, "the remote does not take this device's head"))
                return true
            }
            self.round?.headTries += 1
            put(
                .head(state.author), head.bytes, state.headETag.map(PutCondition.ifMatches) ?? .ifAbsent,
                .sendingHead)
            return false
        }
        guard !isHeadCurrent else { return true }
        let now = UInt64(max(0, round.request.now))
        let logs = keptLogs
        let times = HeadTimes(
            issuedAt: now, validUntil: now + UInt64(Self.headLifetime), oldestLog: logs.oldest)
        commit([
            .draftHead(HeadBody(observed: state.observed, attested: state.attested, logs: logs), times)
        ])
        return false
    }

    mutating func sentHead(_ answer: RemoteAnswer) {
        switch answer {
        case .stored(let etag): commit([.settleHead(etag)])
        case .lost: get(.head(state.author), limit: Self.headLimit, .takenHead)
        default: fail(answer)
        }
    }

    /// What stands where the own head was to go.
    mutating func tookHead(_ answer: RemoteAnswer) {
        guard let pending = state.pendingHead else { return }
        let name = "h/\(state.author)"
        switch answer {
        case .object(pending.bytes, let etag): commit([.settleHead(etag)])
        case .object(let bytes, let etag):
            do throws(SyncError) {
                let object = try SignedObject(bytes, name: name)
                _ = try open(object, as: .head, name: name)
                guard object.header.sequence < pending.position.sequence else {
                    noticeClone(name)
                    return stop(Self.cloned)
                }
                let stored = state.head?.position
                guard object.position != stored else { return commit([.knowHead(etag)]) }
                suspectOwnHead(object.header.sequence, stored?.sequence ?? 0)
                guard state.suspectSince != nil else {
                    return stop(SyncError(.remoteUnreachable, "the remote shows an old head of this device"))
                }
                commit([.knowHead(etag), .suspect(nil)])
            } catch {
                raise(SyncAlarm(.tampered, name, by: state.author, error.message))
                commit([.knowHead(etag)])
            }
        case .absent:
            if let head = state.head {
                raise(
                    SyncAlarm(
                        .rollback, name, by: state.author,
                        "head \(head.position.sequence) was stored and is gone"))
            }
            commit([.loseHead])
        case .tooLong:
            raise(SyncAlarm(.tampered, name, by: state.author, "it is larger than any can be"))
            stop(SyncError(.integrityFailure, "\(name) holds what this device did not write"))
        default: fail(answer)
        }
    }

    /// Brings the summary of all heads up to date. That it fails costs others a little time and nothing else.
    mutating func pumpRing() -> Bool {
        guard let round, round.awaited.isEmpty, !round.hasAsked, state.owesBell else { return true }
        guard let head = state.head else { return true }
        guard round.bell != nil || round.hasNoBell else {
            get(.bell, limit: Self.headLimit, .bellAgain)
            return false
        }
        var own = BellBody(
            lanes: state.observed,
            heads: state.heads.map { .init(author: $0.key, number: $0.value.position.sequence) })
        own = own.merged(
            BellBody(lanes: [], heads: [.init(author: state.author, number: head.position.sequence)]))
        let merged = round.bell.map { $0.body.merged(own) } ?? own
        self.round?.hasAsked = true
        if merged == round.bell?.body, round.bell?.rosterSequence ?? 0 >= membership.sequence {
            commit([.rang])
        } else {
            commit([.sealBell(merged)], .bellBytes)
        }
        return false
    }

    mutating func gotBellAgain(_ answer: RemoteAnswer) {
        switch answer {
        case .object(let bytes, let etag):
            do throws(SyncError) {
                let object = try SignedObject(bytes, name: "x")
                let body = try BellBody(open(object, as: .bell, name: "x"), name: "x")
                round?.bell = (body, object.header.rosterSequence, etag)
            } catch {
                // What nobody can read is replaced.
                round?.bell = (BellBody(lanes: [], heads: []), 0, etag)
            }
        case .absent: round?.hasNoBell = true
        default: round?.hasAsked = true
        }
    }

    mutating func ring(_ bytes: [UInt8]) {
        put(.bell, bytes, (round?.bell?.etag).map(PutCondition.ifMatches) ?? .ifAbsent, .ringing)
    }

    /// Somebody else rang at the same time: twice more, then it is left to the next.
    mutating func rang(_ answer: RemoteAnswer) {
        if case .stored = answer { commit([.rang]) }
        guard case .lost = answer, let tries = round?.ringTries, tries < 2 else { return }
        round?.ringTries += 1
        round?.bell = nil
        round?.hasNoBell = false
        round?.hasAsked = false
    }

    /// Where the answers of the remote go.
    mutating func receive(_ answer: RemoteAnswer, for purpose: SyncRound.Purpose) {
        switch purpose {
        case .genesis: receivedGenesis(answer)
        case .founding: receivedFounding(answer)
        case .record(let sequence): receivedRecord(sequence, answer)
        case .sentRecord(let sequence): sentRecord(sequence, answer)
        case .takenRecord(let sequence): foundRecord(sequence, answer)
        case .bell: receivedBell(answer)
        case .head(let author): receivedHead(author, answer)
        case .segment(let lane, let sequence): receivedSegment(lane, sequence, answer)
        case .voided(let lane, let sequence): receivedVoided(lane, sequence, answer)
        case .sending(let segment): sent(segment, answer)
        case .taken(let segment): taken(segment, answer)
        case .sendingLog(let log): sentLog(log, answer)
        case .takenLog(let log): tookLog(log, answer)
        case .sendingHead: sentHead(answer)
        case .takenHead: tookHead(answer)
        case .bellAgain: gotBellAgain(answer)
        case .ringing: rang(answer)
        case .manifest(let id): receivedManifest(id, answer)
        case .chunk(let index): receivedChunk(index, answer)
        case .sendingCheckpoint: sentCheckpoint(answer, isManifest: false)
        case .sendingManifest: sentCheckpoint(answer, isManifest: true)
        case .removing: removed(answer)
        case .keeping(let mark, let part): receivedKept(mark, part, answer)
        case .extending, .hashes, .bellBytes, .loaded, .attested, .drafted, .change: break
        }
    }

    /// Where the answers of the store go.
    mutating func received(_ results: [CommitResult], for purpose: SyncRound.Purpose) {
        switch purpose {
        case .extending(let sequence): extendedRoster(from: sequence)
        case .bellBytes: if case .bell(let bytes)? = results.first { ring(bytes) }
        case .loaded(let mark): loadedCheckpoint(mark, refusal: nil)
        case .attested(let mark):
            if case .judged(let verdict)? = results.first { attested(mark, verdict) }
        case .drafted: drafted(results.first)
        default: break
        }
    }
}
