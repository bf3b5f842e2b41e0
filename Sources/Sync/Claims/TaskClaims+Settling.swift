internal import KeyRing
internal import ObjectStorage
public import Vault

/// What a round of sync does for the claims of its home. Before anything is sent it brings claims to the
/// remote and renews them, so that a claim that has lost is sent together with its end; after everything was
/// sent it says which have ended, so that nobody takes a task whose completion can't be had yet.
extension TaskClaims {
    /// Whether the remote says of this home's claims what is true no longer.
    public static func hasUnsettled(_ vault: Vault) throws -> Bool {
        let (held, notes) = try vault.read { (try $0.heldClaims(), try ClaimNote.all($0)) }
        return held.contains { claim in !notes.contains { $0.says(claim) } }
            || notes.contains { note in !held.contains(where: note.isOf) }
    }

    /// Brings claims that were made without the remote, and renews the others. What has lost ends here.
    ///
    /// - Returns: what a person should know.
    mutating func keep() throws -> [String] {
        let (held, notes) = try sync.vault.read { (try $0.heldClaims(), try ClaimNote.all($0)) }
        var notices: [String] = []
        for claim in held {
            let note = notes.first { $0.isOf(claim) }
            if let note, note.says(claim) { continue }
            do {
                let loss = try note.map { try renew($0, claim) } ?? bring(claim)
                if let loss { notices.append(loss) }
            } catch let error as SyncError {
                guard error.code == .integrityFailure else { throw error }
                notices.append(error.message)
            }
        }
        return notices
    }

    /// Says in the remote which of this home's claims have ended.
    ///
    /// - Returns: what a person should know.
    mutating func release() throws -> [String] {
        let (held, notes) = try sync.vault.read { (try $0.heldClaims(), try ClaimNote.all($0)) }
        var notices: [String] = []
        for note in notes where !held.contains(where: note.isOf) {
            let word = try sync.vault.read { try $0.lastWord(on: note.task) }
            let isCompleted = word?.status == .completed
            if let own = try rounds.claim(note.task, note.round), isOwn(own, note.token),
                own.body.standing == .held
            {
                let body = own.body.given(isCompleted ? .completed : .givenUp)
                // Where that fails somebody else writes there, and the next round looks again.
                guard try rounds.put(body, note.round, .ifMatches(own.etag)) != nil else { continue }
            }
            // A crash before this says it once more.
            try sync.vault.write(actor: "sync") { try note.remove($0) }
            if let word, let loss = lost(note, to: word) { notices.append(loss) }
        }
        return notices
    }

    /// A claim that another device has ended by what it wrote: mostly it has completed the task.
    private func lost(_ note: ClaimNote, to word: TaskWord) -> String? {
        let own = ClaimStanding(sync.keys.device.bytes, round: note.round, holdsMutex: true)
        let other = ClaimStanding(
            word.device, isCompleted: word.status == .completed, round: note.round, holdsMutex: false)
        guard word.device != own.device, let device = DeviceID(word.device) else { return nil }
        let isBeaten = ClaimStanding.winner(of: [own, other]) == other
        return "the claim of \(note.task) has ended: \(device) "
            + (isBeaten ? "completed it" : "gave it another status or agent") + " (claim_lost)"
    }

    /// Prolongs a claim in the remote, and then looks whether somebody has begun the next round: who begins
    /// one looks at this claim again after that, so that one of the two sees the other.
    ///
    /// - Returns: why it is lost.
    private mutating func renew(_ note: ClaimNote, _ claim: HeldClaim) throws -> String? {
        guard let own = try rounds.claim(note.task, note.round), isOwn(own, note.token) else {
            // It is gone, or something else stands there.
            return try bring(claim)
        }
        var body = own.body
        body.end = claim.end.milliseconds
        guard try rounds.put(body, note.round, .ifMatches(own.etag)) != nil else { return nil }
        if let next = try rounds.find(note.task, from: note.round + 1).last {
            // Who began it saw this claim, and stepped back behind it.
            if next.body.standing == .givenUp { return try bring(claim) }
            return try end(claim, standing(own.author, note.round, holdsMutex: true), against: next)
        }
        try sync.vault.write(actor: "sync") { try ClaimNote(body, round: note.round).store($0) }
        return nil
    }

    /// Makes the object of a claim that has none.
    ///
    /// - Returns: why it is lost.
    private mutating func bring(_ claim: HeldClaim) throws -> String? {
        let body = ClaimBody(
            task: claim.task, agent: claim.agent, token: claim.token, end: claim.end.milliseconds)
        switch try contest(body) {
        case .won(let round, _, let end):
            var note = ClaimNote(body, round: round)
            note.end = end
            try sync.vault.write(actor: "sync") { try note.store($0) }
            return note.says(claim) ? nil : try renew(note, claim)
        case .lost(_, let last?):
            return try end(
                claim, standing(sync.state.author, last.round, holdsMutex: false), against: last)
        // Nobody's claim stands against it that can be believed.
        case .lost(let error, nil): return error.code == .integrityFailure ? error.message : nil
        }
    }

    /// Ends a claim of this home if the other one stands.
    private func end(
        _ claim: HeldClaim, _ own: ClaimStanding, against other: ClaimRounds.Claim
    ) throws -> String? {
        let others = standing(
            other.author, other.round, holdsMutex: true, isCompleted: other.body.standing == .completed)
        guard ClaimStanding.winner(of: [own, others]) == others else { return nil }
        let didYield = try sync.vault.write(actor: "sync") { try $0.yieldClaim(claim, to: other.body.agent) }
        return didYield ? Self.lost(to: other).message : nil
    }

    private func standing(
        _ author: Author, _ round: UInt32, holdsMutex: Bool, isCompleted: Bool = false
    ) -> ClaimStanding {
        ClaimStanding(author.device.bytes, isCompleted: isCompleted, round: round, holdsMutex: holdsMutex)
    }

    private func isOwn(_ claim: ClaimRounds.Claim, _ token: [UInt8]) -> Bool {
        claim.author.device == sync.keys.device && claim.body.token == token
    }
}

extension ClaimNote {
    /// Whether it is of this claim.
    fileprivate func isOf(_ claim: HeldClaim) -> Bool { task == claim.task && token == claim.token }

    /// Whether the remote knows how long the claim holds.
    fileprivate func says(_ claim: HeldClaim) -> Bool { isOf(claim) && end == claim.end.milliseconds }
}
