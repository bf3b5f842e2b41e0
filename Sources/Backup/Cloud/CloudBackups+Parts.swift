extension CloudBackups {
    /// Writes documents and files from outside the vault of one backup in plain text, straight from the
    /// remote: its manifest, its lists and what of its packs holds them is fetched, and nothing else.
    ///
    /// - Parameter only: as `VaultBackups.export`, of documents and files: the records and the database need
    ///   the whole backup.
    /// - Throws: as `VaultBackups.export`; `.rollback`; `StorageError`.
    public func export(
        _ id: String, to destination: VaultBackups.ExportDestination, only: [[UInt8]],
        acceptsRollback: Bool = false, progress: (UInt64, UInt64) -> Void = { _, _ in }
    ) throws -> VaultBackups.ExportReport {
        let wishes = ExportWishes(only)
        guard !wishes.needRecords else {
            throw BackupError(
                .failed, "only documents and files from outside come straight from a remote",
                hint: "for records and the database: `ai-team backup cloud pull ID`, then"
                    + " `ai-team backup restore ID --only …`")
        }
        let listing = try listing()
        let (index, memory) = try judged(listing, acceptsRollback: acceptsRollback)
        if let gone = memory.first { throw VaultBackups.rollback(gone) }
        let backup = try OpenBackup(
            index.entry(id), store: manifests(listing), keys: VaultBackupKeys(keys), isFar: true)
        guard !backup.isRelayed || wishes.areOutside else {
            throw BackupError(
                .failed, "the machine that made this backup could not name its documents",
                hint: "`ai-team backup cloud pull ID`, then `ai-team backup restore ID --only …`")
        }
        return try local.writeParts(of: backup, wishes, to: destination, progress)
    }
}
