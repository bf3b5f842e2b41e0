internal import Cryptography
internal import KeyRing
public import ObjectStorage
public import Vault

/// Claims of tasks between devices, at a store that lets only one make each object (docs/FORMAT.md,
/// "Claims").
///
/// A claim is the object `t/<task>/<round>`, made before anything is written here: who finds another's there
/// has lost, and takes another task. A round is over when its claim was given up or has run out, and only
/// then the next one begins. A crash between the object and the local row leaves an object that nobody works
/// under; others wait until it runs out.
public struct TaskClaims {
    let sync: VaultSync
    let now: Int64
    var rounds: ClaimRounds

    /// How long after its end another device's claim still counts, in milliseconds: clocks differ.
    public static let grace: Int64 = 120_000
    /// How many tasks are tried for one claim.
    private static let candidateLimit = 16
    /// How often others may be quicker before a task is left to them.
    private static let attemptLimit = 8

    /// - Parameters:
    ///   - store: one that honours conditions on a put.
    ///   - now: milliseconds since 1970.
    public init(_ sync: VaultSync, _ store: any ObjectStore, now: Int64) {
        self.sync = sync
        self.now = now
        rounds = ClaimRounds(sync, store)
    }

    /// What stood under the name of a claim and was none: it holds no task.
    public var alarms: [SyncAlarm] { rounds.alarms }

    /// Whether what this device signs now is believed by others: a copy that has stopped, or a life that the
    /// roster does not know yet, claims nothing.
    public static func mayClaim(_ sync: VaultSync) -> Bool {
        sync.mayWrite && sync.state.isAttached && sync.state.halt == nil && sync.state.formerLife == nil
    }

    /// Takes the most urgent ready task that no other device has claimed; where none is ready, one whose
    /// device has let its claim run out.
    ///
    /// - Parameter leaseMilliseconds: how long the claim holds unless it is renewed.
    /// - Returns: nil when nothing is ready.
    /// - Throws: `leaseLost` when others have claimed all that seemed ready; `StorageError`.
    public mutating func claim(
        agent: String, type: TaskType? = nil, leaseMilliseconds: Int64 = 300_000
    ) throws -> TaskClaim? {
        guard Self.mayClaim(sync) else {
            throw SyncError(
                .conflict, "this device can't claim by the remote before it has synced",
                hint: "ai-team sync both")
        }
        let (ready, running) = try sync.vault.write(actor: agent) { transaction in
            try transaction.reclaimExpired()
            return (
                try transaction.claimableTasks(agent: agent, type: type, limit: Self.candidateLimit),
                try transaction.tasksRunningElsewhere(type: type, limit: Self.candidateLimit)
            )
        }
        var refusal: SyncError?
        for (task, isRunning) in ready.map({ ($0, false) }) + running.map({ ($0, true) }) {
            let body = ClaimBody(
                task: task, agent: AgentCatalogue.canonical(agent), token: try RandomBytes.bytes(16),
                end: now + leaseMilliseconds)
            switch try contest(body, follows: isRunning) {
            case .won(let round, let etag, _):
                if let claim = try take(body, round, etag, type: type, isRunning: isRunning) { return claim }
            // Of what runs elsewhere nothing was to be expected.
            case .lost(let error, _): refusal = refusal ?? (isRunning ? nil : error)
            }
        }
        if let refusal { throw refusal }
        return nil
    }

    /// Writes a claim down that the remote has granted.
    ///
    /// - Returns: nil when somebody at this home was quicker, or the task was tried too often.
    private func take(
        _ body: ClaimBody, _ round: UInt32, _ etag: ETag, type: TaskType?, isRunning: Bool
    ) throws -> TaskClaim? {
        let claim = try sync.vault.write(actor: body.agent) { transaction in
            if isRunning { try transaction.takeBack(body.task) }
            let claim = try transaction.claimTask(
                body.task, agent: body.agent, type: type, token: body.token,
                until: Timestamp(milliseconds: body.end))
            if claim != nil { try ClaimNote(body, round: round).store(transaction) }
            return claim
        }
        if claim == nil { _ = try rounds.put(body.given(.givenUp), round, .ifMatches(etag)) }
        return claim
    }

    enum Outcome {
        /// `end` is what stands in the object, in milliseconds since 1970.
        case won(round: UInt32, ETag, end: Int64)
        /// With the claim that stands, where one does.
        case lost(SyncError, to: ClaimRounds.Claim? = nil)
    }

    /// Makes the object of the first round that is not over, or finds whose that is.
    ///
    /// - Parameter follows: only behind a claim that has run out: a task that somebody started without a
    ///   claim is not to be had.
    mutating func contest(_ body: ClaimBody, follows: Bool = false) throws -> Outcome {
        do {
            var found = try rounds.find(body.task)
            for _ in 0..<Self.attemptLimit {
                if let outcome = judge(found, body, follows: follows) { return outcome }
                let before = found
                if let etag = try rounds.put(body, before.next, .ifAbsent) {
                    return try confirm(body, before.next, etag, after: before.last)
                }
                found = try rounds.find(body.task, from: before.next, after: before.last)
                // An answer was lost on the way, and what stands there is this claim.
                if let own = found.last, own.body == body {
                    return try confirm(body, own.round, own.etag, after: before.last)
                }
            }
        } catch let error as SyncError {
            // A row of garbage without an end hides one task, and no other.
            guard error.code == .integrityFailure else { throw error }
            return .lost(error)
        }
        return .lost(
            SyncError(.leaseLost, "\(body.task) is claimed by many at a time (claim_lost)", hint: "try again")
        )
    }

    /// What is settled by what stands there; nil when the next round may be tried.
    private func judge(_ found: ClaimRounds.Found, _ body: ClaimBody, follows: Bool) -> Outcome? {
        guard !found.hasUnknown else {
            return .lost(
                SyncError(
                    .leaseLost, "\(body.task) is claimed by a device that is not known here yet (claim_lost)",
                    hint: "`ai-team sync pull` makes it known"))
        }
        guard let last = found.last else {
            return follows ? .lost(SyncError(.leaseLost, "\(body.task) runs under no claim")) : nil
        }
        if last.body.token == body.token, last.body.standing == .held {
            return .won(round: last.round, last.etag, end: last.body.end)
        }
        if last.body.standing == .completed || isLive(last) { return .lost(Self.lost(to: last), to: last) }
        return follows && last.body.standing == .givenUp
            ? .lost(SyncError(.leaseLost, "\(body.task) was given back")) : nil
    }

    /// Looks again at the claim before, which has run out: its holder may have renewed it before this round
    /// was made, and only then it does not know of this round.
    private mutating func confirm(
        _ body: ClaimBody, _ round: UInt32, _ etag: ETag, after last: ClaimRounds.Claim?
    ) throws -> Outcome {
        guard let last, last.body.standing == .held,
            let again = try rounds.claim(body.task, last.round), isLive(again)
        else { return .won(round: round, etag, end: body.end) }
        _ = try rounds.put(body.given(.givenUp), round, .ifMatches(etag))
        return .lost(Self.lost(to: again), to: again)
    }

    /// Whether a claim keeps others from the task. One of this life that is not the present one was made by a
    /// process that ended before it could write it down, or was ended here: nobody works under it.
    private func isLive(_ claim: ClaimRounds.Claim) -> Bool {
        claim.body.standing == .held && claim.author != sync.state.author
            && claim.body.end + Self.grace >= now
    }

    /// What a claim is told that has lost against another.
    static func lost(to claim: ClaimRounds.Claim) -> SyncError {
        SyncError(
            .leaseLost,
            claim.body.standing == .completed
                ? "\(claim.body.task) was completed by \(claim.author.device) (claim_lost)"
                : "\(claim.body.task) is claimed by \(claim.body.agent) at \(claim.author.device) "
                    + "(claim_lost)",
            hint: "claim again: another task may be ready")
    }
}

extension ClaimBody {
    /// The same claim with another standing.
    func given(_ standing: Standing) -> ClaimBody {
        var body = self
        body.standing = standing
        return body
    }
}
