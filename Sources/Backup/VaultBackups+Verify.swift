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
    /// hashes and archives, the page map's root, and then the database itself, which is restored into a
    /// directory of its own, each page by its tag, checked by SQLite (`PRAGMA integrity_check`) and compared
    /// with the blobs, each of which is decrypted. Of all backups of a device that is tried with the newest;
    /// what the others have that it lacks is read too.
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
        try check(entries, data: data, &result, progress)
        return result
    }

    /// Checks backups of the store together, so that what they share is read once.
    func check(
        _ entries: [BackupIndex.Entry], data: Bool, _ result: inout Verification,
        _ progress: (BackupProgress) -> Void
    ) throws {
        let check = BackupCheck(store: store, keys: backupKeys)
        var seen = SeenUnits()
        var tried: Set<[UInt8]> = []
        // The newest first: what older ones share with it is known then.
        for entry in entries.sorted(by: { $0.head.created > $1.head.created }) {
            result.checked += 1
            do {
                let backup = try open(entry)
                let found = try check.failures(
                    backup.manifest, backup.body, backup.packs, data ? .data : .presence
                ) { progress(BackupProgress(phase: .packs, done: $0, total: $1)) }
                result.problems += found.map { Problem($0, in: backup.id) }
                guard data, found.isEmpty else { continue }
                let isNewest = tried.insert(entry.head.deviceID).inserted
                result.problems +=
                    try isNewest ? rehearse(backup, &seen, progress) : read(backup, &seen, progress)
            } catch let error as BackupError where error.code != .conflict {
                result.problems.append(Problem(error, in: entry.id))
            }
        }
        result.bytes += check.bytes
    }

    /// Restores the database for a look at it, and each blob in turn.
    private func rehearse(
        _ backup: OpenBackup, _ seen: inout SeenUnits, _ progress: (BackupProgress) -> Void
    ) throws -> [Problem] {
        let stage = try RestoreStage(in: home)
        do {
            try stage.writeDatabase(backup, keys: keys) {
                progress(BackupProgress(phase: .database, done: $0, total: $1))
            }
            try stage.check(backup, keys: keys, surroundings: surroundings, checksFiles: false)
            seen.database = (backup.body.database.databaseID, try backup.pageMap())
            var problems = try stage.withVault(keys, surroundings) {
                try blobs(of: backup, stage, $0, &seen, progress)
            }
            problems += try files(of: backup, &seen, progress)
            try stage.remove()
            return problems
        } catch {
            try stage.remove()
            throw error
        }
    }

    /// Reads what a backup has that those before it in this check had not.
    private func read(
        _ backup: OpenBackup, _ seen: inout SeenUnits, _ progress: (BackupProgress) -> Void
    ) throws -> [Problem] {
        let map = try backup.pageMap()
        try backup.checkFiles()
        let sealer = PageSealer(keys: keys, databaseID: backup.body.database.databaseID)
        try backup.pages(of: seen.missing(from: map, of: backup.body.database.databaseID)) { page in
            // Who shipped ciphertext could not know whether it opens.
            guard backup.isRelayed else { return }
            do { _ = try sealer.open(page.sealed, number: page.number) } catch {
                throw BackupError.integrity("page \(page.number)", "\(error)")
            }
        }
        seen.database = (backup.body.database.databaseID, map)
        var problems: [Problem] = []
        try backup.documents.each { file in
            guard seen.isNew(file) else { return }
            do { try backup.packs.check(file) } catch let error as BackupError {
                problems.append(Problem(error, in: file.path))
            }
        }
        return try problems + files(of: backup, &seen, progress)
    }

    private func files(
        of backup: OpenBackup, _ seen: inout SeenUnits, _ progress: (BackupProgress) -> Void
    ) throws -> [Problem] {
        let total = backup.body.statistics.outside.bytes
        return try backup.outside(keys).failures(&seen) {
            progress(BackupProgress(phase: .files, done: $0, total: total))
        }
        .map { Problem($0, in: backup.id) }
    }

    /// What the documents' rows name must be in the backup and open.
    private func blobs(
        of backup: OpenBackup, _ stage: RestoreStage, _ vault: Vault, _ seen: inout SeenUnits,
        _ progress: (BackupProgress) -> Void
    ) throws -> [Problem] {
        var records: [String: DocumentFile] = [:]
        try backup.documents.each {
            records[$0.path] = $0
            _ = seen.isNew($0)
        }
        let named = try vault.read { try vault.storedBlobs($0) }
        var problems: [Problem] = []
        for (done, blob) in named.enumerated() {
            let path = "documents/\(blob.name.prefix(2))/\(blob.name)"
            do {
                guard let record = records.removeValue(forKey: path) else {
                    throw BackupError.integrity(path, "the database names it and the backup lacks it")
                }
                try vault.verify(blob, at: stage.writeScratch(record, of: backup))
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
