internal import Cryptography
internal import KeyRing
internal import Sync
internal import TestSupport
internal import Vault

/// What a simulated device has on its disk. A copy of it is what a backup or a virtual machine's snapshot
/// holds.
struct ModelDisk {
    /// A transaction of this device, and in which segment it went out.
    struct Entry {
        var batch: ChangeBatch
        var sealedIn: SegmentPlace?
    }

    struct Applied {
        var hash: [UInt8]
        var batches: [ChangeBatch]
    }

    var state: SyncState
    var roster: ModelRoster
    var log: [Entry] = []
    /// Segments that were applied, and own sealed ones, by lane and number.
    var segments = SortedMap<Lane, [Applied]>()
    /// Lines of the log that were written, and how many of them are in log objects.
    var logLines: Int64 = 0
    var sealedLines: Int64 = 0
    /// The number of the first line in each log object that waits.
    var waitingLines: [Int64] = []
    /// The numbers of the next own head.
    var heads: UInt64 = 0
    /// What this device wrote and its role did not allow any more when it was to be sealed.
    var setAside: Set<[UInt8]> = []
    /// How many transactions this device has written.
    var counter: Int64 = 0
    /// How far each lane came in checkpoints.
    var loaded = SortedMap<Lane, UInt64>()
    /// Its checkpoints name a root that they don't come to.
    var isForging = false
    /// This device has to take a new life, whose record is not in its chain yet.
    var needsRecord = false

    var hasUnsealed: Bool { log.contains { $0.sealedIn == nil } }

    /// Whether lines of the log are due to be sent.
    func hasLogs(now: Int64) -> Bool { logLines > sealedLines && now - state.logs.sealedAt >= 60_000 }

    /// What the records come to, by what the vault folds them with.
    private(set) var fold = ReplicaState()

    /// All transactions that count here, own and others'.
    var batches: [ChangeBatch] {
        let others = segments.filter { $0.key.author != state.author }.flatMap(\.value)
        return log.map(\.batch) + others.flatMap(\.batches)
    }

    /// The same by their bytes, each once.
    var contents: Set<[UInt8]> { Set(batches.map(Self.identity)) }

    static func identity(_ batch: ChangeBatch) -> [UInt8] { OpBatch.encode([batch]) }

    private var origin: Origin {
        Origin(device: state.author.device.bytes, incarnation: state.author.incarnation)
    }

    /// The dot of what is written next.
    var nextDot: Dot { Dot(origin: origin, counter: counter + 1) }

    /// A local write.
    mutating func write(_ change: RecordChange, now: Int64) -> ChangeBatch {
        let last = log.map(\.batch.stamp).max()
        let stamp = HybridTime(now: Timestamp(milliseconds: now), after: last)
        let batch = ChangeBatch(
            sequence: 0, stamp: stamp, origin: origin, actor: "sim", changes: [change])
        add(batch)
        return batch
    }

    private mutating func add(_ batch: ChangeBatch) {
        counter += 1
        log.append(Entry(batch: batch))
        fold.apply(batch)
    }

    /// Folds everything anew, after something has gone.
    mutating func refold() {
        fold = ReplicaState()
        for batch in batches { fold.apply(batch) }
    }

    /// Takes a new life: what was sealed and did not get out, or is void by a pin, is sealed anew.
    mutating func reincarnate(_ incarnation: UInt32) {
        let former = state.author
        state.reincarnate(as: Author(device: former.device, incarnation: incarnation))
        for index in log.indices {
            guard let place = log[index].sealedIn, place.lane.author == former else { continue }
            if place.sequence > state.positions[place.lane]?.sequence ?? 0 { log[index].sealedIn = nil }
        }
        cutToPositions()
        heads = 0
        sealedLines = waitingLines.first.map { $0 - 1 } ?? sealedLines
        waitingLines = []
        needsRecord = true
    }

    /// Ends the former life in the roster, where its lanes end here.
    mutating func recordNewLife() {
        let author = state.author
        let pins = state.positions.compactMap { pair in
            pair.key.author.device == author.device && pair.key.author != author
                && roster.pin(of: pair.key) == nil
                ? Observation(lane: pair.key, position: pair.value) : nil
        }
        roster = roster.adding(author, pins: pins)
        state.adopt(roster)
        needsRecord = false
    }

    /// The hashes of own and applied segments.
    func hashes(_ places: [SegmentPlace]) -> [[UInt8]?] {
        places.map { place in
            let lane = segments[place.lane] ?? []
            let index = Int(place.sequence) - 1
            return lane.indices.contains(index) ? lane[index].hash : nil
        }
    }

    /// Forgets segments above where their lanes end now.
    mutating func cutToPositions() {
        var isShorter = false
        for (lane, applied) in segments {
            let end = Int(state.positions[lane]?.sequence ?? 0)
            guard applied.count > end else { continue }
            segments[lane] = Array(applied.prefix(end))
            loaded[lane] = loaded[lane].map { min($0, UInt64(end)) }
            isShorter = true
        }
        for index in log.indices {
            guard let place = log[index].sealedIn, place.lane.author.device == state.author.device else {
                continue
            }
            if place.sequence > state.positions[place.lane]?.sequence ?? 0 { log[index].sealedIn = nil }
        }
        if isShorter { refold() }
    }

    /// Makes changes durable, all or none.
    mutating func commit(
        _ changes: [SyncChange], _ crypto: ModelCrypto, _ random: inout SplitMix64
    ) -> [CommitResult] {
        var next = self
        let results = next.make(changes, crypto, &random)
        for case .refused in results { return results }
        self = next
        return results
    }

    private mutating func make(
        _ changes: [SyncChange], _ crypto: ModelCrypto, _ random: inout SplitMix64
    ) -> [CommitResult] {
        var results: [CommitResult] = []
        for change in changes {
            let result = make(change, crypto, &random)
            if let result { results.append(result) }
            for case .refused in [result] { return results }
            if case .apply(let seen, let batches) = change {
                let applied = Applied(hash: seen.position.hash, batches: batches)
                segments[seen.lane] = (segments[seen.lane] ?? []) + [applied]
                for batch in batches { fold.apply(batch) }
            }
            let before = state
            state.apply(change, result)
            if case .membership = result {
                cutToPositions()
                unsealLogs(since: before)
            }
        }
        return results
    }

    private mutating func make(
        _ change: SyncChange, _ crypto: ModelCrypto, _ random: inout SplitMix64
    ) -> CommitResult? {
        switch change {
        case .extendRoster(let records):
            for record in records {
                guard let longer = roster.adding(record) else { return .refused("it does not follow") }
                roster = longer
            }
            guard isMember(state.author.device) else { return .refused("this device was removed") }
            return .membership(roster)
        case .replaceRecords(let first, let records):
            var other = roster.cut(before: first)
            for record in records {
                guard let longer = other.adding(record) else { return .refused("it does not follow") }
                other = longer
            }
            guard other.life(of: state.author.device) != nil else {
                return .refused("this device was removed")
            }
            let (next, givesUp) = other.remaking(roster, from: first, by: state.author.device)
            needsRecord = needsRecord || givesUp
            roster = next
            return .membership(roster)
        case .seal: return .sealed(seal(crypto, &random))
        case .sealLogs(let now): return .logs(sealLogs(now, crypto, &random))
        case .settleLog:
            if !waitingLines.isEmpty { waitingLines.removeFirst() }
            return nil
        case .draftCheckpoint: return draftCheckpoint(crypto, &random)
        case .attest(let id):
            guard let mark = state.checkpoints.first(where: { $0.id == id }), covers(mark) else {
                return .judged(.unknown)
            }
            return .judged(root(at: mark.body.vector) == mark.body.root ? .attested : .refused)
        case .loadCheckpoint(let mark, let chunks):
            return load(mark, chunks, crypto).map { .refused($0) }
        case .reissue(_, let batches):
            let held = contents
            for batch in batches where !held.contains(Self.identity(batch)) { add(batch) }
            return nil
        case .draftHead(let body, let times):
            heads = max(heads, state.head?.position.sequence ?? 0) + 1
            let bytes = object(
                .head, Lane(author: state.author, stream: 0), heads, link: times.link, body.encoded, crypto,
                &random)
            return .head(
                OutboxHead(
                    position: Self.position(bytes, heads), bytes: bytes, body: body, issuedAt: times.issuedAt)
            )
        case .sealBell(let body):
            let zeros = [UInt8](repeating: 0, count: 32)
            return .bell(
                object(
                    .bell, Lane(author: state.author, stream: 0), 1, link: zeros, body.encoded, crypto,
                    &random))
        default: return nil
        }
    }

    /// Puts what waits into one segment.
    private mutating func seal(_ crypto: ModelCrypto, _ random: inout SplitMix64) -> [OutboxSegment] {
        dropForbidden()
        let waiting = log.indices.filter { log[$0].sealedIn == nil }
        guard !waiting.isEmpty else { return [] }
        let lane = Lane(author: state.author, stream: 1)
        let before = state.positions[lane] ?? .start
        let batches = waiting.map { log[$0].batch }
        let bytes = object(
            .segment, lane, before.sequence + 1, link: before.hash, OpBatch.encode(batches), crypto, &random)
        let position = Self.position(bytes, before.sequence + 1)
        for index in waiting { log[index].sealedIn = SegmentPlace(lane: lane, sequence: position.sequence) }
        segments[lane] = (segments[lane] ?? []) + [Applied(hash: position.hash, batches: batches)]
        return [OutboxSegment(lane: lane, position: position, bytes: bytes)]
    }

    static func position(_ bytes: [UInt8], _ sequence: UInt64) -> Position {
        Position(sequence: sequence, hash: Hash.digest(.sha256, Array(bytes.prefix(ObjectHeader.count))))
    }

    func object(
        _ kind: ObjectKind, _ lane: Lane, _ sequence: UInt64, link: [UInt8], _ content: [UInt8],
        _ crypto: ModelCrypto, _ random: inout SplitMix64
    ) -> [UInt8] {
        let draft = ObjectDraft(
            kind: kind, vaultID: roster.vaultID, lane: lane, epoch: roster.epoch, sequence: sequence,
            link: link,
            rosterSequence: min(roster.sequence, state.sentRecord),
            rosterHash: roster.recordHash(min(roster.sequence, state.sentRecord)) ?? [])
        let nonce = withUnsafeBytes(of: random.next()) { Array($0) }
        do {
            return try draft.seal(content) { plain, context in
                crypto.seal(plain, context: context, epoch: roster.epoch, nonce: nonce)
            } sign: { bytes in
                crypto.sign(bytes, by: ModelRoster.key(of: lane.author.device))
            }
        } catch { preconditionFailure("zstd failed: \(error)") }
    }
}
