internal import KeyRing

/// What a prune would do: which backups go, and what becomes free.
public struct PrunePlan: Sendable {
    /// One backup and what becomes of it.
    public struct Row: Sendable {
        public let id: String
        /// Milliseconds since 1970.
        public let createdAt: UInt64
        public let device: String
        public let sequence: UInt64
        /// Why it is kept; empty: it goes.
        public let reasons: [String]
        /// Bytes of packs that no other backup needs.
        public let ownBytes: UInt64
        public var isKept: Bool { !reasons.isEmpty }
        let name: BackupStore.Name
    }

    /// In the order of their times, oldest first.
    public let rows: [Row]
    /// Packs that no kept backup needs, and their bytes.
    public let packs: Int
    public let bytes: UInt64
    public let policy: RetentionPolicy
    /// What a remote listed when the plan was made.
    var listing: RemoteListing?

    /// Those that go.
    public var removed: [Row] { rows.filter { !$0.isKept } }

    /// Whether so much goes that a slip or somebody else's hand is likelier than a wish: more than half of
    /// the backups, and more than three.
    public var isMassDeletion: Bool { removed.count > 3 && removed.count * 2 > rows.count }

    /// Decides about the believed backups of an index.
    ///
    /// - Parameters:
    ///   - tags: the tags of a backup; asked only where the policy names some.
    ///   - now: milliseconds since 1970.
    ///   - offset: milliseconds that the local time is ahead of UTC at a moment.
    /// - Throws: `.integrity` for a manifest that does not hold any more; what `tags` throws.
    package init(
        _ index: BackupIndex, of source: some ManifestSource, _ policy: RetentionPolicy, now: UInt64,
        offset: @escaping @Sendable (UInt64) -> Int64, tags: (BackupIndex.Entry) throws -> [String]
    ) throws {
        let orders = Self.orders(of: index)
        let candidates = try zip(index.entries, orders).map { entry, order in
            Retention.Candidate(
                id: entry.id, writer: entry.name.writer, order: order, created: entry.head.created,
                tags: policy.tags.isEmpty ? [] : try tags(entry))
        }
        let decisions = Retention(policy, now: now, offset: offset).decide(candidates)
        var uses: [[UInt8]: PackUse] = [:]
        for (entry, decision) in zip(index.entries, decisions) {
            for pack in try source.manifest(entry.name).clear.packs {
                uses[pack.id, default: PackUse(length: pack.length)].add(decision.isKept)
            }
        }
        var rows: [Row] = []
        for (entry, decision) in zip(index.entries, decisions) {
            let own = try source.manifest(entry.name).clear.packs.filter { uses[$0.id]?.count == 1 }
            rows.append(
                Row(
                    id: entry.id, createdAt: entry.head.created,
                    device: DeviceID(entry.head.deviceID)?.description ?? "",
                    sequence: entry.head.sequence, reasons: decision.reasons,
                    ownBytes: own.reduce(0) { $0 &+ $1.length }, name: entry.name))
        }
        self.rows = rows.sorted { ($0.createdAt, $0.name) < ($1.createdAt, $1.name) }
        let free = uses.values.filter { !$0.isKept }
        packs = free.count
        bytes = free.reduce(0) { $0 &+ $1.length }
        self.policy = policy
    }

    private struct PackUse {
        let length: UInt64
        var count = 0
        var isKept = false

        init(length: UInt64) { self.length = length }

        mutating func add(_ isKept: Bool) {
            count += 1
            self.isKept = self.isKept || isKept
        }
    }

    /// The place of each entry in its writer's life: numbers of incarnations are random, the roster knows
    /// their order.
    private static func orders(of index: BackupIndex) -> [Int] {
        let places = index.entries.map { entry in
            let member = DeviceID(entry.head.deviceID).flatMap { id in
                index.roster.flatMap { $0.member(id) ?? $0.former.first { $0.id == id } }
            }
            return member?.incarnations.firstIndex(of: entry.name.incarnation) ?? 0
        }
        let sorted = index.entries.indices.sorted {
            (places[$0], index.entries[$0].head.sequence) < (places[$1], index.entries[$1].head.sequence)
        }
        var orders = [Int](repeating: 0, count: sorted.count)
        for (order, row) in sorted.enumerated() { orders[row] = order }
        return orders
    }
}

extension PrunePlan.Row: Equatable {}
