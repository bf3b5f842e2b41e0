internal import ObjectStorage

/// Whose the remote is, and who belongs to the vault.
extension SyncMachine {
    /// Finds the vault's genesis at the remote. An empty remote is this vault's only when somebody says so:
    /// once it was attached, a genesis that is gone is an alarm and never a reason to begin anew. With each
    /// look at all heads it is looked at again.
    mutating func pumpAttach() -> Bool {
        // Where the store does not see to it, another vault may have been founded over this one.
        let looks = round?.looksAtAll == true || round?.request.registrar != .everybody
        guard !state.isAttached || looks, round?.hasAsked == false else { return true }
        round?.hasAsked = true
        get(.genesis, limit: Self.recordLimit, .genesis)
        return true
    }

    mutating func receivedGenesis(_ answer: RemoteAnswer) {
        switch answer {
        case .object(let bytes, _):
            guard bytes == membership.record(0) else {
                raise(SyncAlarm(.foreignVault, "g", "its genesis is not this vault's"))
                return stop(
                    SyncError(
                        .integrityFailure, "the remote holds another vault",
                        hint: "nothing was sent; set the right remote with `ai-team sync remote set URL`"))
            }
            if !state.isAttached { commit([.attach]) }
        case .absent where state.isAttached:
            raise(SyncAlarm(.emptied, "g", "the vault's genesis was there and is gone"))
            stop(
                SyncError(
                    .integrityFailure, "the remote has lost this vault",
                    hint: "nothing local is lost; if the bucket was emptied on purpose, set it anew with "
                        + "`ai-team sync remote set URL`"))
        case .absent:
            guard round?.request.mayFound == true, let genesis = membership.record(0) else {
                return stop(
                    SyncError(
                        .remoteRefused, "the remote holds no vault",
                        hint: "`ai-team sync remote set URL` makes it this vault's"))
            }
            guard round?.request.registrar != .other else {
                return stop(
                    SyncError(
                        .remoteRefused,
                        "the remote holds no vault, and only the registrar may found it there",
                        hint: "run `ai-team sync remote set URL` on the vault's first device"))
            }
            put(.genesis, genesis, .ifAbsent, .founding)
        case .tooLong:
            raise(SyncAlarm(.foreignVault, "g", "it is no genesis of a vault"))
            stop(SyncError(.integrityFailure, "the remote's genesis is larger than any can be"))
        default: fail(answer)
        }
    }

    mutating func receivedFounding(_ answer: RemoteAnswer) {
        switch answer {
        case .stored: commit([.attach])
        // Somebody was quicker, or the answer of an earlier try was lost: what is there decides.
        case .lost: get(.genesis, limit: Self.recordLimit, .genesis)
        default: fail(answer)
        }
    }

    /// Brings up the records that were made here, then reads on until the remote has no further one.
    mutating func pumpRoster() -> Bool {
        guard let round, round.awaited.isEmpty, !round.hasReadRoster else { return true }
        if let first = round.displacedFrom {
            let next = first + UInt64(round.records.count)
            get(.record(next), limit: Self.recordLimit, .record(next))
        } else if state.sentRecord < membership.sequence {
            let next = state.sentRecord + 1
            guard let bytes = membership.record(next) else { return true }
            if round.request.registrar == .other {
                get(.record(next), limit: Self.recordLimit, .takenRecord(next))
            } else {
                put(.record(next), bytes, .ifAbsent, .sentRecord(next))
            }
        } else {
            let next = membership.sequence + UInt64(round.records.count) + 1
            get(.record(next), limit: Self.recordLimit, .record(next))
        }
        return false
    }

    mutating func receivedRecord(_ sequence: UInt64, _ answer: RemoteAnswer) {
        switch answer {
        case .object(let bytes, _):
            round?.records.append(bytes)
            if round?.records.count == Self.recordWindow { extendRoster() }
        case .absent:
            // What was made here is made anew, and still has to be brought up.
            let displaces = round?.displacedFrom != nil
            round?.hasReadRoster = !displaces
            extendRoster()
        case .tooLong: refuseRecord(sequence, "it is larger than any record can be")
        default: fail(answer)
        }
    }

    /// Takes what came into the roster. Of records without end no more are kept in memory than this.
    private mutating func extendRoster() {
        guard let records = round?.records, !records.isEmpty else { return }
        round?.records = []
        if let first = round?.displacedFrom {
            round?.displacedFrom = nil
            commit([.replaceRecords(from: first, records)])
        } else {
            commit([.extendRoster(records)], .extending(from: membership.sequence))
        }
    }

    /// Records that this device can't follow yet begin an epoch that is not sealed to it.
    mutating func extendedRoster(from sequence: UInt64) {
        if membership.sequence == sequence { round?.hasReadRoster = true }
    }

    mutating func sentRecord(_ sequence: UInt64, _ answer: RemoteAnswer) {
        switch answer {
        case .stored: commit([.sent(record: sequence), .announce])
        case .lost: get(.record(sequence), limit: Self.recordLimit, .takenRecord(sequence))
        default: fail(answer)
        }
    }

    /// What stands where a record of this device was to stand.
    mutating func foundRecord(_ sequence: UInt64, _ answer: RemoteAnswer) {
        switch answer {
        case .object(let bytes, _) where bytes == membership.record(sequence):
            commit([.sent(record: sequence), .announce])
        case .object(let bytes, _):
            round?.displacedFrom = sequence
            round?.records = [bytes]
        case .tooLong: refuseRecord(sequence, "it is larger than any record can be")
        case .absent where round?.request.registrar == .other:
            round?.hasReadRoster = true
            round?.report.awaitsRegistrar = true
        case .absent: stop(SyncError(.remoteUnreachable, "the remote refuses a roster record and shows none"))
        default: fail(answer)
        }
    }

    /// Why the store has refused a commit as a whole; nil when it was made.
    func refusal(in results: [CommitResult]) -> String? {
        for case .refused(let reason) in results { return reason }
        return nil
    }

    /// A record that can't be: nothing that follows it can be judged, so the round ends.
    mutating func refuseRecord(_ sequence: UInt64, _ reason: String) {
        raise(SyncAlarm(.rosterInvalid, "r/\(sequence)", reason))
        stop(
            SyncError(
                .integrityFailure, "roster record \(sequence) of the remote can't be believed: \(reason)",
                hint: "nothing was sent; compare `ai-team sync status --fingerprint` with another member"))
    }

    /// Whether the roster record that an object names is known here, and the same.
    enum RosterKnowledge { case known, unknown, different }

    func knowledge(of header: ObjectHeader) -> RosterKnowledge {
        guard header.rosterSequence <= membership.sequence else { return .unknown }
        if membership.recordHash(header.rosterSequence) == header.rosterHash { return .known }
        // The remote may have another record in the place of one that was made here.
        return header.rosterSequence > state.sentRecord ? .unknown : .different
    }

    mutating func fail(_ answer: RemoteAnswer) {
        guard case .failed(let code, let message) = answer else {
            return stop(SyncError(.remoteRefused, "the remote answers what was not asked"))
        }
        stop(SyncError(code, message, hint: "what was written here stays queued; try again later"))
    }
}
