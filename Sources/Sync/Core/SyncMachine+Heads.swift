internal import ObjectStorage
internal import Vault

/// What others say that they have seen, compared with what was seen here.
extension SyncMachine {
    mutating func receivedHead(_ author: Author, _ answer: RemoteAnswer) {
        let name = "h/\(author)"
        switch answer {
        case .object(let bytes, _):
            do throws(SyncError) { readHead(try SignedObject(bytes, name: name), of: author) } catch {
                raise(SyncAlarm(.tampered, name, by: author, error.message))
            }
        case .absent where author == state.author:
            guard let head = state.head else { return }
            raise(
                SyncAlarm(
                    .rollback, name, by: author, "head \(head.position.sequence) was stored and is gone"))
        case .absent:
            guard let seen = state.heads[author] else { return }
            raise(
                SyncAlarm(.rollback, name, by: author, "head \(seen.position.sequence) was there and is gone")
            )
        case .tooLong: raise(SyncAlarm(.tampered, name, by: author, "it is larger than any can be"))
        default: fail(answer)
        }
    }

    mutating func readHead(_ object: SignedObject, of author: Author) {
        let name = "h/\(author)"
        do throws(SyncError) {
            switch knowledge(of: object.header) {
            case .known: break
            case .unknown where round?.hasReadRoster == false:
                round?.headsWaiting[author] = object
                round?.wantsRoster = true
                return
            case .unknown: throw .integrity(name, "it names a roster record that is missing")
            case .different: throw .integrity(name, "it names another roster")
            }
            let body = try HeadBody(open(object, as: .head, name: name), name: name)
            guard object.header.lane == Lane(author: author, stream: 0) else {
                throw .integrity(name, "it belongs elsewhere")
            }
            let times = try HeadTimes(link: object.header.link, name: name)
            guard times.oldestLog == body.logs.oldest else {
                throw .integrity(name, "its header says something else of its logs than its content")
            }
            if author == state.author { return readOwnHead(object) }
            guard isNew(object, of: author) else {
                // A stream may be wanted now that was not when this head was seen.
                guard round?.looksAtAll == true, object.position == state.heads[author]?.position else {
                    return
                }
                for seen in body.observed { follow(seen, claimedBy: author) }
                return
            }
            for seen in body.observed { follow(seen, claimedBy: author) }
            round?.headsToCompare.append((author, object, body))
        } catch { raise(SyncAlarm(.tampered, name, by: author, error.message)) }
    }

    private mutating func follow(_ seen: Observation, claimedBy author: Author) {
        guard !isExcluded(seen.lane) else { return }
        let end = membership.pin(of: seen.lane).map { min($0.sequence, seen.position.sequence) }
        let sequence = end ?? seen.position.sequence
        guard sequence > state.positions[seen.lane]?.sequence ?? 0 else { return }
        let before = round?.targets[seen.lane]
        let furthest = max(before?.sequence ?? 0, sequence)
        round?.targets[seen.lane] = SyncRound.Target(sequence: furthest, claimant: author)
        // Without a claimant it was the bell's word alone that led to nothing; now a member has signed for
        // it.
        if round?.blocked[seen.lane] != nil, before?.claimant == nil {
            round?.blocked[seen.lane] = nil
            round?.asked[seen.lane] = nil
        }
    }

    /// Whether a head is newer than the one that was seen before. An older one, or another one of the same
    /// number, is what no honest remote and no honest author shows.
    private mutating func isNew(_ object: SignedObject, of author: Author) -> Bool {
        guard let seen = state.heads[author]?.position else { return true }
        let name = "h/\(author)"
        if object.header.sequence < seen.sequence {
            raise(
                SyncAlarm(
                    .rollback, name, by: author,
                    "head \(seen.sequence) was seen, and \(object.header.sequence) is shown"))
            return false
        }
        if object.header.sequence == seen.sequence, object.hash != seen.hash {
            raise(SyncAlarm(.equivocation, name, by: author, "two heads have the number \(seen.sequence)"))
            return false
        }
        return object.header.sequence > seen.sequence
    }

    private mutating func readOwnHead(_ object: SignedObject) {
        let known = max(state.pendingHead?.position.sequence ?? 0, state.head?.position.sequence ?? 0)
        if object.header.sequence > known { return noticeClone("h/\(state.author)") }
        guard let head = state.head, object.header.sequence < head.position.sequence else { return }
        suspectOwnHead(object.header.sequence, head.position.sequence)
    }

    /// An own head that is too old may be a late write on its way to be refused; a minute later it is not.
    mutating func suspectOwnHead(_ shown: UInt64, _ stored: UInt64) {
        let now = round?.request.now ?? 0
        guard let since = state.suspectSince, now - since >= Self.suspicionInterval else {
            if state.suspectSince == nil { commit([.suspect(now)]) }
            return
        }
        raise(
            SyncAlarm(
                .rollback, "h/\(state.author)", by: state.author,
                "head \(stored) was stored, and \(shown) is shown"))
    }

    /// Once all lanes are as far as can be: what each head says of each lane must be what is known here.
    ///
    /// - Returns: whether nothing is left to compare.
    mutating func compareHeads() -> Bool {
        guard let round, !(round.wantsRoster && !round.hasReadRoster) else { return true }
        guard round.awaited.isEmpty, !round.headsToCompare.isEmpty else {
            return round.headsToCompare.isEmpty
        }
        self.round?.headsToCompare = []
        for (author, object, body) in round.headsToCompare {
            let places = body.observed.map { SegmentPlace(lane: $0.lane, sequence: $0.position.sequence) }
            if places.isEmpty {
                accept(object, body, of: author)
            } else {
                find(places, .hashes(author, object, body))
            }
        }
        return false
    }

    /// - Parameter hashes: of the segments that a head has seen, as they are known here.
    mutating func compare(
        _ hashes: [[UInt8]?], with body: HeadBody, of author: Author, _ object: SignedObject
    ) {
        var isComplete = true
        for (hash, seen) in zip(hashes, body.observed) {
            let end = membership.pin(of: seen.lane)?.sequence ?? .max
            let reached = state.positions[seen.lane]?.sequence ?? 0
            if reached < min(seen.position.sequence, end), !isExcluded(seen.lane) { isComplete = false }
            guard let hash, hash != seen.position.hash, seen.position.sequence <= end else { continue }
            guard seen.lane.author != state.author else {
                noticeClone("s/\(seen.lane)/\(seen.position.sequence)")
                continue
            }
            isComplete = false
            raise(
                SyncAlarm(
                    .equivocation, "s/\(seen.lane)/\(seen.position.sequence)", by: seen.lane.author,
                    "\(author) has seen another segment there than this device"))
        }
        // What it has seen and this device has not is asked for again in the next round.
        guard isComplete else {
            round?.hasUnacceptedHeads = true
            return
        }
        accept(object, body, of: author)
    }

    /// Remembers a head that was compared.
    private mutating func accept(_ object: SignedObject, _ body: HeadBody, of author: Author) {
        do throws(SyncError) {
            let times = try HeadTimes(link: object.header.link, name: "h/\(author)")
            let mark = HeadMark(
                position: object.position, times: times, attested: body.attested,
                logs: knownLogs(of: author, body.logs))
            commit([.seeHead(author, mark)])
        } catch { raise(SyncAlarm(.tampered, "h/\(author)", by: author, error.message)) }
    }
}
