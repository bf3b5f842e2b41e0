internal import ObjectStorage

/// The core of sync: a pure state machine. Events go in, effects come out; it has no clock, no randomness and
/// does nothing itself, so that a simulation sees exactly what a device does.
///
/// The life of a round: find the vault at the remote (`attach`); ask the bell whether there is news; follow
/// the lanes it names and the heads of their authors, verify each segment's signature and link, apply it;
/// look whether what each head says its author has seen is what was seen here; then read the roster, seal
/// what the change log holds, send it, publish a head, ring the bell. Each durable step is a commit that the
/// store acknowledges before the next effect relies on it, and everything that is sent exists in its final
/// bytes before: so a crash between any two effects loses nothing and repeats nothing.
public struct SyncMachine: Sendable {
    /// What is remembered.
    public private(set) var state: SyncState
    /// The roster.
    public private(set) var membership: any Membership
    let reader: any ObjectReading
    let checkpoints: CheckpointPolicy
    var round: SyncRound?
    private var effects: [SyncEffect] = []
    private var lastToken: UInt64 = 0
    private var commits = SortedMap<SyncToken, [SyncChange]>()

    /// How many requests are under way at a time.
    static let window = 8
    /// How many roster records are taken in at a time.
    static let recordWindow = 64
    /// The largest roster record, segment, head and bell, in bytes.
    static let recordLimit = 1 << 20
    static let segmentLimit = 65 << 20
    static let headLimit = 8 << 20
    /// Every so many milliseconds all heads are looked at, whatever the bell says: an hour.
    package static let lookInterval: Int64 = 3_600_000
    /// How long a head is valid, and after what time it is renewed, in milliseconds: 7 days and one.
    static let headLifetime: Int64 = 7 * 86_400_000
    static let headRenewal: Int64 = 86_400_000
    /// An own head that is too old is looked at again after so many milliseconds before it is called a
    /// rollback.
    static let suspicionInterval: Int64 = 60_000

    /// A machine that goes on from what a device remembers.
    public init(
        state: SyncState, membership: any Membership, reader: any ObjectReading,
        checkpoints: CheckpointPolicy = .standard
    ) {
        self.state = state
        self.membership = membership
        self.reader = reader
        self.checkpoints = checkpoints
    }

    /// Takes an event in.
    ///
    /// - Returns: what shall be done, in this order. Answers to effects of an earlier round are ignored.
    public mutating func step(_ event: SyncEvent) -> [SyncEffect] {
        effects = []
        switch event {
        case .begin(let request): begin(request)
        case .answer(let token, let answer):
            guard let purpose = take(token) else { break }
            receive(answer, for: purpose)
        case .committed(let token, let results): committed(token, results)
        case .held(let token, let error):
            guard case .offer(let lanes)? = commits[token]?.first, take(token) != nil else { break }
            commits[token] = nil
            for lane in lanes.keys { round?.held.insert(lane) }
            if round?.report.failure == nil { round?.report.failure = error }
        case .found(let token, let hashes):
            if case .hashes(let author, let head, let asked)? = take(token) {
                compare(hashes, with: asked, of: author, head)
            }
        }
        advance()
        defer { effects = [] }
        return effects
    }

    private mutating func begin(_ request: SyncRequest) {
        var round = SyncRound(request)
        round.looksAtAll = request.looksAtAll || request.now - state.lookedAtAll >= Self.lookInterval
        self.round = round
        tellReplacement()
    }

    private mutating func take(_ token: SyncToken) -> SyncRound.Purpose? {
        defer { round?.awaited[token] = nil }
        return round?.awaited[token]
    }

    /// Makes the state what the store has made durable, whether or not the round that asked goes on.
    private mutating func committed(_ token: SyncToken, _ results: [CommitResult]) {
        guard let changes = commits[token] else { return }
        commits[token] = nil
        if let reason = refusal(in: results) {
            switch take(token) {
            case nil: break
            case .loaded(let mark): loadedCheckpoint(mark, refusal: reason)
            default: refuseRecord(membership.sequence + 1, reason)
            }
            return
        }
        var rest = results[...]
        let waiting = (segments: state.outbox.count, logs: state.logs.outbox.count)
        for change in changes {
            let result = change.makesSomething ? rest.popFirst() : nil
            state.apply(change, result)
            if case .membership(let membership) = result {
                adopt(membership)
                // What a new epoch has taken back is sealed in this round.
                if state.outbox.count < waiting.segments { round?.request.hasUnsealed = true }
                if state.logs.outbox.count < waiting.logs { round?.request.hasLogs = true }
            }
        }
        guard let purpose = take(token) else { return }
        received(results, for: purpose)
    }

    private mutating func adopt(_ membership: any Membership) {
        self.membership = membership
        round?.verified = SortedMap()
        tellReplacement()
    }

    private mutating func tellReplacement() {
        guard state.halt == .replaced else { return }
        raise(
            SyncAlarm(
                .cloned, "r", by: state.author,
                "another copy of this device has taken over; `ai-team device take-over` here turns it round"
            ))
    }

    /// Goes through the phases as far as they go without an answer.
    private mutating func advance() {
        while let phase = round?.phase {
            let isDone =
                switch phase {
                case .attach: pumpAttach()
                case .bell: pumpBell()
                case .roster: pumpRoster()
                case .fetch: pumpFetch()
                case .seal: pumpSeal()
                case .send: pumpSend()
                case .logs: pumpLogs()
                case .checkpoint: pumpCheckpoint()
                case .head: pumpHead()
                case .ring: pumpRing()
                case .collect: pumpCollect()
                }
            guard isDone, round?.awaited.isEmpty ?? false else { return }
            next(after: phase)
        }
    }

    private mutating func next(after phase: SyncRound.Phase) {
        guard let round else { return }
        let hasNew = round.request.hasUnsealed || round.request.hasLogs
        let sends = round.request.pushes && state.halt == nil && (hasNew || isBehind)
        switch phase {
        case .attach where round.request.pulls: enter(.bell)
        case .attach: sends ? readRoster(then: .seal) : finish()
        case .bell: enter(.fetch)
        // What was sent in a life that these records have ended, or do not know, would be void.
        case .roster where round.afterRoster == .seal: state.halt == nil ? seal() : finish()
        case .roster: enter(round.afterRoster)
        case .fetch where round.wantsRoster && !round.hasReadRoster: readRoster(then: .fetch)
        case .fetch:
            finishFetch()
            guard sends else { return round.request.pushes ? enter(.collect) : finish() }
            round.hasReadRoster ? seal() : readRoster(then: .seal)
        case .seal: enter(.send)
        case .send: enter(.logs)
        case .logs: enter(.checkpoint)
        case .checkpoint: enter(.head)
        case .head: enter(.ring)
        case .ring: enter(.collect)
        case .collect: finish()
        }
    }

    /// What a device writes may rest on its records, so it waits with them.
    private mutating func seal() {
        guard round?.report.awaitsRegistrar != true else {
            return stop(
                SyncError(
                    .remoteRefused,
                    "a change of the members waits for the registrar, and with it what is sent",
                    hint: "run `ai-team sync both` on the registrar, then here"))
        }
        enter(.seal)
    }

    private mutating func readRoster(then phase: SyncRound.Phase) {
        round?.afterRoster = phase
        enter(.roster)
    }

    private mutating func enter(_ phase: SyncRound.Phase) {
        round?.phase = phase
        round?.hasAsked = false
    }

    private mutating func finish() {
        guard var round else { return }
        round.report.behind = behind
        round.report.collecting = collecting
        effects.append(.finish(round.report))
        self.round = nil
    }
}

extension SyncMachine {
    mutating func token(for purpose: SyncRound.Purpose) -> SyncToken {
        lastToken += 1
        let token = SyncToken(number: lastToken)
        round?.awaited[token] = purpose
        return token
    }

    mutating func get(
        _ name: SyncName, unless etag: ETag? = nil, limit: Int, _ purpose: SyncRound.Purpose
    ) {
        effects.append(.get(token(for: purpose), name, unless: etag, limit: limit))
    }

    mutating func put(
        _ name: SyncName, _ bytes: [UInt8], _ condition: PutCondition, _ purpose: SyncRound.Purpose
    ) {
        effects.append(.put(token(for: purpose), name, bytes, condition))
    }

    mutating func delete(_ name: SyncName, _ purpose: SyncRound.Purpose) {
        effects.append(.delete(token(for: purpose), name))
    }

    mutating func commit(_ changes: [SyncChange], _ purpose: SyncRound.Purpose = .change) {
        let token = token(for: purpose)
        commits[token] = changes
        effects.append(.commit(token, changes))
    }

    mutating func find(_ places: [SegmentPlace], _ purpose: SyncRound.Purpose) {
        effects.append(.find(token(for: purpose), places))
    }

    /// Ends the round here. What was asked is no longer waited for.
    mutating func stop(_ failure: SyncError) {
        guard round != nil else { return }
        round?.report.failure = failure
        finish()
    }

    /// Writes an alarm down and tells.
    mutating func raise(_ alarm: SyncAlarm) {
        round?.report.alarms.append(alarm)
        if !state.alarms.contains(alarm) { commit([.raise(alarm)]) }
    }
}

extension SyncChange {
    /// Whether the store answers it.
    var makesSomething: Bool {
        switch self {
        case .extendRoster, .replaceRecords, .seal, .sealLogs, .draftHead, .sealBell, .attest,
            .draftCheckpoint:
            true
        default: false
        }
    }
}
