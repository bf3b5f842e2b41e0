internal import FileSystem
internal import KeyRing
internal import ObjectStorage
internal import Vault

extension CloudBackups {
    /// What a prune of the remote did, and what is left to a later one.
    public struct PruneReport: Sendable {
        public let removed: [String]
        /// Manifests and packs that are gone now, and the packs' bytes.
        public let manifests: Int
        public let packs: Int
        public let bytes: UInt64
        /// Packs that are marked and go a day later, with their bytes.
        public let waiting: Int
        public let waitingBytes: UInt64
        /// Objects that a lock of the bucket keeps for now.
        public let locked: Int
        /// Packs that wait for a running upload.
        public let postponed: Int
        public let problems: [VaultBackups.Problem]
    }

    /// What pruning the remote would do; changes nothing.
    ///
    /// - Parameter time: milliseconds since 1970.
    /// - Throws: as `VaultBackups.planPrune`; `StorageError`.
    public func planPrune(_ options: VaultBackups.PruneOptions, time: UInt64) throws -> PrunePlan {
        let listing = try listing()
        let (index, missed) = try judged(listing, acceptsRollback: options.acceptsRollback)
        var plan = try local.plan(options, index, missed, time, of: manifests(listing))
        plan.listing = listing
        return plan
    }

    /// Removes from the remote what `plan` says, in two phases: the record is shipped first, after everything
    /// that the remote lacks of the home's chain; then the manifests go; packs that nothing names any more
    /// are marked, and go with a run at least 23 hours later.
    ///
    /// - Throws: as `VaultBackups.prune`; `StorageError`.
    public func prune(
        _ plan: PrunePlan, _ options: VaultBackups.PruneOptions, time: UInt64,
        progress: @escaping (BackupProgress) -> Void = { _ in }
    ) throws -> PruneReport {
        try local.requireOwnLife()
        try local.requireAllowed(plan, options)
        let going = Set(plan.removed.map(\.name))
        // What the plan was made from serves until the record is there: whatever came since stays. What goes
        // is decided by a listing that is younger than the record.
        var listing = try plan.listing.flatMap { isFresh($0) ? $0 : nil } ?? self.listing()
        let (before, missed) = try judged(listing, acceptsRollback: options.acceptsRollback)
        if let gone = missed.first { throw VaultBackups.rollback(gone) }
        try PruneSigning<VaultBackupKeys>.requireSound(before, givesUp: options.acceptsRollback)
        let removed = before.entries.filter { going.contains($0.name) }
        try record(removed.map(\.head), before, policy: plan.policy.description, time: time)
        if !removed.isEmpty || !before.gaps.isEmpty {
            guard let probe else { throw Self.neverProbed }
            _ = try ship(nil, to: before, listing, probe, progress)
            listing = try self.listing()
        }
        let (after, _) = try judged(listing, acceptsRollback: false)
        let report = try removeUnnamed(after, listing, time: time)
        return PruneReport(
            removed: plan.removed.map(\.id), manifests: report.manifests, packs: report.packs,
            bytes: report.bytes, waiting: report.waiting + report.marked, waitingBytes: report.waitingBytes,
            locked: report.locked, postponed: report.postponed,
            problems: after.failures.map(VaultBackups.Problem.init))
    }

    private func removeUnnamed(
        _ index: BackupIndex, _ listing: RemoteListing, time: UInt64
    ) throws -> SharedPrune<RemotePruneTarget, VaultBackupKeys>.Report {
        let path = home.keysDirectory + "/" + MarkMemory.fileName
        guard let lock = try FileLock.acquire(path + ".lock", .exclusive, timeout: .seconds(10)) else {
            throw BackupError(.conflict, "another process prunes the remote", hint: "wait until it is done")
        }
        let key = try keys.homeKey(MarkMemory.purpose)
        var memory = try MarkMemory(path, at: remote.location, key: key)
        let target = try RemotePruneTarget(remote, manifests(listing), packs: listing, ours: time)
        let prune = SharedPrune(target, keys: VaultBackupKeys(keys), roster: index.roster ?? keys.roster)
        let (report, marked) = try prune.run(index, &memory, now: time)
        try memory.keep(marked, key: key)
        lock.release()
        return report
    }

    /// Puts a record about the remote into the home's own chain; `ship` brings it there.
    private func record(
        _ removed: [ManifestHead], _ index: BackupIndex, policy: String, time: UInt64
    ) throws {
        try local.store.prepare()
        guard let lock = try FileLock.attempt(local.store.directory + "/.lock", .exclusive) else {
            throw BackupError(.conflict, "a backup is being made", hint: "wait until it is done")
        }
        let record = try PruneSigning(VaultBackupKeys(keys), index).record(
            removing: removed, policy: policy, previous: ownHead(local.judged().index), time: time)
        if let record { try local.store.add(record) }
        lock.release()
    }

    private func ownHead(_ own: BackupIndex) throws -> ManifestHead? {
        let tag = BackupStore.writerTag(vaultID: keys.vaultID.bytes, deviceID: keys.device.bytes)
        return try own.newestHead(of: tag, incarnation: keys.incarnation)
    }

    private var now: UInt64 { UInt64(clamping: surroundings.now().milliseconds) }

    /// Tells the remote of links that it will never get: what this home pruned before it was shipped. Only
    /// what comes after everything the remote has of a chain counts as never shipped.
    ///
    /// - Returns: whether there is a new record to ship.
    func coverUnshipped(_ own: BackupIndex, _ there: BackupIndex) throws -> Bool {
        let newest = Dictionary(
            there.heads.keys.map { (Self.chain($0), $0.sequence) }, uniquingKeysWith: max)
        let unshipped = own.removed.filter { name, head in
            head.deviceID == keys.device.bytes && name.sequence > newest[Self.chain(name)] ?? 0
        }
        guard !unshipped.isEmpty else { return false }
        try record(
            unshipped.map(\.value), there, policy: "pruned before it was shipped", time: now)
        return true
    }

    private static func chain(_ name: BackupStore.Name) -> String { "\(name.writer)/\(name.incarnation)" }

    /// Says of a manifest that was pruned here that it is here again. The caller holds the store's lock.
    func bringBack(_ name: BackupStore.Name, _ own: BackupIndex) throws {
        let record = try PruneSigning(VaultBackupKeys(keys), own).record(
            returning: [name], previous: ownHead(own), time: now)
        if let record { try local.store.add(record) }
    }

    /// Says of what the remote pruned that it is not missing here either, so that the chains that were
    /// fetched have no gaps. The caller holds the store's lock.
    func coverPruned(there: BackupIndex) throws {
        let own = try local.judged().index
        let newest = Dictionary(
            own.heads.keys.map { (Self.chain($0), $0.sequence) }, uniquingKeysWith: max)
        let gone = there.removed.filter { name, _ in
            own.heads[name] == nil && name.sequence < newest[Self.chain(name)] ?? 0
        }
        guard !gone.isEmpty else { return }
        let record = try PruneSigning(VaultBackupKeys(keys), own).record(
            removing: gone.map(\.value), policy: "pruned at the remote", previous: ownHead(own), time: now)
        if let record { try local.store.add(record) }
    }
}
