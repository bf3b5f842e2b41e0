internal import EncryptedSQLite
internal import FileSystem
internal import KeyRing
public import Vault

extension VaultBackups {
    /// Makes a backup of the open vault while others go on writing.
    ///
    /// - Parameters:
    ///   - acceptsRollback: go on although backups that this home made or saw are gone from the store.
    ///   - time: milliseconds since 1970.
    /// - Throws: `.rollback`, `.conflict` while another backup is being made.
    public func create(
        _ vault: Vault, tags: [String] = [], acceptsRollback: Bool = false, time: UInt64,
        progress: @escaping (BackupProgress) -> Void = { _ in }
    ) throws -> Summary {
        let (_, memory) = try judged(acceptsRollback: acceptsRollback)
        if let gone = memory.first { throw Self.rollback(gone) }
        let run = BackupRun(store: store, keys: backupKeys, root: PlainPage.root, progress: progress)
        var input = BackupRun<VaultBackupKeys>.Input()
        input.tags = tags
        // Read before the snapshot is taken: what it names is in the snapshot for certain.
        input.changeSequence = UInt64(try vault.read { try $0.lastChangeSequence() })
        let manifest = try vault.database.withSnapshot { image in
            // Blobs are only ever removed by who holds the snapshot lock: what the image names is here. The
            // catalogue is read after the image was fixed, so that it lacks nothing of it.
            let versions = try versions(vault)
            input.files = try files("documents") + files("vectors")
            input.catalogue = catalogue(versions, input.files)
            return try run.make(ImageSource(image), input, running: keys.roster, time: time)
        }
        let (index, _) = try judged()
        try Restore.dropOldStates(home: home.path)
        return try open(BackupIndex.idText(manifest.clear.id), in: index).summary
    }

    static func rollback(_ gone: BackupIndex.Failure) -> BackupError {
        BackupError(
            .rollback, gone.reason, object: gone.object,
            hint: "if you removed it on purpose, say so with --accept-rollback")
    }

    private func versions(_ vault: Vault) throws -> [StoredVersion] {
        var versions: [StoredVersion] = []
        try vault.read { tx in
            try vault.eachStoredVersion(tx) { if !$0.isInTrash { versions.append($0) } }
        }
        return versions
    }

    private func catalogue(
        _ versions: [StoredVersion], _ files: [BackupRun<VaultBackupKeys>.HomeFile]
    ) -> [CatalogueEntry] {
        var rows: [String: UInt32] = [:]
        for (row, file) in files.enumerated() { rows[file.location] = UInt32(row) }
        return versions.compactMap { version in
            // A blob that is lost already does not keep the rest from being backed up; `doctor` names it.
            guard let row = rows[version.content.path] else { return nil }
            let content = version.content.reference
            return CatalogueEntry(
                name: version.name, documentID: version.documentID, version: UInt32(version.number),
                blob: row, plainHash: content.sha256, plainLength: UInt64(content.size),
                epoch: content.epoch)
        }
    }

    private func files(_ part: String) throws -> [BackupRun<VaultBackupKeys>.HomeFile] {
        let directory = "\(home.path)/data/\(part)"
        guard try Files.exists(directory) else { return [] }
        var found: [BackupRun<VaultBackupKeys>.HomeFile] = []
        for folder in try Files.list(directory).sorted() where folder.utf8.count == 2 {
            for name in try Files.list("\(directory)/\(folder)").sorted() where !name.contains(".") {
                found.append(
                    .init(path: "\(part)/\(folder)/\(name)", location: "\(directory)/\(folder)/\(name)"))
            }
        }
        return found
    }
}
