internal import FileSystem

/// The backup that a new one builds on: what of its units need not be written again.
///
/// It is one of the same device's, so that nobody takes over what another writer made, and all of its packs
/// are where they should be.
package struct BackupBase {
    /// The backup's id, 16 bytes.
    package let id: [UInt8]
    /// Its pack table.
    package let packs: [PackRecord]
    package let database: DatabaseBase
    package let documents: DocumentBase
    package let body: ManifestBody
    /// In which life of the device it was made.
    package let incarnation: UInt32
    /// The epoch of its encrypted part, whose key names the chunks.
    private let epoch: UInt32
    /// The bytes of an extent of its packs.
    package let read: (Extent) throws -> [UInt8]

    /// Opens a backup for that.
    ///
    /// - Throws: `.integrity`, `.locked`.
    private init<Keys: BackupKeys>(
        _ manifest: Manifest, _ object: String, store: BackupStore, keys: Keys, root: PageRoot
    ) throws {
        let set = PackSet(manifest.clear.packs, from: store, keys: keys)
        id = manifest.clear.id
        packs = manifest.clear.packs
        incarnation = manifest.head.incarnation
        epoch = manifest.clear.bodyEpoch
        body = try manifest.body(keys: keys, object: object)
        read = set.read
        database = try DatabaseBase(body.database, packs: packs, root: root, read: set.read)
        documents = try DocumentBase(body.documents, packs: packs) {
            try $0.plain("documents", set.read)
        }
    }

    /// The list of files outside the vault; nil when its chunks have names under another epoch's key.
    package func files(epoch: UInt32) -> OutsideListing? {
        guard epoch == self.epoch, !body.files.isEmpty else { return nil }
        return OutsideListing(body.files, packs: packs, fetch: read)
    }

    /// The newest backup of this device that one can build on, if there is any.
    ///
    /// One that does not hold is passed over: it is named by every check, and must not keep a new backup
    /// from being made.
    static func newest<Keys: BackupKeys>(
        in index: BackupIndex, store: BackupStore, keys: Keys, root: PageRoot
    ) throws -> BackupBase? {
        for entry in own(in: index, keys: keys).prefix(3) {
            do {
                let object = entry.name.description
                let manifest = try store.manifest(entry.name)
                guard manifest.head.hash == entry.head.hash,
                    try canBeTakenOver(manifest.clear.packs, in: store, keys: keys)
                else { continue }
                return try BackupBase(manifest, object, store: store, keys: keys, root: root)
            } catch is BackupError {
                continue
            }
        }
        return nil
    }

    /// This device's backups, newest first.
    static func own(in index: BackupIndex, keys: some BackupKeys) -> [BackupIndex.Entry] {
        index.entries.filter { $0.head.deviceID == keys.deviceID }
            .sorted { ($0.head.created, $0.head.sequence) > ($1.head.created, $1.head.sequence) }
    }

    /// Whether all packs of a table have their lengths, and who can't open them has wrapped their keys to
    /// everybody who is a recipient now.
    static func canBeTakenOver(
        _ packs: [PackRecord], in store: BackupStore, keys: some BackupKeys
    ) throws -> Bool {
        let recipients = keys.isBlind ? keys.recipients.map(\.id) : []
        return try packs.allSatisfy { pack in
            let isWrapped = recipients.allSatisfy { id in
                pack.wraps.contains { $0.kind == 2 && $0.recipient == id }
            }
            return try isWrapped
                && Files.status(store.packPath(pack))?.size == Int64(clamping: pack.length)
        }
    }
}
