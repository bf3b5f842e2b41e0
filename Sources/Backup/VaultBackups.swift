internal import EncryptedSQLite
internal import FileSystem
public import KeyRing
public import Vault

/// The backups of a home.
public struct VaultBackups {
    private let home: Home
    private let keys: UnlockedKeys
    private var store: BackupStore { BackupStore(home.backupsDirectory) }

    /// The backups in `data/backups` of a home, seen with its keys.
    public init(home: Home, keys: UnlockedKeys) {
        self.home = home
        self.keys = keys
    }

    /// What `backup create` and `backup list` say of one.
    public struct Summary: Sendable {
        /// `backup-` and 26 letters.
        public let id: String
        /// Milliseconds since 1970.
        public let createdAt: UInt64
        public let device: String
        public let tags: [String]
        public let files: UInt64
        public let bytesLogical: UInt64
        public let bytesAdded: UInt64
    }

    /// Something that is wrong with an object of the store.
    public struct Problem: Sendable {
        public let object: String
        public let reason: String
        public let code: BackupError.Code
    }

    /// Makes a backup of the open vault while others go on writing.
    ///
    /// - Parameter time: milliseconds since 1970.
    public func create(
        _ vault: Vault, tags: [String] = [], time: UInt64,
        progress: @escaping (BackupProgress) -> Void = { _ in }
    ) throws -> Summary {
        let run = BackupRun(
            store: store, keys: VaultBackupKeys(keys), root: Self.root, progress: progress)
        let manifest = try vault.database.withSnapshot { image in
            var input = BackupRun<VaultBackupKeys>.Input()
            input.tags = tags
            // Blobs are only ever removed by who holds the snapshot lock: what the image names is here.
            input.files = try files("documents") + files("vectors")
            return try run.make(ImageSource(image), input, running: keys.roster, time: time)
        }
        try Restore.dropOldStates(home: home.path)
        return try summary(manifest)
    }

    /// All believed backups, oldest first, and what is wrong with the others.
    public func list() throws -> (backups: [Summary], problems: [Problem]) {
        let index = try BackupIndex(store: store, running: keys.roster)
        var problems = index.failures.map { Problem(object: $0.object, reason: $0.reason, code: $0.code) }
        var summaries: [Summary] = []
        for entry in index.entries {
            do {
                summaries.append(try summary(store.manifest(entry.name)))
            } catch let error as BackupError {
                problems.append(
                    Problem(object: error.object ?? entry.id, reason: error.message, code: error.code))
            }
        }
        return (summaries.sorted { $0.createdAt < $1.createdAt }, problems)
    }

    /// Checks one backup, or all: structure and signatures, and with `data` every byte; each page is
    /// encrypted again under its epoch and nonce and must give its tag.
    public func verify(
        _ id: String? = nil, data: Bool = false
    ) throws -> (checked: Int, problems: [Problem]) {
        let index = try BackupIndex(store: store, running: keys.roster)
        let entries = try id.map { [try index.entry($0)] } ?? index.entries
        var problems = index.failures.map { Problem(object: $0.object, reason: $0.reason, code: $0.code) }
        let check = BackupCheck(store: store, keys: VaultBackupKeys(keys), root: Self.root)
        for entry in entries {
            let manifest = try store.manifest(entry.name)
            let body = try manifest.body(keys: VaultBackupKeys(keys), object: entry.name.description)
            let sealer = PageSealer(keys: keys, databaseID: body.database.databaseID)
            let found = try check.failures(manifest, data ? .data : .presence) { page in
                _ = try Self.seal(page, with: sealer)
            }
            problems += found.map {
                Problem(object: $0.object ?? entry.id, reason: $0.message, code: $0.code)
            }
        }
        return (entries.count, problems)
    }

    private func summary(_ manifest: Manifest) throws -> Summary {
        let body = try manifest.body(
            keys: VaultBackupKeys(keys), object: BackupStore.Name(manifest.head).description)
        return Summary(
            id: BackupIndex.idText(manifest.clear.id), createdAt: manifest.head.created,
            device: DeviceID(manifest.head.deviceID)?.description ?? "", tags: body.tags,
            files: body.statistics.files, bytesLogical: body.statistics.bytesLogical,
            bytesAdded: body.statistics.bytesAdded)
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

    /// The very page that the tag was taken from.
    static func seal(_ page: PlainPage, with sealer: PageSealer) throws -> [UInt8] {
        guard let tag = PageTag(encoded: entry(page.epoch, page.nonce, page.tag)) else {
            throw BackupError.integrity("page \(page.number)", "a malformed tag")
        }
        let padding = [UInt8](repeating: 0, count: PageSealer.pageCount - PageSealer.bodyCount)
        do throws(EncryptedDatabaseError) {
            return try sealer.seal(page.plain + padding, number: page.number, as: tag)
        } catch {
            guard error.code == .tampered else { throw error }
            throw BackupError.integrity("page \(page.number)", "it does not give the tag of its map")
        }
    }

    private static func entry(_ epoch: UInt32, _ nonce: [UInt8], _ tag: [UInt8]) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: epoch >> (24 - 8 * UInt32($0))) } + nonce + tag
    }

    static func root(_ databaseID: [UInt8], _ counter: UInt64, _ pages: [PageEntry]) -> [UInt8] {
        let tags = pages.map { PageTag(encoded: entry($0.epoch, $0.nonce, $0.tag)) ?? .none }
        return PageMap(databaseID: databaseID, counter: counter, tags: tags).root()
    }
}

/// A snapshot of the live database.
private struct ImageSource: PageSource {
    let image: DatabaseImage
    var databaseID: [UInt8] { image.databaseID }
    var pageCount: UInt32 { image.pageCount }
    var counter: UInt64 { image.counter }

    init(_ image: DatabaseImage) { self.image = image }

    func page(_ number: UInt32) throws -> PlainPage? {
        guard number != PageSealer.lockPage else { return nil }
        let tag = try image.tag(number)
        let plain = try image.plaintext(number).prefix(PageSealer.bodyCount)
        return PlainPage(
            number: number, epoch: tag.epoch, nonce: tag.nonce, tag: tag.tag, plain: Array(plain))
    }
}
