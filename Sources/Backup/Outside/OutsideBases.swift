/// Finds the backup whose list of files a new backup goes along with.
///
/// It need not be the one whose database is built on: a backup of the vault alone, or of another tree, may
/// have come between. Files are taken over from one list, the newest of the same roots, else the newest of
/// roots that have something in common with them.
struct OutsideBases<Keys: BackupKeys> {
    /// Backups looked at, at most.
    private static var limit: Int { 64 }

    private let index: BackupIndex
    private let store: BackupStore
    private let keys: Keys

    init(_ index: BackupIndex, store: BackupStore, keys: Keys) {
        self.index = index
        self.store = store
        self.keys = keys
    }

    /// A list and the pack table of its backup.
    struct Found {
        let listing: OutsideListing
        let packs: [PackRecord]
    }

    /// The list to go along with, if there is one under the key of `epoch` whose packs are all there.
    ///
    /// - Parameter newest: the backup that is built on otherwise; it is tried first.
    func find(roots: [[UInt8]], epoch: UInt32, newest: BackupBase?) throws -> Found? {
        if let newest, newest.body.paths == roots, let listing = newest.files(epoch: epoch) {
            return Found(listing: listing, packs: newest.packs)
        }
        var related: Found?
        for entry in BackupBase.own(in: index, keys: keys).prefix(Self.limit) {
            do {
                let manifest = try store.manifest(entry.name)
                guard manifest.head.hash == entry.head.hash, manifest.clear.bodyEpoch == epoch
                else { continue }
                let body = try manifest.body(keys: keys, object: entry.name.description)
                let isSame = body.paths == roots
                guard !body.files.isEmpty, isSame || (related == nil && Self.meet(body.paths, roots)),
                    try BackupBase.canBeTakenOver(manifest.clear.packs, in: store, keys: keys)
                else { continue }
                let packs = manifest.clear.packs
                let set = PackSet(packs, from: store, keys: keys)
                let found = Found(
                    listing: OutsideListing(body.files, packs: packs, fetch: set.read), packs: packs)
                if isSame { return found }
                related = found
            } catch is BackupError {
                // What does not hold is named by every check, and must not keep a new backup from being made.
                continue
            }
        }
        return related
    }

    private static func meet(_ some: [[UInt8]], _ others: [[UInt8]]) -> Bool {
        some.contains { path in others.contains { path.isAtOrBelow($0) || $0.isAtOrBelow(path) } }
    }
}
