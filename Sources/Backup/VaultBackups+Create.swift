internal import EncryptedSQLite
internal import FileSystem
internal import KeyRing
public import Vault

extension VaultBackups {
    /// What a backup is asked for beyond the vault itself.
    public struct CreateOptions: Sendable {
        public var tags: [String] = []
        /// Files and directories outside the vault, as bytes; relative ones against the working directory.
        public var paths: [[UInt8]] = []
        /// Whether one of `paths` that is not there is noted instead of being an error.
        public var skipsMissing = false
        /// Patterns as bytes (`**`, `*`, `?`, `[…]`). When there are any, only files outside that meet one.
        public var include: [[UInt8]] = []
        /// Files and directories outside that are left out.
        public var exclude: [[UInt8]] = []
        /// Go on although backups that this home made or saw are gone from the store.
        public var acceptsRollback = false
        /// Store everything anew, under the newest epoch, and lean on no backup before.
        public var isFull = false

        public init() {}
    }

    /// Makes a backup of the open vault while others go on writing.
    ///
    /// - Parameter time: milliseconds since 1970.
    /// - Returns: the backup, and what of the files outside was left out or changed meanwhile.
    /// - Throws: `.rollback`; `.notFound` for a path; `.conflict` while another backup is being made.
    public func create(
        _ vault: Vault, _ options: CreateOptions = CreateOptions(), time: UInt64,
        progress: @escaping (BackupProgress) -> Void = { _ in }
    ) throws -> (backup: Summary, notes: [OutsideNote]) {
        try requireOwnLife()
        let run = BackupRun(store: store, keys: backupKeys, root: PlainPage.root, progress: progress)
        var input = BackupRun<VaultBackupKeys>.Input()
        input.tags = options.tags
        input.isFull = options.isFull
        if !options.paths.isEmpty {
            let selection = options.selection(home: home.path)
            let key = try OutsideKey(keys, device: keys.device.bytes, epoch: keys.currentEpoch)
            input.outside = (selection, key)
        }
        let made = try run.make(input, running: keys.roster, time: time) { index in
            try requireNewestRoster(index)
            let memory = try remembered(index, acceptsRollback: options.acceptsRollback)
            if let gone = memory.first { throw Self.rollback(gone) }
        } lend: { use in
            // Read before the snapshot is taken: what it names is in the snapshot for certain.
            let last = try vault.read { try $0.lastChangeSequence() }
            try vault.database.withSnapshot { image in
                try use(ImageSource(image), content(of: vault, since: UInt64(last)))
            }
        }
        _ = try remembered(made.index, acceptsRollback: false)
        try Restore.dropOldStates(home: home.path)
        let entry = try made.index.entry(BackupIndex.idText(made.manifest.clear.id))
        return (Summary(entry, made.manifest, made.body), made.notes)
    }

    /// Two copies of a device that go on with one chain of manifests would break it.
    ///
    /// - Throws: `.conflict` when another copy of this device has taken over.
    func requireOwnLife() throws(BackupError) {
        guard keys.isReplaced else { return }
        throw BackupError(
            .conflict, "another copy of this device has taken over, and this one makes no backups",
            hint: "`ai-team device take-over` lets this one go on, and the other one stops")
    }

    /// Blobs are only ever removed by who excludes snapshots: what the image names is here. The catalogue is
    /// read after the image was fixed, so that it lacks nothing of it.
    private func content(
        of vault: Vault, since sequence: UInt64
    ) throws -> BackupRun<VaultBackupKeys>.Content {
        var content = BackupRun<VaultBackupKeys>.Content()
        content.changeSequence = sequence
        let versions = Dictionary(grouping: try vault.storedVersions(), by: \.content.path)
        content.files = try sources().map { source in
            var source = source
            source.versions = (versions[source.location] ?? []).map { version in
                let reference = version.content.reference
                return DocumentVersion(
                    name: version.name, documentID: version.documentID, number: UInt32(version.number),
                    plainHash: reference.sha256, plainLength: UInt64(reference.size),
                    epoch: reference.epoch)
            }
            .sorted { ($0.documentID, $0.number) < ($1.documentID, $1.number) }
            return source
        }
        return content
    }

    static func rollback(_ gone: BackupIndex.Failure) -> BackupError {
        BackupError(
            .rollback, gone.reason, object: gone.object,
            hint: "if you removed it on purpose, say so with --accept-rollback")
    }

    /// The files of `data/` as they are now, in the order of their paths.
    func sources() throws -> [DocumentUnits<VaultBackupKeys>.Source] {
        try files("documents") + files("vectors")
    }

    private func files(_ part: String) throws -> [DocumentUnits<VaultBackupKeys>.Source] {
        let directory = "\(home.path)/data/\(part)"
        guard try Files.exists(directory) else { return [] }
        var found: [DocumentUnits<VaultBackupKeys>.Source] = []
        for folder in try Files.list(directory).sorted() where folder.utf8.count == 2 {
            for name in try Files.list("\(directory)/\(folder)").sorted() where !name.contains(".") {
                found.append(
                    .init(path: "\(part)/\(folder)/\(name)", location: "\(directory)/\(folder)/\(name)"))
            }
        }
        return found
    }
}
