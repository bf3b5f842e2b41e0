internal import EncryptedSQLite
internal import FileSystem
internal import KeyRing
internal import Vault

extension VaultBackups {
    /// What `backup verify` found.
    public struct Verification: Sendable {
        /// Backups looked at.
        public var checked = 0
        /// Bytes read, of packs.
        public var bytes: UInt64 = 0
        public var problems: [Problem] = []
    }

    /// Checks one backup, or all.
    ///
    /// Without `data`: signatures, chains, presence and length of packs. With it every byte: the packs'
    /// hashes and archives, the page map's root, each page's tag, and then the database itself, which is
    /// restored into a directory of its own, checked by SQLite (`PRAGMA integrity_check`) and compared with
    /// the blobs, each of which is decrypted.
    ///
    /// - Throws: `.notFound`, `.ambiguous` for the id; what is wrong with objects comes back as a list.
    public func verify(
        _ id: String? = nil, data: Bool = false, acceptsRollback: Bool = false,
        progress: (BackupProgress) -> Void = { _ in }
    ) throws -> Verification {
        let (index, memory) = try judged(acceptsRollback: acceptsRollback)
        let entries = try id.map { [try index.entry($0)] } ?? index.entries
        var result = Verification()
        result.problems = (index.failures + memory).map(Problem.init)
        for entry in entries {
            try check(entry, data: data, progress, &result)
        }
        return result
    }

    private func check(
        _ entry: BackupIndex.Entry, data: Bool, _ progress: (BackupProgress) -> Void,
        _ result: inout Verification
    ) throws {
        result.checked += 1
        do {
            let backup = try OpenBackup(entry, store: store, keys: backupKeys)
            let check = BackupCheck(store: store, packs: backup.packs)
            let found = try check.failures(backup.manifest, backup.body, data ? .data : .presence)
            result.problems += found.map { Problem($0, in: backup.id) }
            guard data else { return }
            result.bytes += backup.manifest.clear.packs.reduce(0) { $0 &+ $1.length }
            if found.isEmpty { try rehearse(backup, progress, &result.problems) }
        } catch let error as BackupError where error.code != .conflict {
            result.problems.append(Problem(error, in: entry.id))
        }
    }

    /// What `verify` with `data` finds wrong with one backup.
    func rehearsed(
        _ entry: BackupIndex.Entry, progress: (BackupProgress) -> Void
    ) throws -> Verification {
        var result = Verification()
        try check(entry, data: true, progress, &result)
        return result
    }

    /// Restores the database for a look at it, and each blob in turn.
    private func rehearse(
        _ backup: OpenBackup, _ progress: (BackupProgress) -> Void, _ problems: inout [Problem]
    ) throws {
        let stage = try RestoreStage(in: home)
        do {
            try stage.writeDatabase(backup, keys: keys) {
                progress(BackupProgress(phase: .database, done: $0, total: $1))
            }
            try stage.check(backup, keys: keys, surroundings: surroundings)
            problems += try stage.withVault(keys, surroundings) {
                try blobs(of: backup, stage, $0, progress)
            }
            problems += try backup.outside(keys).failures().map { Problem($0, in: backup.id) }
        } catch {
            try stage.remove()
            throw error
        }
        try stage.remove()
    }

    /// What the documents' rows name must be in the backup and open.
    private func blobs(
        of backup: OpenBackup, _ stage: RestoreStage, _ vault: Vault, _ progress: (BackupProgress) -> Void
    ) throws -> [Problem] {
        var records: [String: DocumentFile] = [:]
        try backup.documents.each { records[$0.path] = $0 }
        let named = try vault.read { try vault.storedBlobs($0) }
        var problems: [Problem] = []
        for (done, blob) in named.enumerated() {
            let path = "documents/\(blob.name.prefix(2))/\(blob.name)"
            do {
                guard let record = records.removeValue(forKey: path) else {
                    throw BackupError.integrity(path, "the database names it and the backup lacks it")
                }
                let file = try stage.write(record, of: backup)
                try vault.verify(blob)
                try Files.removeTree(file)
            } catch let error as BackupError {
                problems.append(Problem(error, in: path))
            } catch let error as VaultError {
                problems.append(Problem(BackupError.integrity(path, error.message), in: path))
            }
            progress(
                BackupProgress(phase: .documents, done: UInt64(done + 1), total: UInt64(named.count)))
        }
        for record in records.values.sorted(by: { $0.path < $1.path }) {
            // No row names it any more: nothing to decrypt it by, but it has to be what was backed up.
            do { try backup.packs.check(record) } catch let error as BackupError {
                problems.append(Problem(error, in: record.path))
            }
        }
        return problems
    }
}
