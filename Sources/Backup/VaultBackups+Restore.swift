internal import Cryptography
internal import EncryptedSQLite
internal import FileSystem
internal import KeyRing
public import Vault

extension VaultBackups {
    /// What a restore is asked for beyond the backup.
    public struct RestoreOptions: Sendable {
        /// The directory that becomes the home; nil: the home that the backups belong to.
        public var target: Home?
        /// Where files from outside the vault go.
        public var outside = Outside.beside
        /// Go on although backups that this home made or saw are gone from the store.
        public var acceptsRollback = false

        public init() {}
    }

    /// Where files from outside the vault go.
    public enum Outside: Sendable {
        /// To `files/<absolute path>` in the restored home.
        case beside
        /// Back to where they were.
        case inPlace
        /// Nowhere.
        case leftOut
    }

    /// What a restore did.
    public struct RestoreReport: Sendable {
        public let backup: Summary
        public let home: Home
        /// The new incarnation of the device.
        public let incarnation: UInt32
        /// Tasks whose claims were ended.
        public let droppedLeases: [String]
        /// Pages and files that were written, and their bytes.
        public let checked: UInt64
        public let bytes: UInt64
        /// Where the old state stays until the next backup; nil when there was none.
        public let oldState: String?
        /// Files from outside the vault that came back.
        public let outsideFiles: UInt64
        /// What of this backup did not come back: files from outside, one by one.
        public let failures: [Problem]
        /// What is wrong with other backups; it kept nothing from being restored.
        public let problems: [Problem]
    }

    /// Makes `target` (or the home itself) what it was at a backup.
    ///
    /// Staged beside the home's files and verified whole (each page's tag, the root, hashes of blobs,
    /// SQLite's own check) while others may still use the home; then the home is taken alone and the staged
    /// state is swapped in. Until the swap's marker is on disk nothing of the home has changed; from then on
    /// every command goes on with the swap. The keys stay those of the running home, under the roster that
    /// it has now, so that nothing revoked comes back; the device begins a new incarnation, and claims end.
    ///
    /// - Parameter time: milliseconds since 1970.
    /// - Throws: `.notFound`, `.ambiguous`, `.integrity`, `.rollback`; `.conflict` when the target belongs to
    ///   another vault; `KeyError` with code `busy` while the target is in use.
    public func restore(
        _ id: String, _ options: RestoreOptions = RestoreOptions(), time: UInt64,
        progress: (BackupProgress) -> Void = { _ in }
    ) throws -> RestoreReport {
        let (index, memory) = try judged(acceptsRollback: options.acceptsRollback)
        if let gone = memory.first { throw Self.rollback(gone) }
        let backup = try open(id, in: index)
        let target = try RestoreTarget(options.target ?? home, of: self)
        do {
            let stage = try RestoreStage(in: target.home)
            var outside = OutsideRestored()
            do {
                let blobs = try fill(stage, target, backup, progress)
                if options.outside == .beside {
                    outside = try Self.besides(stage, home: target.home, backup, keys, progress)
                }
                try stage.sync()
                let (restored, state, old) = try swap(stage, target, backup, index, time)
                if options.outside == .inPlace { outside = try inPlace(backup, progress) }
                return RestoreReport(
                    backup: backup.summary, home: target.home, incarnation: restored.incarnation,
                    droppedLeases: state.droppedLeases,
                    checked: UInt64(backup.body.database.pageCount) + blobs.files + outside.files,
                    bytes: UInt64(backup.body.database.pageCount) * 4096 + blobs.bytes + outside.bytes,
                    oldState: old, outsideFiles: outside.files,
                    failures: outside.failures.map { Problem($0.error, in: $0.path.printable) },
                    problems: index.failures.map(Problem.init))
            } catch {
                // From the marker on the swap is the next command's to finish.
                if try !RestoreSwap.isDecided(home: target.home.path) { try stage.remove() }
                throw error
            }
        } catch {
            try target.undo()
            throw error
        }
    }

    /// Stages files from outside the vault below `files/`, where `home` must have nothing yet.
    static func besides(
        _ stage: RestoreStage, home: Home, _ backup: OpenBackup, _ keys: UnlockedKeys,
        _ progress: (BackupProgress) -> Void
    ) throws -> OutsideRestored {
        guard !backup.body.files.isEmpty else { return OutsideRestored() }
        let place = home.path + "/files"
        guard try !Files.exists(place) else {
            throw BackupError(
                .conflict, "\(place) is there already, and files from outside the vault would go there",
                hint: "move it away, or leave them out with --home-only")
        }
        let total = backup.outsideBytes
        return try OutsideRestore.run(
            backup.outside(keys), to: .directory(stage.home.path),
            progress: { progress(BackupProgress(phase: .files, done: $0, total: total)) })
    }

    private func inPlace(
        _ backup: OpenBackup, _ progress: (BackupProgress) -> Void
    ) throws -> OutsideRestored {
        let total = backup.outsideBytes
        return try OutsideRestore.run(
            backup.outside(keys), to: .inPlace, home: home.path,
            progress: { progress(BackupProgress(phase: .files, done: $0, total: total)) })
    }

    private func fill(
        _ stage: RestoreStage, _ target: RestoreTarget, _ backup: OpenBackup,
        _ progress: (BackupProgress) -> Void
    ) throws -> (files: UInt64, bytes: UInt64) {
        var known: [DatabaseHistory] = []
        for path in Set([home.databasePath, target.home.databasePath]) {
            if let history = try EncryptedDatabase.history(at: path, keys: keys) { known.append(history) }
        }
        try stage.writeDatabase(backup, keys: keys, after: known) {
            progress(BackupProgress(phase: .database, done: $0, total: $1))
        }
        let blobs = try stage.writeBlobs(
            backup, progress: { progress(BackupProgress(phase: .documents, done: $0, total: $1)) })
        try stage.check(backup, keys: keys, surroundings: surroundings, checksFiles: true)
        return blobs
    }

    private func swap(
        _ stage: RestoreStage, _ target: RestoreTarget, _ backup: OpenBackup, _ index: BackupIndex,
        _ time: UInt64
    ) throws -> (UnlockedKeys, RestoredState, String?) {
        let alone = try HomeLock.exclusive(in: target.home.keysDirectory)
        try requireSameRing()
        let staged = stage.home.keysDirectory
        let copy = try KeyRing.copy(keys, to: staged, pins: [pin(index)], time: time)
        let restored = try KeyRing.recordRestored(
            from: backup.origin(of: copy.device), in: staged, keys: copy, time: time)
        if target.isOwnHome { try carryMemory(to: staged) }
        let created = Timestamp(milliseconds: Int64(clamping: backup.manifest.head.created))
        let state = try stage.withVault(restored, surroundings) { vault in
            try vault.write { try $0.settleAfterRestore(backup: backup.id, createdAt: created) }
        }
        let before = try RestoreSwap.commit(home: target.home.path, staged: stage.name, time: time)
        alone.release()
        let old = target.home.path + "/" + before
        guard target.hadVault else {
            try Files.removeTree(old)
            return (restored, state, nil)
        }
        return (restored, state, old)
    }

    /// The ring on disk must still be the one that was opened when the restore began.
    private func requireSameRing() throws {
        guard try KeyRing.summary(in: home.keysDirectory).generation == keys.ringGeneration else {
            throw BackupError(
                .conflict, "the keys of this home were changed meanwhile", hint: "run the command again")
        }
    }

    /// What the ended incarnation wrote last. A later manifest of it is void.
    private func pin(_ index: BackupIndex) -> Pin {
        let tag = BackupStore.writerTag(vaultID: keys.vaultID.bytes, deviceID: keys.device.bytes)
        let last = index.heads.filter { $0.key.writer == tag && $0.key.incarnation == keys.incarnation }
            .max { $0.key < $1.key }?.value
        return Pin(
            incarnation: keys.incarnation, kind: .manifests, stream: 0, sequence: last?.sequence ?? 0,
            hash: last?.hash ?? Array(repeating: 0, count: 32))
    }

    private func carryMemory(to staged: String) throws {
        let path = home.keysDirectory + "/" + RollbackMemory.fileName
        guard try Files.exists(path) else { return }
        try Durable.replace(
            staged + "/" + RollbackMemory.fileName,
            with: Files.readAll(path, limit: RollbackMemory.sizeLimit))
    }
}

extension OpenBackup {
    /// Bytes of files from outside the vault.
    fileprivate var outsideBytes: UInt64 { body.statistics.outside.bytes }

    func origin(of device: DeviceID) -> BackupOrigin {
        BackupOrigin(
            device: DeviceID(manifest.head.deviceID) ?? device, incarnation: manifest.head.incarnation,
            sequence: manifest.head.sequence, manifestHash: manifest.head.hash)
    }
}
