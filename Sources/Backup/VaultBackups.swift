internal import Cryptography
internal import EncryptedSQLite
internal import FileSystem
public import KeyRing
public import Vault

/// The backups of a home.
public struct VaultBackups {
    let home: Home
    let keys: UnlockedKeys
    let surroundings: Surroundings
    let store: BackupStore
    let location: BackupLocation
    /// Whether backups by machines without keys count although nobody who may has vouched for how fresh they
    /// are: they can be a mix of older and newer states.
    public var acceptsUnanchored = false
    var backupKeys: VaultBackupKeys { VaultBackupKeys(keys) }

    /// The backups in `data/backups` of a home, seen with its keys. The vault itself need not be open, or
    /// even whole.
    public init(home: Home, keys: UnlockedKeys, surroundings: Surroundings = .system) {
        self.home = home
        self.keys = keys
        self.surroundings = surroundings
        store = BackupStore(home.backupsDirectory)
        location = .local(device: keys.device.bytes)
    }

    /// The backups in another store, seen with the keys of `home`.
    init(
        home: Home, keys: UnlockedKeys, surroundings: Surroundings, store: BackupStore,
        at location: BackupLocation
    ) {
        self.home = home
        self.keys = keys
        self.surroundings = surroundings
        self.store = store
        self.location = location
    }

    /// What `backup create`, `list` and `show` say of one.
    public struct Summary: Sendable {
        /// `backup-` and 26 letters.
        public let id: String
        /// Milliseconds since 1970.
        public let createdAt: UInt64
        /// The device that made and signed it.
        public let device: String
        public let incarnation: UInt32
        /// Its place in its writer's chain, from 1.
        public let sequence: UInt64
        public let tags: [String]
        /// The paths outside the vault that were asked for, as bytes.
        public let paths: [[UInt8]]
        /// Files of the vault and outside it.
        public let files: UInt64
        /// Bytes of what was backed up.
        public let bytesLogical: UInt64
        /// Bytes of the packs that it added.
        public let bytesAdded: UInt64
        public let durationMilliseconds: UInt64
        /// The backup that it builds on, if it does.
        public let parent: String?
        /// Whether a remote had it when this home last looked there. Nobody is asked for it.
        public internal(set) var isKnownAtRemote = false
        /// Who vouched for the state, where the device that made the backup has no keys.
        public let statement: Statement?
        /// Nobody who may has vouched for it, and it was asked for all the same.
        public let isUnanchored: Bool
        /// The epoch whose key opens it.
        public let epoch: UInt32
    }

    /// What a member with keys said of a state that another machine backed up.
    public struct Statement: Sendable, Equatable {
        /// `dev-` and 26 letters.
        public let device: String
        /// Milliseconds since 1970: when the state was offered.
        public let time: UInt64

        init(_ statement: FreshnessStatement) {
            device = DeviceID(statement.deviceID)?.description ?? ""
            time = statement.time
        }
    }

    /// Something that is wrong with an object of the store.
    public struct Problem: Sendable, Equatable {
        public let object: String
        public let reason: String
        public let code: BackupError.Code

        init(_ failure: BackupIndex.Failure) {
            object = failure.object
            reason = failure.reason
            code = failure.code
        }

        init(_ error: BackupError, in object: String) {
            self.object = error.object ?? object
            reason = error.message
            code = error.code
        }
    }

    /// All believed backups, oldest first, and what is wrong with the others.
    public func list() throws -> (backups: [Summary], problems: [Problem]) {
        let (index, memory) = try judged()
        var problems = (index.failures + memory).map(Problem.init)
        var summaries: [Summary] = []
        let remote = try RemoteMemory.all(inRun: home.runDirectory, keys)
        for entry in index.entries {
            do {
                var summary = try open(entry).summary
                summary.isKnownAtRemote = remote.contains(entry.head.hash)
                summaries.append(summary)
            } catch let error as BackupError {
                problems.append(Problem(error, in: entry.id))
            }
        }
        return (summaries.sorted { ($0.createdAt, $0.id) < ($1.createdAt, $1.id) }, problems)
    }

    /// What `list` says of one backup.
    ///
    /// - Throws: `.notFound`, `.ambiguous`, `.integrity`.
    public func summary(_ id: String) throws -> Summary { try open(id, in: judged().index).summary }

    /// One backup with what it holds.
    ///
    /// - Throws: `.notFound`, `.ambiguous`, `.integrity`.
    public func show(_ id: String) throws -> Details {
        let opened = try open(id, in: judged().index)
        let body = opened.body
        var documents: [Details.Document] = []
        try opened.documents.each { file in
            documents += file.versions.map {
                Details.Document(id: $0.documentID, name: $0.name, version: $0.number, size: $0.plainLength)
            }
        }
        return Details(
            summary: opened.summary,
            parts: opened.parts, packs: opened.manifest.clear.packs.count,
            packBytes: opened.manifest.clear.packs.reduce(0) { $0 + $1.length },
            databasePages: body.database.pageCount,
            documents: documents.sorted { ($0.id, $0.version) < ($1.id, $1.version) },
            outsideFiles: Int(clamping: body.statistics.outside.items))
    }

    /// What `backup show` says.
    public struct Details: Sendable {
        /// A version of a document.
        public struct Document: Sendable {
            public let id: String
            /// Need not be UTF-8.
            public let name: [UInt8]
            public let version: UInt32
            /// Bytes of plaintext.
            public let size: UInt64
        }

        /// One kind of content: what the backup holds of it, and what of that came since the one before.
        public struct Part: Sendable {
            /// `database` (pages), `documents` (versions), `outside` (files).
            public let name: String
            public let items: UInt64
            public let bytes: UInt64
            public let added: UInt64
            /// Bytes in packs, before padding and encryption.
            public let bytesAdded: UInt64

            init(_ name: String, _ part: BackupStatistics.Part) {
                self.name = name
                items = part.items
                bytes = part.bytes
                added = part.added
                bytesAdded = part.bytesAdded
            }
        }

        public let summary: Summary
        /// Why bytes were added.
        public let parts: [Part]
        /// Packs that it needs, and their bytes.
        public let packs: Int
        public let packBytes: UInt64
        public let databasePages: UInt32
        public let documents: [Document]
        public let outsideFiles: Int
    }

    // MARK: - Judging

    /// The store's backups, judged, and what this home has seen before and does not find. With
    /// `acceptsRollback`, what is gone is forgotten.
    ///
    /// - Throws: `.rollback` when the backups know more of the vault's members than this home's keys do.
    func judged(acceptsRollback: Bool = false) throws -> (index: BackupIndex, memory: [BackupIndex.Failure]) {
        let index = try BackupIndex(
            store, at: location, running: keys.roster, acceptsUnanchored: acceptsUnanchored)
        try requireNewestRoster(index)
        return (index, try remembered(index, acceptsRollback: acceptsRollback))
    }

    /// - Throws: `.rollback` when the backups know more of the vault's members than this home's keys do.
    func requireNewestRoster(_ index: BackupIndex) throws(BackupError) {
        guard let roster = index.roster, roster.records.count > keys.roster.records.count else { return }
        throw BackupError(
            .rollback, "the backups were written under a newer roster than the one in keys/",
            hint: "someone put an old keys/ back; put the newest one there again")
    }

    /// What this home has seen before, where the index was read, and does not find; and from now on it has
    /// seen what is there.
    func remembered(_ index: BackupIndex, acceptsRollback: Bool) throws -> [BackupIndex.Failure] {
        let key = try keys.homeKey(RollbackMemory.purpose)
        return try RollbackMemory.look(
            at: index, in: home.keysDirectory, key: key, vaultID: keys.vaultID.bytes,
            acceptsRollback: acceptsRollback)
    }

    func open(_ id: String, in index: BackupIndex) throws -> OpenBackup {
        try open(index.entry(id))
    }

    func open(_ entry: BackupIndex.Entry) throws -> OpenBackup {
        try OpenBackup(
            entry, store: store, keys: backupKeys, acceptsUnanchored: acceptsUnanchored)
    }
}
