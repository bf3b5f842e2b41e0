internal import FileSystem
internal import ObjectStorage
internal import Vault

/// Removes blobs from the remote that no version of any document names: the contents of what was purged.
///
/// In two phases, at most once a day. What nothing names is marked; it goes once it was marked for a week, a
/// checkpoint that covers what was known then is old and attested, and nothing names it still.
struct BlobCollection {
    let sync: VaultSync
    let store: any ObjectStore
    let policy: CheckpointPolicy
    /// Milliseconds since 1970.
    let now: Int64

    private static let interval: Int64 = 86_400_000
    private static let timeKey = "sync.blobs_collected_at"
    private static let markedKey = "sync.blobs_marked_at"
    /// Requests to remove stop after this, so that others know when none is under way.
    private static let deadline = Duration.seconds(600)
    private static let removalLimit = 1 << 13

    private var marks: BlobMarks { BlobMarks(sync: sync, store: store) }

    /// Whether a checkpoint would let something go that is marked, and there has been none for a week.
    static func wantsCheckpoint(_ sync: VaultSync, now: Int64) throws -> Bool {
        guard let marked = try sync.vault.read({ try $0.setting(markedKey) }).flatMap({ Int64($0) }) else {
            return false
        }
        let newest = sync.state.checkpoints.filter { $0.verdict != .refused }.map(\.seenAt).max() ?? 0
        return newest < marked && now - newest > 7 * interval
    }

    /// One look, after a round that has seen all that others have published.
    ///
    /// - Returns: how many objects were removed.
    func run(_ leave: SyncReport.Collecting) throws -> Int {
        let last = try sync.vault.read { try $0.setting(Self.timeKey) }.flatMap { Int64($0) } ?? 0
        guard abs(now - last) >= Self.interval else { return 0 }
        // Also when it fails: a store that can't be listed is not asked again at once.
        try set(Self.timeKey, now)
        let standing = try marks.read()
        let listed = try list()
        let named = try namedObjects()
        func isWaste(_ name: String) -> Bool { listed[name] != nil && !named.contains(name) }
        guard !standing.groups.contains(where: { $0.isGoing && BlobMarks.isYoung($0, at: now) }) else {
            return 0
        }
        var groups = standing.groups
        for index in groups.indices { groups[index].names.removeAll { !isWaste($0) } }
        let marked = Set(groups.flatMap(\.names))
        let unmarked = listed.keys.filter { isWaste($0) && !marked.contains($0) }.sorted()
        groups += fresh(unmarked.prefix(max(0, MarksBody.nameLimit - marked.count)))
        var going: [String] = []
        for index in groups.indices
        where groups[index].isGoing || isRipe(groups[index], leave.checkpoint) {
            let ripe = groups[index].names.filter { isOld(listed[$0]) }.prefix(
                Self.removalLimit - going.count)
            going += ripe
            groups[index].names.removeAll(where: Set(ripe).contains)
        }
        groups.removeAll(where: \.names.isEmpty)
        try set(Self.markedKey, groups.map { Int64(clamping: $0.since) }.max())
        if !going.isEmpty {
            groups.append(
                MarksBody.Group(since: UInt64(clamping: now), isGoing: true, vector: [], names: going))
        }
        guard groups != standing.groups || standing.isGarbage else { return 0 }
        guard try marks.write(groups, over: standing.etag) != nil, !going.isEmpty else { return 0 }
        return try remove(going)
    }

    /// From here on nobody relies on them: the list says that they are going.
    private func remove(_ names: [String]) throws -> Int {
        let end = ContinuousClock.now + Self.deadline
        var removed = 0
        for name in names where ContinuousClock.now < end {
            if try marks.remove(name) { removed += 1 }
        }
        try marks.clear(Set(names))
        return removed
    }

    private func fresh(_ names: ArraySlice<String>) -> [MarksBody.Group] {
        guard !names.isEmpty else { return [] }
        return [
            MarksBody.Group(
                since: UInt64(clamping: now), isGoing: false, vector: sync.state.observed,
                names: Array(names))
        ]
    }

    /// Whether a checkpoint shows that others had no use for them either, long ago.
    private func isRipe(_ group: MarksBody.Group, _ checkpoint: CheckpointMark?) -> Bool {
        guard let checkpoint, Int64(clamping: group.since) <= now - policy.patience else { return false }
        return group.vector.allSatisfy { checkpoint.end(of: $0.lane) >= $0.position.sequence }
    }

    /// Whether an object was stored long ago by the store's clock, too, where that tells.
    private func isOld(_ object: ObjectInfo?) -> Bool {
        guard let modified = object?.modified else { return true }
        return modified <= now - policy.patience
    }

    /// The last parts of the names of all blobs' objects.
    private func list() throws -> [String: ObjectInfo] {
        var found: [String: ObjectInfo] = [:]
        try store.forEach(prefix: SyncName.root + "b/") { page in
            for object in page.objects {
                guard let name = object.name.text.split(separator: "/").last.map(String.init) else {
                    continue
                }
                guard name.utf8.count == 32, try BlobObject.name(name) == object.name else { continue }
                found[name] = object
            }
        }
        return found
    }

    /// Under which names objects may stand that something names, whether it shows or not.
    private func namedObjects() throws -> Set<String> {
        let blobs = try sync.vault.read { try $0.blobsInLog() }
        return Set(try blobs.flatMap { try sync.vault.blobs.remoteNames($0) })
    }

    private func set(_ key: String, _ value: Int64?) throws {
        try sync.vault.write(actor: "sync") { try $0.setSetting(key, value.map(String.init)) }
    }
}
