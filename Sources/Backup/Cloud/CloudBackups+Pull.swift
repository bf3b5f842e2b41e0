internal import FileSystem
internal import Synchronization

extension CloudBackups {
    /// What `backup cloud pull` did.
    public struct Pull: Sendable {
        /// Objects that were fetched, and those that were here already.
        public let downloaded: Int
        public let skipped: Int
        /// Bytes of what was fetched.
        public let bytes: UInt64
        /// What is wrong with objects of the remote.
        public let problems: [VaultBackups.Problem]
    }

    /// Brings what the home's own store lacks of the remote's backups, or of one and those before it in its
    /// chain: packs first, each checked against its signed record, then the manifests.
    ///
    /// - Throws: `.conflict` while another process writes there; `.rollback`, `.notFound`; `StorageError`.
    public func pull(
        _ id: String? = nil, acceptsRollback: Bool = false,
        progress: @escaping (BackupProgress) -> Void = { _ in }
    ) throws -> Pull {
        let store = local.store
        try store.prepare()
        guard let lock = try FileLock.attempt(store.directory + "/.lock", .exclusive) else {
            throw BackupError(.conflict, "a backup is being made", hint: "wait until it is done")
        }
        let listing = try listing()
        let (index, memory) = try judged(listing, acceptsRollback: acceptsRollback)
        if let gone = memory.first { throw VaultBackups.rollback(gone) }
        var problems = index.failures.map(VaultBackups.Problem.init)
        var own = try local.judged().index
        // What was pruned here comes back only by its id.
        var names = index.links.filter { own.removed[$0] == nil }
        if let id {
            let last = try index.entry(id).name
            names = names.filter {
                $0.writer == last.writer && $0.incarnation == last.incarnation
                    && $0.sequence <= last.sequence
            }
            if own.removed[last] != nil {
                names.append(last)
                try bringBack(last, own)
                own = try local.judged().index
            }
        }
        let source = manifests(listing)
        let here = Set(try store.manifestNames())
        let wanted = names.filter { !here.contains($0) }
        var (downloaded, skipped, bytes) = (0, names.count - wanted.count, UInt64(0))
        for name in wanted {
            do {
                let stored = try source.stored(name)
                var packs: [PackRecord] = []
                if case .backup(let manifest) = stored { packs = manifest.clear.packs }
                let missing = try packs.filter { try !isHere($0, in: store) }
                skipped += packs.count - missing.count
                bytes += try fetch(missing, into: store, progress)
                try store.addManifest(name, stored.bytes)
                downloaded += missing.count + 1
                bytes += UInt64(stored.bytes.count)
            } catch let error as BackupError where error.code == .integrity {
                // One bad object does not keep the others from coming; what comes after it is named too.
                problems.append(VaultBackups.Problem(error, in: name.description))
            }
        }
        try coverPruned(there: index)
        lock.release()
        return Pull(downloaded: downloaded, skipped: skipped, bytes: bytes, problems: problems)
    }

    private func isHere(_ pack: PackRecord, in store: BackupStore) throws -> Bool {
        try Files.status(store.packPath(pack)).map { UInt64($0.size) == pack.length } ?? false
    }

    /// - Returns: the bytes that were fetched.
    func fetch(
        _ packs: [PackRecord], into store: BackupStore, _ progress: (BackupProgress) -> Void
    ) throws -> UInt64 {
        let total = packs.reduce(UInt64(0)) { $0 + $1.length }
        try PackTransfers.run(
            packs, progress: { progress(BackupProgress(phase: .packs, done: $0, total: total)) },
            { [remote] pack, moved in
                try store.addPack(pack) { write in
                    try remote.read(pack) { bytes in
                        try write(bytes)
                        try moved(UInt64(bytes.count))
                    }
                }
            })
        return total
    }
}
