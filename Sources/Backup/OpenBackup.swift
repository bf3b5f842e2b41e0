internal import KeyRing

/// A believed backup whose encrypted part is open.
package struct OpenBackup {
    package let entry: BackupIndex.Entry
    package let manifest: Manifest
    package let body: ManifestBody
    let packs: PackSet<VaultBackupKeys>
    /// How parts of packs come from far away; nil where each read is cheap.
    private let reads: RangedReads?

    /// `backup-` and 26 letters.
    package var id: String { entry.id }
    /// How messages call the manifest.
    var object: String { entry.name.description }

    /// Reads the manifest again and opens its encrypted part.
    ///
    /// - Parameter isFar: each read of a pack is a request, so what `plan` names is fetched together.
    /// - Throws: `.integrity`, `.locked`, naming it.
    init(
        _ entry: BackupIndex.Entry, store: some ManifestSource & PackSource, keys: VaultBackupKeys,
        isFar: Bool = false
    ) throws {
        self.entry = entry
        manifest = try store.manifest(entry.name)
        guard manifest.head.hash == entry.head.hash else {
            throw BackupError.integrity(entry.name.description, "it changed while it was read")
        }
        body = try manifest.body(keys: keys, object: entry.name.description)
        let reads = isFar ? RangedReads(store) : nil
        self.reads = reads
        packs = PackSet(manifest.clear.packs, from: reads.map { $0 as any PackSource } ?? store, keys: keys)
    }

    /// Says what will be read next.
    func plan(_ extents: some Sequence<Extent>) { reads?.plan(extents, of: manifest.clear.packs) }

    /// The page map, checked against the signed root.
    func pageMap() throws -> PageMapTable {
        try DatabaseBase(
            body.database, packs: manifest.clear.packs, root: PlainPage.root, read: packs.read
        ).map
    }

    /// Every page once.
    func pages(of map: PageMapTable, _ body: (PlainPage) throws -> Void) throws {
        try DatabaseUnits.pages(of: map, packs: manifest.clear.packs, read: packs.read, body)
    }

    /// The files of `data/`, in the order of their paths.
    var documents: DocumentList {
        DocumentList(body.documents) { [packs] in try $0.plain("documents", packs.read) }
    }

    /// The files outside the vault.
    func outside(_ keys: UnlockedKeys) throws -> OutsideReader {
        let key = try OutsideKey(keys, device: manifest.head.deviceID, epoch: manifest.clear.bodyEpoch)
        let listing = OutsideListing(body.files, packs: manifest.clear.packs, fetch: packs.read)
        return OutsideReader(listing, key: key)
    }

    /// What `backup list`, `create` and `show` say of it.
    var summary: VaultBackups.Summary {
        VaultBackups.Summary(
            id: id, createdAt: manifest.head.created,
            device: DeviceID(manifest.head.deviceID)?.description ?? "",
            incarnation: manifest.head.incarnation, sequence: manifest.head.sequence, tags: body.tags,
            paths: body.paths, files: body.statistics.files, bytesLogical: body.statistics.bytesLogical,
            bytesAdded: body.statistics.bytesAdded,
            durationMilliseconds: body.statistics.durationMilliseconds,
            parent: body.parent.allSatisfy { $0 == 0 } ? nil : BackupIndex.idText(body.parent))
    }

    /// What it holds of each kind.
    var parts: [VaultBackups.Details.Part] {
        [
            VaultBackups.Details.Part("database", body.statistics.database),
            VaultBackups.Details.Part("documents", body.statistics.documents),
            VaultBackups.Details.Part("outside", body.statistics.outside),
        ]
    }
}
