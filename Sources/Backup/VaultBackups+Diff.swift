internal import KeyRing
public import Vault

extension VaultBackups {
    /// What happened between two backups, or between one and the vault as it is now.
    ///
    /// Both states are rebuilt beside the home's files, encrypted as they are, and compared record by record;
    /// of files from outside the lists are compared, between two backups only.
    ///
    /// - Parameters:
    ///   - to: the later backup; nil: `vault`.
    ///   - vault: the open vault; asked for only without `to`.
    /// - Throws: `.notFound`, `.ambiguous`, `.integrity`; `.conflict` while another process restores here.
    public func diff(
        _ from: String, _ to: String?, vault: () throws -> Vault,
        progress: (BackupProgress) -> Void = { _ in }
    ) throws -> (diff: BackupDiff, from: Summary, to: Summary?) {
        let index = try judged().index
        let first = try open(from, in: index)
        let second = try to.map { try open($0, in: index) }
        let stage = try RestoreStage(in: home)
        do {
            try stage.writeDatabase(first, keys: keys) {
                progress(BackupProgress(phase: .database, done: $0, total: $1))
            }
            var diff = try stage.withVault(keys, surroundings) { old in
                guard let second else { return try BackupDiff(from: old, to: vault()) }
                let inner = try RestoreStage(inside: stage, "other")
                try inner.writeDatabase(second, keys: keys) {
                    progress(BackupProgress(phase: .database, done: $0, total: $1))
                }
                return try inner.withVault(keys, surroundings) { try BackupDiff(from: old, to: $0) }
            }
            try stage.remove()
            diff.outside = try second.map { try OutsideDiff(from: first, to: $0) }
            return (diff, first.summary, second?.summary)
        } catch {
            try stage.remove()
            throw error
        }
    }
}
