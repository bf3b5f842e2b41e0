internal import Cryptography
internal import FileSystem
public import KeyRing
public import ObjectStorage
public import Vault

/// What a round would do, found out without doing it: objects are read and checked as in a round, and what
/// they say is applied in a transaction that is taken back.
public struct SyncPlan: Sendable {
    /// Records that would change, by what people call them, in the order of their names.
    public typealias Records = [(name: String, count: Int)]

    /// What would be taken away of a collection.
    public struct Loss: Sendable {
        /// Which.
        public let collection: CountedCollection
        /// Records that would go, into the trash or for good, and how many of them for good.
        public let deleted: Int
        public let purged: Int
        /// Whether a round does this only when it is told to.
        public let needsConsent: Bool
    }

    /// What would be sent.
    public struct Outgoing: Sendable {
        /// Segments, and their bytes as they are sent.
        public var segments = 0
        public var bytes = 0
        public var records: Records = []
        public var losses: [Loss] = []
    }

    /// What would be applied.
    public struct Incoming: Sendable {
        public var segments = 0
        public var changes = 0
        public var records: Records = []
        public var losses: [Loss] = []
        /// What a person would have to decide, and has not to now.
        public var conflicts: [Conflict] = []
    }

    public var outgoing: Outgoing?
    public var incoming: Incoming?
    /// What was noticed on the way; why nothing more could be read.
    public var alarms: [SyncAlarm] = []
    public var failure: SyncError?

    /// Finds out what a round would do.
    ///
    /// - Parameters:
    ///   - store: read from for `pulls`; nothing is sent to it.
    ///   - looksAtAll: look at every head, whatever the bell says.
    ///   - now: milliseconds since 1970.
    /// - Throws: `conflict` when another process is syncing.
    public init(
        vault: Vault, home: Home, keys: UnlockedKeys, store: any ObjectStore, pulls: Bool, pushes: Bool,
        looksAtAll: Bool = false, now: Int64
    ) throws {
        let lock = try VaultSync.lock(home)
        if pulls { try pull(vault, keys, store, looksAtAll, now) }
        if pushes { outgoing = try Self.push(vault, keys) }
        lock.release()
    }

    private mutating func pull(
        _ vault: Vault, _ keys: UnlockedKeys, _ store: any ObjectStore, _ looksAtAll: Bool, _ now: Int64
    ) throws {
        var reading = try PlanReading(vault, keys)
        var request = SyncRequest(
            pulls: true, pushes: false, hasUnsealed: false, looksAtAll: looksAtAll, now: now)
        request.excluded = try VaultSync.excluded(vault)
        let report = try reading.run(request, store)
        alarms = report.alarms
        failure = report.failure
        var incoming = Incoming()
        incoming.segments = report.pulledSegments
        incoming.changes = report.pulledChanges
        incoming.records = Self.count(reading.segments.flatMap(\.batches))
        try incoming.tryOut(reading.segments, in: vault)
        self.incoming = incoming
    }

    private static func push(_ vault: Vault, _ keys: UnlockedKeys) throws -> Outgoing {
        let streams = try VaultSync.pushed(vault)
        return try vault.read { transaction in
            var outgoing = Outgoing()
            let waiting = try transaction.waitingSegments().filter { !$0.isSettled }
            outgoing.segments = waiting.count
            outgoing.bytes = waiting.reduce(0) { $0 + $1.bytes.count }
            var batches: [ChangeBatch] = []
            for stream in streams {
                let own = try transaction.unsealedBatches(of: keys.device.bytes, in: stream, limit: .max)
                for group in VaultSync.groups(own) where !own.isEmpty {
                    outgoing.segments += 1
                    outgoing.bytes += try sealedCount(OpBatch.encode(group))
                }
                batches += own
            }
            outgoing.records = count(batches)
            outgoing.losses = losses(
                try DeletionWatch.outgoing(
                    streams: streams, of: keys.device.bytes, transaction))
            return outgoing
        }
    }

    /// The size of a segment as it is sent, which follows from what is in it.
    private static func sealedCount(_ content: [UInt8]) throws -> Int {
        ObjectHeader.count
            + Cobblestone.ciphertextCount(forPlaintext: try PaddedBody.encode(content).count)
    }

    private static func count(_ batches: [ChangeBatch]) -> Records {
        let changes = batches.flatMap(\.changes)
        var keys: [String: Set<RecordKey>] = [:]
        for change in changes {
            guard let name = change.recordsName else { continue }
            keys[name, default: []].insert(change.key)
        }
        return keys.sorted { $0.key < $1.key }.map { (name: $0.key, count: $0.value.count) }
    }

    fileprivate static func losses(_ losses: [CountedCollection: Losses]) -> [Loss] {
        CountedCollection.allCases.compactMap { counted in
            guard let loss = losses[counted], loss.deleted > 0 || loss.purged > 0 else { return nil }
            return Loss(
                collection: counted, deleted: loss.deleted, purged: loss.purged,
                needsConsent: DeletionWatch.isTooMuch(loss))
        }
    }
}

extension SyncPlan.Incoming {
    /// Thrown so that the transaction is taken back.
    private struct TakenBack: Error {}

    /// Applies segments, looks at what came of it, and takes it back.
    fileprivate mutating func tryOut(
        _ segments: [(seen: Observation, batches: [ChangeBatch])], in vault: Vault
    ) throws {
        guard !segments.isEmpty else { return }
        var found = self
        do {
            try vault.write(actor: "sync") { transaction in
                let known = Set(try transaction.conflicts().map(\.id))
                found.losses = SyncPlan.losses(
                    try DeletionWatch(isAllowed: true).incoming(
                        segments.flatMap(\.batches), transaction
                    ) { try transaction.apply(segments: segments) })
                found.conflicts = try transaction.conflicts().filter { !known.contains($0.id) }
                throw TakenBack()
            }
        } catch is TakenBack {}
        self = found
    }
}

/// A round that pulls, with a store of its own: memory.
private struct PlanReading {
    private var machine: SyncMachine
    private let vault: Vault
    private var keys: UnlockedKeys
    private let reader: VaultReading
    /// What would be applied, in order.
    private(set) var segments: [(seen: Observation, batches: [ChangeBatch])] = []

    init(_ vault: Vault, _ keys: UnlockedKeys) throws {
        self.vault = vault
        self.keys = keys
        reader = VaultReading(keys)
        let (bytes, waiting) = try vault.read { (try $0.syncState(), try $0.waitingSegments()) }
        let author = Author(device: keys.device, incarnation: keys.incarnation)
        var state = try bytes.map { try SyncState($0, waiting: waiting) } ?? SyncState(author: author)
        let membership = RosterMembership(roster: keys.roster)
        // Records of this device that the remote lacks would be brought there before others are read.
        state.apply(.sent(record: membership.sequence), nil)
        // Segments say which records change, and a checkpoint does not.
        machine = SyncMachine(
            state: state, membership: membership, reader: reader, checkpoints: .standard.withoutGain)
    }

    mutating func run(_ request: SyncRequest, _ store: any ObjectStore) throws -> SyncReport {
        var events: [SyncEvent] = [.begin(request)]
        var requests: [SyncRunner.Request] = []
        while true {
            if events.isEmpty {
                events = SyncRunner.answers(to: requests, at: store)
                requests = []
            }
            for effect in machine.step(events.removeFirst()) {
                switch effect {
                case .get(let token, let name, let etag, let limit):
                    requests.append(
                        SyncRunner.Request(
                            token: token, name: name.objectName(vault: keys.vaultID), kind: .get(etag, limit))
                    )
                case .put, .delete:
                    // A pull sends nothing but records that the remote lacks, and it was told of none.
                    throw SyncError(.conflict, "a plan can't be made: the round would have to send something")
                case .commit(let token, let changes): events.append(.committed(token, try take(changes)))
                case .find(let token, let places):
                    let hashes = try vault.read { transaction in
                        try places.map { try transaction.segmentHash($0.lane, $0.sequence) ?? read($0) }
                    }
                    events.append(.found(token, hashes))
                case .finish(let report): return report
                }
            }
        }
    }

    /// The hash of a segment that was read for the plan.
    private func read(_ place: SegmentPlace) -> [UInt8]? {
        segments.first { $0.seen.lane == place.lane && $0.seen.position.sequence == place.sequence }?
            .seen.position.hash
    }

    private mutating func take(_ changes: [SyncChange]) throws -> [CommitResult] {
        var results: [CommitResult] = []
        for change in changes {
            switch change {
            case .extendRoster(let records):
                do throws(KeyError) { keys = try KeyRing.following(records, keys: keys) } catch {
                    return [.refused(error.message)]
                }
                reader.use(keys)
                results.append(.membership(RosterMembership(roster: keys.roster)))
            case .apply(let seen, let batches): segments.append((seen, batches))
            default: break
            }
        }
        return results
    }
}
