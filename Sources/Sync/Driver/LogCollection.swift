internal import KeyRing
internal import ObjectStorage
internal import Vault

/// Removes log objects that their authors' heads let go of: by an administrator's device, in passing, once a
/// day at most. A rule of the bucket that removes what is below `l/` after the same time saves it the work.
struct LogCollection {
    let sync: VaultSync
    let store: any ObjectStore
    /// Milliseconds since 1970.
    let now: Int64

    private static let key = "sync.logs_collected"
    private static let pageLimit = 16

    func run() throws {
        guard sync.membership.mayCollect(sync.keys.device) else { return }
        let floors = floors
        // One listing for each day on which some head lets more go.
        let today = LogDay(milliseconds: now)
        let done = try sync.vault.read { try $0.setting(Self.key) }?.split(separator: " ") ?? []
        let sum = floors.values.reduce(0) { $0 &+ $1 }
        guard sum > 0, done.first ?? "" != today.description, done.last ?? "" != String(sum) else { return }
        try sync.vault.write(actor: "sync") { try $0.setSetting(Self.key, "\(today) \(sum)") }
        do { try remove(below: floors, at: today) } catch is StorageError {
            // A lock on the bucket says "later", and so does a line that breaks.
        }
    }

    /// Below which number the log objects of each author may go, by what begins their names behind the day.
    private var floors: [String: UInt64] {
        let today = LogDay(milliseconds: now)
        var ranges = Dictionary(uniqueKeysWithValues: sync.state.heads.map { ($0.key, $0.value.logs) })
        if let head = sync.state.head { ranges[sync.state.author] = head.body.logs }
        let present = sync.membership.authors
        var floors: [String: UInt64] = [:]
        for (author, range) in ranges {
            // A life that has ended says nothing more: of its logs the days alone decide.
            let range =
                present.contains(author)
                ? range : range.expired(after: sync.membership.logRetentionDays, at: today)
            guard range.oldest > 1 else { continue }
            floors["\(author.device.tag(in: sync.keys.vaultID))/\(author.incarnation)"] = range.oldest
        }
        return floors
    }

    private func remove(below floors: [String: UInt64], at today: LogDay) throws {
        let root = SyncName.root + SyncName.logs
        var next: String?
        for _ in 0..<Self.pageLimit {
            let page = try store.list(prefix: root, after: next, limit: 1000)
            for object in page.objects {
                let parts = object.name.text.dropFirst(root.count).split(separator: "/")
                // Days come in order, and nothing of this one can have expired.
                guard let day = parts.first, day < today.description else { return }
                guard parts.count == 4, let number = UInt64(parts[3]),
                    number < floors["\(parts[1])/\(parts[2])"] ?? 0
                else { continue }
                try store.delete(object.name)
            }
            next = page.next
            guard next != nil else { return }
        }
    }
}
