internal import Cryptography
internal import EncryptedSQLite
internal import FileSystem
internal import KeyRing
internal import Vault

/// The restore of one backup into a home that does not exist yet, with keys that are made on the way.
struct Recovering {
    let cache: RecoveryCache
    let keys: RecoveredKeys
    let finding: RecoveryFinding
    let decision: VaultRecovery.Decision
    let home: Home
    let mode: Mode
    let surroundings: Surroundings
    let isOutsideLeftOut: Bool
    let acceptsUnanchored: Bool
    let time: UInt64

    /// Stages the home whole, verifies it and puts it in its place.
    func restore(
        _ entry: BackupIndex.Entry, _ progress: (BackupProgress) -> Void
    ) throws -> VaultRecovery.Report {
        let stage = try RestoreStage(in: home)
        do {
            let made = try KeyRing.recover(
                in: stage.home.keysDirectory, from: keys, confirmsMembers: decision.confirmsMembers,
                name: decision.name, secret: decision.secret, time: time)
            let backup = try OpenBackup(
                entry, store: cache.store, keys: VaultBackupKeys(made),
                acceptsUnanchored: acceptsUnanchored)
            try fill(stage, backup, made, progress)
            let outside = try outside(stage, backup, made, progress)
            try stage.sync()
            let restored = try KeyRing.recordRestored(
                from: backup.origin(of: made.device), in: stage.home.keysDirectory, keys: made, time: time)
            let state = try settle(stage, backup, restored)
            try commit(stage)
            return VaultRecovery.Report(
                finding: finding, backup: backup.summary, keys: restored, droppedLeases: state.droppedLeases,
                outsideFiles: outside.files,
                failures: outside.failures.map { VaultBackups.Problem($0.error, in: $0.path.printable) })
        } catch {
            // From the marker on the swap is the next command's to finish.
            if try !RestoreSwap.isDecided(home: home.path) { try stage.remove() }
            throw error
        }
    }

    private func fill(
        _ stage: RestoreStage, _ backup: OpenBackup, _ made: UnlockedKeys,
        _ progress: (BackupProgress) -> Void
    ) throws {
        try stage.writeDatabase(backup, keys: made) {
            progress(BackupProgress(phase: .database, done: $0, total: $1))
        }
        try stage.writeBlobs(
            backup, progress: { progress(BackupProgress(phase: .documents, done: $0, total: $1)) })
        try stage.check(backup, keys: made, surroundings: surroundings, checksFiles: true)
    }

    private func outside(
        _ stage: RestoreStage, _ backup: OpenBackup, _ made: UnlockedKeys,
        _ progress: (BackupProgress) -> Void
    ) throws -> OutsideRestored {
        guard !isOutsideLeftOut else { return OutsideRestored() }
        return try VaultBackups.besides(stage, home: home, backup, made, progress)
    }

    /// Ends the claims of the state that is no more.
    private func settle(
        _ stage: RestoreStage, _ backup: OpenBackup, _ restored: UnlockedKeys
    ) throws -> RestoredState {
        let created = Timestamp(milliseconds: Int64(clamping: backup.manifest.head.created))
        return try stage.withVault(restored, surroundings) { vault in
            try vault.write { try $0.settleAfterRestore(backup: backup.id, createdAt: created) }
        }
    }

    private func commit(_ stage: RestoreStage) throws {
        guard try !home.exists() else {
            throw BackupError(.conflict, "another process has made a vault in \(home.path) meanwhile")
        }
        try home.makeLayout(mode: mode)
        try decision.configure(home)
        let before = try RestoreSwap.commit(home: home.path, staged: stage.name, time: time)
        try Files.removeTree(home.path + "/" + before)
    }
}
