internal import FileSystem
internal import KeyRing
internal import Vault

extension VaultBackups {
    /// What a prune is asked for.
    public struct PruneOptions: Sendable {
        public var policy: RetentionPolicy
        /// Go on although most of the backups would go.
        public var allowsMassDeletion = false
        /// Give up what is missing: manifests that are gone, and what this home saw before.
        public var acceptsRollback = false
        /// Milliseconds that the local time is ahead of UTC at a moment.
        public var offset: @Sendable (UInt64) -> Int64 = { _ in 0 }

        public init(_ policy: RetentionPolicy) { self.policy = policy }
    }

    /// What a prune did.
    public struct PruneReport: Sendable {
        public let removed: [String]
        /// Files and bytes that are free now: manifests, packs, and what killed runs had left.
        public let files: Int
        public let bytes: UInt64
        /// Objects that nobody who keeps to the format puts into the store; they stay.
        public let problems: [Problem]
    }

    /// What pruning the home's own store would do; changes nothing.
    ///
    /// - Parameter time: milliseconds since 1970.
    /// - Throws: `.guardRefused` for a policy without rules; `.integrity` or `.rollback` while a chain has a
    ///   missing or unverifiable manifest.
    public func planPrune(_ options: PruneOptions, time: UInt64) throws -> PrunePlan {
        let (index, memory) = try judged(acceptsRollback: options.acceptsRollback)
        return try plan(options, index, memory, time, of: store)
    }

    func plan(
        _ options: PruneOptions, _ index: BackupIndex, _ memory: [BackupIndex.Failure], _ time: UInt64,
        of source: some ManifestSource & PackSource
    ) throws -> PrunePlan {
        guard !options.policy.isEmpty else {
            throw BackupError(
                .guardRefused, "no rule says what to keep", hint: "give at least one --keep-… option")
        }
        if let gone = memory.first { throw Self.rollback(gone) }
        try PruneSigning<VaultBackupKeys>.requireSound(index, givesUp: options.acceptsRollback)
        return try PrunePlan(
            index, of: source, options.policy, now: time, offset: options.offset,
            tags: {
                try OpenBackup(
                    $0, store: source, keys: backupKeys, acceptsUnanchored: acceptsUnanchored
                ).body.tags
            })
    }

    /// - Throws: `.guardRefused` for a mass deletion that was not allowed.
    func requireAllowed(_ plan: PrunePlan, _ options: PruneOptions) throws(BackupError) {
        guard options.allowsMassDeletion || !plan.isMassDeletion else {
            throw BackupError(
                .guardRefused,
                "this would remove \(plan.removed.count) of \(plan.rows.count) backups: most of them",
                hint: "look at --dry-run; if it is what you want, add --allow-mass-deletion")
        }
    }

    /// Removes from the home's own store what `plan` says.
    ///
    /// The signed record is on disk before the first manifest goes, and the manifests go before the packs.
    /// So whatever ends this run, what is left of it is removed by the next prune or backup, and nothing
    /// that a kept backup needs is touched. The store belongs to this home: everything that writes there
    /// (backups, pulls, prunes) holds its lock, so that no pack waits there for a manifest to come.
    ///
    /// - Throws: `.conflict` while a backup is being made, or when the plan is no longer what would be done;
    ///   `.guardRefused` for a mass deletion that was not allowed; else as `planPrune`.
    public func prune(_ plan: PrunePlan, _ options: PruneOptions, time: UInt64) throws -> PruneReport {
        try requireOwnLife()
        try requireAllowed(plan, options)
        try store.prepare()
        guard let lock = try FileLock.attempt(store.directory + "/.lock", .exclusive) else {
            throw BackupError(.conflict, "a backup is being made", hint: "wait until it is done")
        }
        let (index, memory) = try judged(acceptsRollback: options.acceptsRollback)
        let now = try self.plan(options, index, memory, time, of: store)
        let going = Set(plan.removed.map(\.name))
        guard Set(now.removed.map(\.name)).isSuperset(of: going) else {
            throw BackupError(
                .conflict, "the backups have changed meanwhile", hint: "run the command again")
        }
        let tag = BackupStore.writerTag(vaultID: keys.vaultID.bytes, deviceID: keys.device.bytes)
        let record = try PruneSigning(backupKeys, index).record(
            removing: index.entries.filter { going.contains($0.name) }.map(\.head),
            policy: plan.policy.description,
            previous: index.newestHead(of: tag, incarnation: keys.incarnation), time: time)
        if let record { try store.add(record) }
        // From here on what was removed is removed: the rest only makes room.
        let (after, _) = try judged()
        let swept = try store.sweep(after)
        lock.release()
        return PruneReport(
            removed: plan.removed.map(\.id), files: swept.files, bytes: swept.bytes,
            problems: after.failures.map(Problem.init))
    }
}
