internal import KeyRing

/// A believed backup whose encrypted part is open.
package struct OpenBackup {
    package let entry: BackupIndex.Entry
    package let manifest: Manifest
    package let body: ManifestBody
    let packs: PackSet<VaultBackupKeys>
    /// How parts of packs come from far away; nil where each read is cheap.
    private let reads: RangedReads?
    /// The writer's own secret for chunks, where it had no epoch's key.
    private let secret: OutsideSecret?

    /// `backup-` and 26 letters.
    package var id: String { entry.id }
    /// How messages call the manifest.
    var object: String { entry.name.description }

    /// Reads the manifest again and opens its encrypted part.
    ///
    /// - Parameters:
    ///   - isFar: each read of a pack is a request, so what `plan` names is fetched together.
    ///   - acceptsUnanchored: whether a relayed backup may be of another state than the one that its
    ///     statement speaks of.
    /// - Throws: `.integrity`, `.locked`, naming it.
    init(
        _ entry: BackupIndex.Entry, store: some ManifestSource & PackSource, keys: VaultBackupKeys,
        isFar: Bool = false, acceptsUnanchored: Bool = false
    ) throws {
        self.entry = entry
        manifest = try store.manifest(entry.name)
        guard manifest.head.hash == entry.head.hash else {
            throw BackupError.integrity(entry.name.description, "it changed while it was read")
        }
        (body, secret) = try manifest.opened(keys: keys, object: entry.name.description)
        guard acceptsUnanchored || Self.fits(manifest.statement, body.database) else {
            throw BackupError(
                .integrity, "its pages are not those that \(Self.speaker(manifest)) vouched for",
                object: entry.name.description,
                hint: "its writer mixed states; restore another backup, or this one with --accept-unanchored")
        }
        isAnchored = !acceptsUnanchored
        let reads = isFar ? RangedReads(store) : nil
        self.reads = reads
        packs = PackSet(manifest.clear.packs, from: reads.map { $0 as any PackSource } ?? store, keys: keys)
    }

    /// Says what will be read next.
    func plan(_ extents: some Sequence<Extent>) { reads?.plan(extents, of: manifest.clear.packs) }

    /// Whether a relayed backup has to be the state that its statement speaks of.
    private let isAnchored: Bool

    private static func fits(_ statement: FreshnessStatement?, _ database: DatabaseRecord) -> Bool {
        statement.map { $0.fits(database) } ?? true
    }

    private static func speaker(_ manifest: Manifest) -> String {
        manifest.statement.flatMap { DeviceID($0.deviceID)?.description } ?? "nobody"
    }

    /// Whether a machine without keys made it: pages are ciphertext, and files were shipped unread.
    var isRelayed: Bool { manifest.head.kind == .relayed }

    /// Demands that a relayed backup lists the files that its statement speaks of.
    ///
    /// - Throws: `.integrity`.
    func checkFiles() throws {
        guard isAnchored, let statement = manifest.statement else { return }
        var files: [OfferedFile] = []
        try documents.each { files.append(OfferedFile(path: $0.path, length: $0.length)) }
        guard OfferedFile.hash(files) == statement.filesHash else {
            throw BackupError.integrity(object, "its documents are not those that the statement names")
        }
    }

    /// The page map, checked against the signed root.
    func pageMap() throws -> PageMapTable {
        try DatabaseBase(
            body.database, packs: manifest.clear.packs, root: PlainPage.root, read: packs.read
        ).map
    }

    /// Every page once.
    func pages(of map: PageMapTable, _ body: (PlainPage) throws -> Void) throws {
        try DatabaseUnits.pages(
            of: map, packs: manifest.clear.packs, isSealed: isRelayed, read: packs.read, body)
    }

    /// Every group of pages once, or those of some rows of the map.
    func groups(
        of map: PageMapTable, only rows: Set<UInt32>? = nil, _ body: (StoredGroup) throws -> Void
    ) throws {
        try DatabaseUnits.groups(
            of: map, packs: manifest.clear.packs, only: rows, isSealed: isRelayed, read: packs.read, body)
    }

    /// The files of `data/`, in the order of their paths.
    var documents: DocumentList {
        DocumentList(body.documents) { [packs] in try $0.plain("documents", packs.read) }
    }

    /// The files outside the vault.
    func outside(_ keys: UnlockedKeys) throws -> OutsideReader {
        let device = manifest.head.deviceID
        let key =
            try secret.map { try OutsideKey(secret: $0.bytes, device: device) }
            ?? OutsideKey(keys, device: device, epoch: manifest.clear.bodyEpoch)
        return OutsideReader(outsideListing, key: key)
    }

    /// Their list alone.
    var outsideListing: OutsideListing {
        OutsideListing(body.files, packs: manifest.clear.packs, fetch: packs.read)
    }

    /// What `backup list`, `create` and `show` say of it.
    var summary: VaultBackups.Summary { VaultBackups.Summary(entry, manifest, body) }

    /// What it holds of each kind.
    var parts: [VaultBackups.Details.Part] {
        [
            VaultBackups.Details.Part("database", body.statistics.database),
            VaultBackups.Details.Part("documents", body.statistics.documents),
            VaultBackups.Details.Part("outside", body.statistics.outside),
        ]
    }
}

extension VaultBackups.Summary {
    /// - Parameter body: the manifest's encrypted part.
    init(_ entry: BackupIndex.Entry, _ manifest: Manifest, _ body: ManifestBody) {
        id = entry.id
        createdAt = manifest.head.created
        device = DeviceID(manifest.head.deviceID)?.description ?? ""
        incarnation = manifest.head.incarnation
        sequence = manifest.head.sequence
        tags = body.tags
        paths = body.paths
        files = body.statistics.files
        bytesLogical = body.statistics.bytesLogical
        bytesAdded = body.statistics.bytesAdded
        durationMilliseconds = body.statistics.durationMilliseconds
        parent = body.parent.allSatisfy { $0 == 0 } ? nil : BackupIndex.idText(body.parent)
        statement = entry.statement.map(VaultBackups.Statement.init)
        isUnanchored = entry.isUnanchored
        epoch = manifest.clear.bodyEpoch
    }
}
