internal import KeyRing
internal import ObjectStorage
internal import Vault

/// Removes claims of tasks that were completed a month ago: by an administrator's device, in passing, once a
/// week at most. Whoever has not heard of the completion by then may claim such a task again, and finds it
/// completed with the next round.
struct ClaimCollection {
    let sync: VaultSync
    let store: any ObjectStore
    /// Milliseconds since 1970.
    let now: Int64

    private static let key = "sync.claims_collected_at"
    private static let interval: Int64 = 7 * 86_400_000
    private static let retention: Int64 = 30 * 86_400_000

    func run() throws {
        guard sync.membership.mayCollect(sync.keys.device) else { return }
        let (last, done) = try sync.vault.read { transaction in
            (
                try transaction.setting(Self.key).flatMap { Int64($0) } ?? 0,
                try transaction.tasksCompleted(before: Timestamp(milliseconds: now - Self.retention))
            )
        }
        guard !done.isEmpty, abs(now - last) >= Self.interval else { return }
        try sync.vault.write(actor: "sync") { try $0.setSetting(Self.key, String(now)) }
        let tags = Set(try done.map { try ClaimTag(task: $0, keys: sync.keys).description })
        do { try remove(tags) } catch is StorageError {
            // A lock on the bucket says "later", and so does a line that breaks.
        }
    }

    /// The highest round first: rounds are read up to the first that is not there.
    private func remove(_ tags: Set<String>) throws {
        let root = SyncName.root + SyncName.claims
        var rounds: [String: [UInt32]] = [:]
        try store.forEach(prefix: root) { page in
            for object in page.objects {
                let parts = object.name.text.dropFirst(root.count).split(separator: "/")
                guard parts.count == 2, tags.contains(String(parts[0])), let round = UInt32(parts[1]) else {
                    continue
                }
                rounds[String(parts[0]), default: []].append(round)
            }
        }
        for (tag, rounds) in rounds.sorted(by: { $0.key < $1.key }) {
            for round in rounds.sorted(by: >) {
                guard let name = ObjectName("\(root)\(tag)/\(round)") else { continue }
                try store.delete(name)
            }
        }
    }
}
