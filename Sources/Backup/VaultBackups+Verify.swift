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

    /// Restores the database for a look at it, and opens every blob without a file.
    ///
    /// SQLite looks at its tables and indexes on one core while the others look at blobs and files.
    private func rehearse(
        _ backup: OpenBackup, _ seen: inout SeenUnits, _ progress: (BackupProgress) -> Void
    ) throws -> [Problem] {
        try backup.checkFiles()
        let stage = try RestoreStage(in: home)
        do {
            let map = try stage.writeDatabase(backup, keys: keys, isKept: false) {
                progress(BackupProgress(phase: .database, done: $0, total: $1))
            }
            seen.database = (backup.body.database.databaseID, map)
            let problems = try stage.withVault(keys, surroundings) { vault in
                let (id, last) = (backup.id, backup.body.database.changeSequence)
                var problems: [Problem] = []
                _ = try Workers<Void>.run { workers in
                    try workers.submit { try RestoreStage.check(vault, id, changeSequence: last) }
                    problems += try blobs(of: backup, vault, &seen, progress)
                    problems += try files(of: backup, &seen, progress)
                }
                return problems
            }
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
        of backup: OpenBackup, _ vault: Vault, _ seen: inout SeenUnits,
        _ progress: (BackupProgress) -> Void
    ) throws -> [Problem] {
        var named: [String: StoredBlob] = [:]
        for blob in try vault.read({ try vault.storedBlobs($0) }) {
            named["documents/\(blob.name.prefix(2))/\(blob.name)"] = blob
        }
        let total = UInt64(named.count)
        var done: UInt64 = 0
        let read = SharedFetch(backup.packs.read)
        let check = BlobCheck(vault: vault, read: read)
        var problems = try Workers<[Problem]>.run { workers in
            var batch = BlobCheck.Batch()
            try backup.documents.each { file in
                _ = seen.isNew(file)
                let blob = named.removeValue(forKey: file.path)
                if blob != nil { done += 1 }
                batch.add(file, blob, of: backup.packs, read)
                guard batch.isFull else { return }
                let full = batch
                batch = BlobCheck.Batch()
                try workers.submit { try check.problems(in: full) }
                progress(BackupProgress(phase: .documents, done: done, total: total))
            }
            let last = batch
            try workers.submit { try check.problems(in: last) }
        }.flatMap { $0 }
        for path in named.keys.sorted() {
            let missing = BackupError.integrity(path, "the database names it and the backup lacks it")
            problems.append(Problem(missing, in: path))
        }
        progress(BackupProgress(phase: .documents, done: total, total: total))
        return problems
    }
}
