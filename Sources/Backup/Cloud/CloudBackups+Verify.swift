internal import FileSystem
internal import Synchronization
internal import Vault

extension CloudBackups {
    /// How much of the remote is looked at.
    public enum Depth: Sendable, Equatable {
        /// One listing: every pack is there with the size and, where the store shows it, the checksum of its
        /// signed record.
        case listing
        /// That, and every byte of part `part` of `parts` equal parts of all packs.
        case subset(part: UInt64, of: UInt64)
        /// Everything is fetched into a directory of its own, and a restore is tried.
        case data
    }

    /// Checks one backup of the remote, or all.
    ///
    /// - Throws: `.notFound`, `.ambiguous` for the id; `StorageError`; what is wrong with objects comes back
    ///   as a list.
    public func verify(
        _ id: String? = nil, _ depth: Depth = .listing, acceptsRollback: Bool = false,
        progress: @escaping (BackupProgress) -> Void = { _ in }
    ) throws -> VaultBackups.Verification {
        let listing = try listing()
        let (index, memory) = try judged(listing, acceptsRollback: acceptsRollback)
        let entries = try id.map { [try index.entry($0)] } ?? index.entries
        var result = VaultBackups.Verification()
        result.problems = (index.failures + memory).map(VaultBackups.Problem.init)
        let source = manifests(listing)
        var packs: [[UInt8]: PackRecord] = [:]
        for entry in entries {
            result.checked += 1
            do {
                for pack in try source.manifest(entry.name).clear.packs { packs[pack.id] = pack }
            } catch let error as BackupError {
                result.problems.append(VaultBackups.Problem(error, in: entry.id))
            }
        }
        var whole: [PackRecord] = []
        for pack in packs.values.sorted(by: { $0.name < $1.name }) {
            if let reason = listing.problem(pack, comparesETag: probe?.hasMD5 ?? false) {
                let error = BackupError.integrity("pack " + pack.name, reason)
                result.problems.append(VaultBackups.Problem(error, in: error.object ?? ""))
            } else {
                whole.append(pack)
            }
        }
        switch depth {
        case .listing: break
        case .subset(let part, let parts):
            let chosen = whole.filter { Self.part($0, of: max(1, parts)) == part % max(1, parts) }
            try read(chosen, &result, progress)
        case .data: try rehearse(entries, source, whole, &result, progress)
        }
        return result
    }

    /// Which part of all packs one belongs to: their names are random, so the parts are about equal.
    private static func part(_ pack: PackRecord, of parts: UInt64) -> UInt64 {
        pack.id.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) } % parts
    }

    private func read(
        _ packs: [PackRecord], _ result: inout VaultBackups.Verification,
        _ progress: (BackupProgress) -> Void
    ) throws {
        let total = packs.reduce(UInt64(0)) { $0 + $1.length }
        let bad = Mutex<[BackupError]>([])
        try PackTransfers.run(
            packs, progress: { progress(BackupProgress(phase: .packs, done: $0, total: total)) },
            { [remote] pack, moved in
                do {
                    try remote.read(pack) { try moved(UInt64($0.count)) }
                } catch let error as BackupError {
                    bad.withLock { $0.append(error) }
                }
            })
        result.bytes += total
        result.problems += bad.withLock(\.self).map { VaultBackups.Problem($0, in: $0.object ?? "") }
    }

    /// Fetches everything and does with it what `backup verify --data` does with the home's own store.
    private func rehearse(
        _ entries: [BackupIndex.Entry], _ source: RemoteManifests, _ packs: [PackRecord],
        _ result: inout VaultBackups.Verification, _ progress: @escaping (BackupProgress) -> Void
    ) throws {
        let directory = "\(home.runDirectory)/remote-check"
        try Files.removeTree(directory)
        let store = BackupStore(directory)
        try store.prepare()
        do {
            let bad = Mutex<[BackupError]>([])
            let total = packs.reduce(UInt64(0)) { $0 + $1.length }
            try PackTransfers.run(
                packs, progress: { progress(BackupProgress(phase: .packs, done: $0, total: total)) },
                { [remote] pack, moved in
                    do {
                        try store.addPack(pack) { write in
                            try remote.read(pack) { bytes in
                                try write(bytes)
                                try moved(UInt64(bytes.count))
                            }
                        }
                    } catch let error as BackupError {
                        bad.withLock { $0.append(error) }
                    }
                })
            result.problems += bad.withLock(\.self).map { VaultBackups.Problem($0, in: $0.object ?? "") }
            let copy = VaultBackups(
                home: home, keys: keys, surroundings: surroundings, store: store, at: remote.location)
            for entry in entries { try store.keep(entry.name, source.manifest(entry.name).bytes) }
            let checked = result.checked
            try copy.check(entries, data: true, &result, progress)
            result.checked = checked
        } catch {
            try Files.removeTree(directory)
            throw error
        }
        try Files.removeTree(directory)
    }
}
