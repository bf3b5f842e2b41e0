internal import Cryptography
internal import FileSystem
public import KeyRing
public import Vault

/// A vault as sync sees it: what it remembers of the remote, and what each commit of the core makes of it.
///
/// A commit is one transaction of the database, so that records and what is remembered of them can't part.
/// Roster records lie in `keys/` and are stored before: a crash between the two leaves a longer roster, which
/// the next start takes into account.
public final class VaultSync {
    let vault: Vault
    private let keysDirectory: String
    /// Two rounds at a time would give two segments one number.
    private let lock: FileLock
    let now: () -> UInt64
    /// The keys as they are now: records of others may have changed them.
    public private(set) var keys: UnlockedKeys {
        didSet {
            reader.use(keys)
            vault.follow(keys)
        }
    }
    let reader: VaultReading
    let deletions: DeletionWatch
    /// What was noticed for a person, until it is taken.
    private var notices: [String] = []
    /// What is remembered.
    public private(set) var state: SyncState

    /// Bytes of operations in a segment, before compression, after which another one begins: what many small
    /// writes wait for, and what one reader has to fetch at a time.
    private static let segmentBytes = 256 << 10
    /// Transactions that are looked at in one go.
    private static let batchCount = 4096
    /// The streams that travel so far.
    static let streams = [SyncStream.tasks, SyncStream.knowledgeBase]

    /// Reads what is remembered, and catches up with the roster. As long as the value lives no other process
    /// syncs this home.
    ///
    /// - Parameters:
    ///   - vault: that of `home`, open.
    ///   - allowsMassDeletion: rounds may take away any number of records (`DeletionWatch`).
    ///   - lockTimeout: how long to wait for another process that is syncing.
    ///   - now: milliseconds since 1970.
    /// - Throws: `conflict` when another process is syncing.
    public init(
        vault: Vault, home: Home, keys: UnlockedKeys, allowsMassDeletion: Bool = false,
        lockTimeout: Duration = .seconds(10), now: @escaping () -> UInt64
    ) throws {
        lock = try Self.lock(home, timeout: lockTimeout)
        deletions = DeletionWatch(isAllowed: allowsMassDeletion)
        self.vault = vault
        keysDirectory = home.keysDirectory
        // Under the lock that changes of the keys take too.
        let keys = try vault.currentKeys(keys)
        self.keys = keys
        self.now = now
        reader = VaultReading(keys)
        let author = Author(device: keys.device, incarnation: keys.incarnation)
        let (bytes, waiting, logs) = try vault.read {
            (try $0.syncState(), try $0.waitingSegments(), try $0.waitingLogs())
        }
        state =
            try bytes.map { try SyncState($0, waiting: waiting, logs: logs) } ?? SyncState(author: author)
        try catchUp(with: author)
        try settleKeys()
    }

    /// Keeps other processes from syncing this home.
    static func lock(_ home: Home, timeout: Duration = .seconds(10)) throws -> FileLock {
        let path = home.runDirectory + "/sync.lock"
        guard let lock = try FileLock.acquire(path, .exclusive, timeout: timeout) else {
            throw SyncError(
                .conflict, "another process is syncing this vault",
                hint: "wait for it; `ai-team sync auto` and `realtime` leave room between their rounds")
        }
        return lock
    }

    /// Runs `body` while no process syncs this home.
    ///
    /// - Throws: `conflict` when one goes on syncing for ten seconds; what `body` throws.
    public static func betweenRounds<R>(of home: Home, _ body: () throws -> R) throws -> R {
        let lock = try lock(home)
        let result = Result { try body() }
        lock.release()
        return try result.get()
    }

    var membership: RosterMembership { RosterMembership(roster: keys.roster) }

    /// Whether others believe what this device writes: its role writes.
    var mayWrite: Bool { keys.roster.member(keys.device)?.role.writes ?? false }

    /// Whether others believe what it says of the records of all.
    var mayCheckpoint: Bool { keys.roster.member(keys.device)?.role.backsUp ?? false }

    /// Whether a vault's change log holds what no segment carries.
    public static func hasUnsealed(in vault: Vault, of device: DeviceID) throws -> Bool {
        let streams = try pushed(vault)
        return try vault.read { transaction in
            try streams.contains {
                try !transaction.unsealedBatches(of: device.bytes, in: $0, limit: 1).isEmpty
            }
        }
    }

    /// What was noticed for a person since the last time; it is written into the log as well.
    func takeNotices() throws -> [String] {
        guard !notices.isEmpty else { return [] }
        defer { notices = [] }
        try vault.write(actor: "sync") { transaction in
            for notice in notices {
                try transaction.log(LogDraft(.warning, component: "sync", notice))
            }
        }
        return notices
    }

    /// The hashes of segments that were applied or sealed here.
    func hashes(_ places: [SegmentPlace]) throws -> [[UInt8]?] {
        try vault.read { transaction in
            try places.map { try transaction.segmentHash($0.lane, $0.sequence) }
        }
    }

    /// Makes changes durable, all or none.
    func commit(_ changes: [SyncChange]) throws -> [CommitResult] {
        var results: [Int: CommitResult] = [:]
        for (index, change) in changes.enumerated() {
            switch change {
            case .extendRoster(let records):
                do throws(KeyError) {
                    keys = try KeyRing.follow(records, in: keysDirectory, keys: keys, time: now())
                } catch {
                    guard error.code == .invalidRoster || error.code == .newerFormat else { throw error }
                    return [.refused(error.message)]
                }
                results[index] = .membership(membership)
            case .replaceRecords(let first, let records):
                do throws(KeyError) {
                    let rebase = try KeyRing.rebase(
                        onto: records, from: first, in: keysDirectory, keys: keys, time: now())
                    keys = rebase.keys
                    notices += rebase.givenUp.map {
                        "another device changed the members first, so this was given up: \($0)"
                    }
                } catch {
                    guard error.code == .invalidRoster || error.code == .newerFormat else { throw error }
                    return [.refused(error.message)]
                }
                results[index] = .membership(membership)
            default: break
            }
        }
        var next = state
        do {
            try vault.write(actor: "sync") { transaction in
                next = state
                try apply(changes, to: transaction)
                for (index, change) in changes.enumerated() {
                    let result = try results[index] ?? make(change, &next, transaction)
                    results[index] = result
                    let before = next
                    next.apply(change, result)
                    try discard(before, next, transaction)
                }
                try transaction.setSyncState(next.encoded)
            }
        } catch let refusal as CheckpointRefusal {
            return [.refused(refusal.reason)]
        }
        state = next
        try settleKeys()
        return changes.indices.compactMap { results[$0] }
    }

    /// Adds records that others ask for, before the remote has them. What the next round sends are these.
    func follow(_ records: [[UInt8]]) throws(KeyError) {
        keys = try KeyRing.follow(records, in: keysDirectory, keys: keys, time: now())
    }

    /// An epoch is used once the remote has its record. A crash before this is made good by the next start.
    private func settleKeys() throws {
        guard state.isAttached else { return }
        keys = try KeyRing.settle(through: state.sentRecord, in: keysDirectory, keys: keys, time: now())
    }

    /// Sets aside what this device wrote and has not sent, where its role does not allow it any more: so its
    /// records are what others make of them.
    func dropForbidden() throws {
        guard state.isAttached, !mayCheckpoint else { return }
        try vault.write(actor: "sync") { try dropForbidden($0) }
    }

    private func dropForbidden(_ transaction: WriteTransaction) throws {
        guard let own = keys.roster.member(keys.device), !own.role.backsUp else { return }
        let rules = WriteRules(role: own.role, rights: own.rights)
        let reason = "this device's role (\(own.role.name)) did not allow it when it was to be sent"
        let count = try Self.streams.reduce(0) {
            try $0 + transaction.setAsideUnsealed(by: state.author, in: $1, as: rules, because: reason)
        }
        guard count > 0 else { return }
        notices.append(
            "changes that were made here and that this device's role does not allow were set aside: "
                + "`ai-team device revoke \(keys.device) --review` shows them")
    }

    /// Takes a new life for this device after a copy of it was noticed, or its role has ended the one before.
    /// It counts once `endFormerLife` has
    /// written it into the roster; until then rounds only pull.
    func beginNewLife() throws {
        var next = state
        next.reincarnate(as: Author(device: keys.device, incarnation: try unusedIncarnation()))
        try replace(with: next)
    }

    /// Goes on instead of another copy of this device, which has taken over: in a life of its own, of which
    /// the other's is the former one. What this copy wrote while it was stopped goes out then.
    ///
    /// - Throws: `conflict` when no other copy has.
    func takeOver() throws {
        guard state.halt == .replaced, let life = membership.life(of: keys.device) else {
            throw SyncError(.conflict, "no other copy of this device has taken over")
        }
        var next = state
        // A life that this copy had begun, and whose record was given up, may have signed backups.
        let own = keys.incarnation
        let isUsed = keys.roster.member(keys.device)?.incarnations.contains(own) ?? true
        next.takeOver(
            life,
            as: Author(device: keys.device, incarnation: isUsed ? try unusedIncarnation() : own))
        try replace(with: next)
    }

    private func unusedIncarnation() throws -> UInt32 {
        let used = keys.roster.member(keys.device)?.incarnations ?? []
        while true {
            let random = try RandomBytes.bytes(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            if random != 0, !used.contains(random) { return random }
        }
    }

    /// Ends the life before in the roster, where its lanes end here: everything that it has in the remote
    /// must have been pulled.
    func endFormerLife() throws {
        guard let former = state.formerLife else { return }
        let pins = state.positions.compactMap { lane, position in
            lane.author == Author(device: keys.device, incarnation: former)
                ? Pin(
                    incarnation: former, kind: .segments, stream: lane.stream, sequence: position.sequence,
                    hash: position.hash) : nil
        }
        let life = state.author.incarnation
        try changeKeys { (directory, keys) throws(KeyError) in
            try KeyRing.reincarnate(in: directory, keys: keys, as: life, pins: pins, time: self.now())
        }
    }

    /// Adds a record of this device to the roster, and goes on as it says.
    func changeKeys(_ change: (String, UnlockedKeys) throws(KeyError) -> UnlockedKeys) throws {
        keys = try change(keysDirectory, keys)
        var next = state
        next.adopt(membership)
        try replace(with: next)
        try settleKeys()
    }

    /// A new life of this device that its own ring began, or a roster that grew before the state could say
    /// so.
    private func catchUp(with author: Author) throws {
        var next = state
        let isPending = next.formerLife == author.incarnation
        // The ring of a copy that was replaced names the life before.
        if next.author != author, !isPending, next.halt == nil, !keys.isReplaced {
            next.reincarnate(as: author)
        }
        next.adopt(membership)
        if next != state { try replace(with: next) }
    }

    private func replace(with next: SyncState) throws {
        try vault.write(actor: "sync") { transaction in
            try discard(state, next, transaction)
            if next.author != state.author { try transaction.unsealLogs() }
            try transaction.setSyncState(next.encoded)
        }
        state = next
    }

    /// What a shorter lane no longer holds. A member writes again what was cut off; of who was removed it is
    /// kept for a person to look at.
    private func discard(
        _ before: SyncState, _ after: SyncState, _ transaction: WriteTransaction
    ) throws {
        for (lane, position) in before.positions {
            let end = after.positions[lane]?.sequence ?? 0
            guard position.sequence > end else { continue }
            let isGone = keys.roster.member(lane.author.device) == nil
            try transaction.discardSegments(
                lane, above: end, of: keys.device.bytes, because: isGone ? Self.sentTooLate : nil)
        }
        let kept = after.logs.outbox.last?.position.sequence ?? 0
        if before.author == after.author, before.logs.outbox.last?.position.sequence ?? 0 > kept,
            after.logs.outbox.count < before.logs.outbox.count, after.logs.range == before.logs.range
        {
            try transaction.unsealLogs(above: kept)
        }
    }

    /// Why changes of a removed device count nowhere.
    static let sentTooLate = "sent after its author was removed"

    private func apply(_ changes: [SyncChange], to transaction: WriteTransaction) throws {
        let segments = changes.compactMap { change -> (Observation, [ChangeBatch])? in
            if case .apply(let seen, let batches) = change { return (seen, batches) }
            return nil
        }
        guard !segments.isEmpty else { return }
        try deletions.incoming(segments.flatMap(\.1), transaction) {
            try transaction.apply(segments: segments.map { (seen: $0.0, batches: $0.1) })
        }
    }

    private func make(
        _ change: SyncChange, _ next: inout SyncState, _ transaction: WriteTransaction
    ) throws -> CommitResult? {
        switch change {
        case .seal: return .sealed(try seal(next, transaction))
        case .reissue(let place, let batches): try transaction.reissue(batches, in: place.lane.stream)
        case .offer(let numbers):
            for lane in numbers.keys.sorted() {
                try transaction.markOffered(lane, through: numbers[lane] ?? 0)
            }
        case .setAside(let place, let batches, let reason):
            try transaction.keepVoid(batches, of: place.lane, in: place.sequence, because: reason)
        case .settle(let lane, let sequence): try transaction.markSettled(lane, sequence)
        case .sealLogs(let now): return .logs(try sealLogs(next, at: now, transaction))
        case .settleLog:
            if let log = next.logs.outbox.first {
                try transaction.settleLogs(through: log.position.sequence)
            }
        case .draftHead(var body, let times):
            body.anchor = try anchor(transaction)
            let number = (next.head?.position.sequence ?? 0) + 1
            let bytes = try object(.head, number, link: times.link, body.encoded, next)
            return .head(
                OutboxHead(
                    position: position(of: bytes, number), bytes: bytes, body: body, issuedAt: times.issuedAt)
            )
        case .sealBell(let body):
            return .bell(try object(.bell, 1, link: [UInt8](repeating: 0, count: 32), body.encoded, next))
        case .draftCheckpoint: return try draftCheckpoint(next, transaction)
        case .attest(let id): return try attest(id, next, transaction)
        case .loadCheckpoint(let mark, let chunks): try load(mark, chunks, transaction)
        default: break
        }
        return nil
    }

    /// Seals what waits, stream by stream.
    private func seal(_ next: SyncState, _ transaction: WriteTransaction) throws -> [OutboxSegment] {
        var sealed: [OutboxSegment] = []
        // A new role may have been read in this round, and a former life's changes taken over.
        try dropForbidden(transaction)
        let streams = try Self.pushed(vault)
        try deletions.outgoing(streams: streams, of: keys.device.bytes, transaction)
        for stream in streams {
            let lane = Lane(author: next.author, stream: stream)
            var last = next.positions[lane] ?? .start
            while true {
                let batches = try transaction.unsealedBatches(
                    of: keys.device.bytes, in: stream, limit: Self.batchCount)
                guard !batches.isEmpty else { break }
                for group in Self.groups(batches) {
                    let number = last.sequence + 1
                    let bytes = try object(
                        .segment, number, stream: stream, link: last.hash, OpBatch.encode(group), next)
                    last = position(of: bytes, number)
                    let range = (group.first?.sequence ?? 0)...(group.last?.sequence ?? 0)
                    try transaction.addWaiting(
                        WaitingSegment(
                            lane: lane, position: last, bytes: bytes, isOffered: false, isSettled: false),
                        batches: range)
                    sealed.append(OutboxSegment(lane: lane, position: last, bytes: bytes))
                }
            }
            try transaction.noteSealed(stream)
        }
        return sealed
    }

    /// Transactions in order, in groups of about the size of a segment.
    static func groups(_ batches: [ChangeBatch]) -> [[ChangeBatch]] {
        var groups: [[ChangeBatch]] = []
        var size = Self.segmentBytes
        for batch in batches {
            let bytes = batch.changes.reduce(0) {
                $0 + $1.id.utf8.count + 32 + FieldCodec.encode($1.fields).count
            }
            if size + bytes > segmentBytes, size > 0 {
                groups.append([])
                size = 0
            }
            groups[groups.count - 1].append(batch)
            size += bytes
        }
        return groups
    }

    func object(
        _ kind: ObjectKind, _ number: UInt64, stream: UInt16 = 0, link: [UInt8], _ content: [UInt8],
        _ next: SyncState
    ) throws -> [UInt8] {
        // Only what the remote has of the roster may be named: others have to find it there.
        let record = min(next.sentRecord, keys.roster.headSequence)
        let draft = ObjectDraft(
            kind: kind, vaultID: keys.vaultID, lane: Lane(author: next.author, stream: stream),
            epoch: keys.currentEpoch, sequence: number, link: link, rosterSequence: record,
            rosterHash: membership.recordHash(record) ?? [])
        let key = try keys.key(kind.purpose, epoch: keys.currentEpoch)
        return try draft.seal(content) { plain, context in
            try Cobblestone.seal(key: key, context: context, plain)
        } sign: { bytes in
            try keys.sign(bytes, domain: kind.domain)
        }
    }

    func position(of object: [UInt8], _ number: UInt64) -> Position {
        Position(sequence: number, hash: Hash.digest(.sha256, Array(object.prefix(ObjectHeader.count))))
    }
}
