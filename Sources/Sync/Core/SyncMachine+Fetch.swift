internal import ObjectStorage
internal import Vault

/// What others wrote.
extension SyncMachine {
    /// One conditional request tells that there is no news.
    mutating func pumpBell() -> Bool {
        guard round?.hasAsked == false else { return true }
        round?.hasAsked = true
        get(.bell, unless: state.bellETag, limit: Self.headLimit, .bell)
        return true
    }

    mutating func receivedBell(_ answer: RemoteAnswer) {
        switch answer {
        case .unchanged: break
        case .object(let bytes, let etag): readBell(bytes, etag)
        case .absent, .tooLong:
            round?.hasNoBell = answer == .absent
            round?.looksAtAll = true
        default: fail(answer)
        }
    }

    /// A bell that can't be read is only no help: all heads are looked at instead.
    private mutating func readBell(_ bytes: [UInt8], _ etag: ETag) {
        do throws(SyncError) {
            let object = try SignedObject(bytes, name: "x")
            switch knowledge(of: object.header) {
            case .known: break
            case .unknown where round?.hasReadRoster == false:
                round?.unreadBell = (bytes, etag)
                round?.wantsRoster = true
                return
            case .unknown, .different: throw SyncError.integrity("x", "it names another roster")
            }
            let body = try BellBody(open(object, as: .bell, name: "x"), name: "x")
            round?.bell = (body, object.header.rosterSequence, etag)
            for seen in body.lanes { follow(seen.lane, to: seen.position.sequence, claimant: nil) }
            for head in body.heads where head.number > state.heads[head.author]?.position.sequence ?? 0 {
                if head.author != state.author { round?.headsWanted[head.author] = true }
            }
        } catch {
            round?.looksAtAll = true
        }
    }

    /// Notes that a lane reaches further than was known. A lane of this device's present life does too when a
    /// copy of it writes.
    private mutating func follow(_ lane: Lane, to sequence: UInt64, claimant: Author?) {
        guard !isExcluded(lane) else { return }
        let end = membership.pin(of: lane).map { min($0.sequence, sequence) } ?? sequence
        guard end > state.positions[lane]?.sequence ?? 0 else { return }
        let known = round?.targets[lane]
        guard end > known?.sequence ?? 0 || (known?.claimant == nil && claimant != nil) else { return }
        let claims = claimant ?? known?.claimant
        round?.targets[lane] = SyncRound.Target(sequence: max(end, known?.sequence ?? 0), claimant: claims)
    }

    /// Asks for what is missing, as many at a time as the window allows.
    mutating func pumpFetch() -> Bool {
        guard let round else { return true }
        if let (bytes, etag) = round.unreadBell, round.hasReadRoster {
            self.round?.unreadBell = nil
            readBell(bytes, etag)
        }
        if round.hasReadRoster { reconsider() }
        repeat {
            if self.round?.looksAtAll == true {
                if self.round?.hasLooked == false { self.round?.headsSearched = -1 }
                self.round?.hasLooked = true
                self.round?.wantsRoster = true
                // Those whom the roster has brought meanwhile are looked at too.
                for author in membership.authors where self.round?.looked[author] == nil {
                    self.round?.looked[author] = true
                    self.round?.headsWanted[author] = true
                }
            }
            wantManifests()
            if !pumpLoading() { askForSegments() }
            for author in self.round?.headsWanted.keys ?? [] where hasRoom {
                self.round?.headsWanted[author] = nil
                get(.head(author), limit: Self.headLimit, .head(author))
            }
        } while settleMissing()
        return compareHeads()
    }

    private mutating func askForSegments() {
        for (lane, target) in self.round?.targets ?? SortedMap() {
            guard self.round?.blocked[lane] == nil else { continue }
            var next = max(self.round?.asked[lane] ?? 0, state.positions[lane]?.sequence ?? 0) + 1
            while next <= target.sequence, hasRoom {
                self.round?.asked[lane] = next
                get(.segment(lane, next), limit: Self.segmentLimit, .segment(lane, next))
                next += 1
            }
        }
        probeOwnLanes()
        lookPastEnds()
    }

    /// What this device sent last may never have been announced. So a former life's lanes are followed to
    /// where nothing more is, before their end is written into the roster; and now and then the present life
    /// looks whether something stands under its own next number, which a device that was put back would not
    /// know of.
    private mutating func probeOwnLanes() {
        var lives = state.formerLife.map { [$0] } ?? []
        if round?.looksAtAll == true { lives.append(state.author.incarnation) }
        for life in lives {
            let author = Author(device: state.author.device, incarnation: life)
            for stream in SyncStream.all { probe(Lane(author: author, stream: stream)) }
        }
    }

    mutating func probe(_ lane: Lane) {
        let next = max(round?.verified[lane]?.sequence ?? 0, state.positions[lane]?.sequence ?? 0) + 1
        guard round?.probed[lane] == nil, round?.blocked[lane] == nil, hasRoom, next > round?.asked[lane] ?? 0
        else { return }
        round?.asked[lane] = next
        get(.segment(lane, next), limit: Self.segmentLimit, .segment(lane, next))
    }

    var hasRoom: Bool { (round?.awaited.count ?? 0) + (round?.arrived.count ?? 0) < Self.window }

    /// Looks again at what waited for roster records.
    private mutating func reconsider() {
        let heads = round?.headsWaiting ?? SortedMap()
        round?.headsWaiting = SortedMap()
        for (author, object) in heads { readHead(object, of: author) }
        // Of lanes that nobody has announced, too: a probe may have found what names a newer record.
        for key in round?.arrived.keys ?? [] { drain(key.lane) }
    }

    mutating func receivedSegment(_ lane: Lane, _ sequence: UInt64, _ answer: RemoteAnswer) {
        let name = "s/\(lane)/\(sequence)"
        switch answer {
        case .object where round?.blocked[lane] != nil: break
        case .object(let bytes, _):
            do throws(SyncError) {
                let key = SyncRound.SegmentKey(lane: lane, sequence: sequence)
                round?.arrived[key] = try SignedObject(bytes, name: name)
                drain(lane)
            } catch { block(lane, SyncAlarm(.tampered, name, by: lane.author, error.message)) }
        case .absent where sequence > round?.targets[lane]?.sequence ?? 0:
            round?.probed[lane] = true
            round?.asked[lane] = sequence - 1
        case .absent:
            guard round?.blocked[lane] == nil else { return }
            // The bell alone is not to be believed. What it said is asked of the heads.
            guard let claimant = round?.targets[lane]?.claimant else {
                round?.headsWanted[lane.author] = true
                return block(lane)
            }
            round?.missing[lane] = (sequence, claimant)
            block(lane)
        case .tooLong:
            block(lane, SyncAlarm(.tampered, name, by: lane.author, "it is larger than any can be"))
        default: fail(answer)
        }
    }

    /// Follows a lane no further in this round.
    mutating func block(_ lane: Lane, _ alarm: SyncAlarm? = nil) {
        guard round != nil, round?.blocked[lane] == nil else { return }
        round?.blocked[lane] = true
        for key in round?.arrived.keys ?? [] where key.lane == lane { round?.arrived[key] = nil }
        if let alarm { raise(alarm) }
    }

    /// Verifies and applies, in order, what has come of a lane.
    private mutating func drain(_ lane: Lane) {
        var changes: [SyncChange] = []
        while round?.blocked[lane] == nil {
            let before = round?.verified[lane] ?? state.positions[lane] ?? .start
            let key = SyncRound.SegmentKey(lane: lane, sequence: before.sequence + 1)
            guard let object = round?.arrived[key] else { break }
            if let pin = membership.pin(of: lane), pin.sequence <= before.sequence {
                block(lane)
                break
            }
            let name = "s/\(lane)/\(key.sequence)"
            do throws(SyncError) {
                switch knowledge(of: object.header) {
                case .known: break
                case .unknown where round?.hasReadRoster == false:
                    round?.wantsRoster = true
                    return commitDrained(changes)
                case .unknown: throw .integrity(name, "it names a roster record that is missing")
                case .different: throw .integrity(name, "it names another roster")
                }
                if lane.author == state.author {
                    _ = try open(object, as: .segment, name: name)
                    block(lane)
                    return noticeClone(name)
                }
                let all = try verify(object, after: before, in: lane, name: name)
                round?.arrived[key] = nil
                round?.verified[lane] = object.position
                let (batches, void) = judge(all, of: object.header)
                for (reason, batches) in void {
                    let place = SegmentPlace(lane: lane, sequence: key.sequence)
                    changes.append(.setAside(place, batches, reason))
                }
                changes.append(.apply(Observation(lane: lane, position: object.position), batches))
                round?.report.pulledSegments += 1
                round?.report.pulledChanges += batches.reduce(0) { $0 + $1.changes.count }
            } catch { block(lane, SyncAlarm(.tampered, name, by: lane.author, error.message)) }
        }
        commitDrained(changes)
    }

    private mutating func commitDrained(_ changes: [SyncChange]) {
        if !changes.isEmpty { commit(changes) }
    }

    /// Everything that makes a segment count: its place, its link, its author's right and signature, its
    /// ciphertext, and what is inside.
    private func verify(
        _ object: SignedObject, after before: Position, in lane: Lane, name: String
    ) throws(SyncError) -> [ChangeBatch] {
        let header = object.header
        guard header.kind == .segment, header.lane == lane, header.sequence == before.sequence + 1 else {
            throw .integrity(name, "it belongs elsewhere")
        }
        guard header.link == before.hash else { throw .integrity(name, "it does not follow the one before") }
        if let pin = membership.pin(of: lane), pin.sequence == header.sequence, pin.hash != object.hash {
            throw .integrity(name, "it is not the one that the roster has pinned")
        }
        let batches = try OpBatch.decode(
            open(object, as: .segment, name: name), by: lane.author, name: name)
        guard batches.allSatisfy({ $0.changes.allSatisfy { SyncStream.of($0) == lane.stream } }) else {
            throw .integrity(name, "it changes what belongs to another stream")
        }
        return batches
    }

    /// Parts what its author's role allows from what it does not, which counts nowhere.
    ///
    /// - Returns: what counts, and the rest by the reasons.
    private func judge(
        _ batches: [ChangeBatch], of header: ObjectHeader
    ) -> (counting: [ChangeBatch], void: SortedMap<String, [ChangeBatch]>) {
        var counting: [ChangeBatch] = []
        var void = SortedMap<String, [ChangeBatch]>()
        for batch in batches {
            var rest = batch
            rest.changes = []
            for change in batch.changes {
                guard let reason = membership.objection(to: change, in: header) else {
                    rest.changes.append(change)
                    continue
                }
                var one = batch
                one.changes = [change]
                void[reason] = (void[reason] ?? []) + [one]
            }
            // One in which nothing counts says nothing.
            if !rest.changes.isEmpty || batch.changes.isEmpty { counting.append(rest) }
        }
        return (counting, void)
    }

    /// Checks author and signature, decrypts, takes the padding off.
    func open(_ object: SignedObject, as kind: ObjectKind, name: String) throws(SyncError) -> [UInt8] {
        guard object.header.vaultID == membership.vaultID, object.header.kind == kind else {
            throw .integrity(name, "it belongs elsewhere")
        }
        let key = try membership.signingKey(for: object.header, name: name)
        guard reader.isSigned(object, by: key) else { throw .integrity(name, "its signature is wrong") }
        return try PaddedBody.decode(reader.open(object, name: name), name: name)
    }

    /// Another copy of this device has written under its name.
    mutating func noticeClone(_ name: String) {
        raise(SyncAlarm(.cloned, name, by: state.author, "it was signed by another copy of this device"))
        if state.halt == nil { commit([.halt(.copied)]) }
    }

    /// The end of fetching: what the bell announced is applied, unless something was held back.
    mutating func finishFetch() {
        guard let round else { return }
        if let bell = round.bell, round.blocked.isEmpty, isCaughtUp(with: bell.body),
            state.bellETag != bell.etag
        {
            commit([.heard(bell.etag)])
        }
        guard round.looksAtAll else { return }
        if round.blocked.isEmpty, !round.hasUnacceptedHeads { commit([.lookedAtAll(round.request.now)]) }
        for author in membership.authors where author != state.author {
            guard let head = state.heads[author], head.times.validUntil < UInt64(max(0, round.request.now))
            else {
                continue
            }
            let silence = SyncReport.Silence(author: author, validUntil: head.times.validUntil)
            self.round?.report.silent.append(silence)
        }
    }

    /// Segments that were announced in this round and are not applied; nil when nobody was asked.
    var behind: Int? {
        guard let round, round.request.pulls, round.report.failure == nil || !round.targets.isEmpty else {
            return nil
        }
        return round.targets.reduce(0) { sum, target in
            let reached = state.positions[target.key]?.sequence ?? 0
            return sum + Int(clamping: max(target.value.sequence, reached) - reached)
        }
    }

    /// Whether a lane is of a stream that this device does not want. Its own it always follows.
    func isExcluded(_ lane: Lane) -> Bool {
        lane.author.device != state.author.device
            && round?.request.excluded.contains(lane.stream) ?? false
    }

    private func isCaughtUp(with bell: BellBody) -> Bool {
        bell.lanes.allSatisfy { seen in
            if isExcluded(seen.lane) { return true }
            let end = membership.pin(of: seen.lane)?.sequence ?? .max
            return state.positions[seen.lane]?.sequence ?? 0 >= min(end, seen.position.sequence)
        }
            && bell.heads.allSatisfy { head in
                head.author == state.author || state.heads[head.author]?.position.sequence ?? 0 >= head.number
            }
    }
}
