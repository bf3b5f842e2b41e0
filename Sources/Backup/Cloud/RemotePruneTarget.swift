internal import Cryptography
internal import ObjectStorage

/// A remote, as pruning sees it.
struct RemotePruneTarget: PruneTarget {
    /// Marks and heartbeats are short; longer objects under their names are nobody's.
    private static let shortLimit = 4096

    let remote: RemoteStore
    let manifests: RemoteManifests
    /// The packs that are there: those of a listing whose manifests were read before them.
    private let packs: [String: ObjectInfo]
    /// The store's clock now, in milliseconds since 1970.
    private let now: UInt64

    var location: BackupLocation { remote.location }

    /// Asks the store for its time: an object of a random name is written, looked at and removed.
    ///
    /// - Parameters:
    ///   - listing: the one that the index was read from.
    ///   - ours: this machine's clock, for a store that has none.
    init(
        _ remote: RemoteStore, _ manifests: RemoteManifests, packs listing: RemoteListing, ours: UInt64
    ) throws {
        packs = listing.packs
        self.remote = remote
        self.manifests = manifests
        guard let name = ObjectName("sync/v1/p/" + Crockford32.encode(try RandomBytes.bytes(20))) else {
            throw BackupError(.failed, "a probe has no name")
        }
        _ = try remote.store.put(name, .bytes([0]), .none)
        let modified = try remote.store.head(name)?.modified
        try remote.store.delete(name)
        now = modified.map { UInt64(clamping: $0) } ?? ours
    }

    /// Lists the manifests again, each time.
    func manifestListing() throws -> ManifestListing {
        var listing = ManifestListing()
        try each("m/") { path, _ in
            if let name = BackupStore.Name(path) {
                listing.names.append(name)
            } else {
                listing.addStranger(path)
            }
        }
        listing.names.sort()
        return listing
    }

    func manifestBytes(_ name: BackupStore.Name) throws -> [UInt8] { try manifests.manifestBytes(name) }

    func removeManifest(_ name: BackupStore.Name) throws -> Bool { try remove(name.description) }

    func eachPack(_ body: (String, UInt64) throws -> Void) throws {
        for (path, info) in packs {
            let parts = path.split(separator: "/")
            guard parts.count == 3, parts[1] == parts[2].prefix(2) else { continue }
            try body(String(parts[2]), info.size)
        }
    }

    func removePack(_ name: String) throws -> Bool { try remove(PackRecord.path(name)) }

    func marks() throws -> [StoredMark] {
        var found: [StoredMark] = []
        try each("d/") { path, info in
            let bytes = info.size == UInt64(PackMark.count) ? try read(path) : []
            found.append(StoredMark(pack: String(path.dropFirst(2)), bytes: bytes, age: age(info)))
        }
        return found
    }

    func addMark(_ pack: String, _ bytes: [UInt8]) throws {
        _ = try remote.store.put(RemoteStore.name("d/" + pack), .bytes(bytes), .none)
    }

    func removeMark(_ pack: String) throws { try remote.store.delete(RemoteStore.name("d/" + pack)) }

    /// When an upload began its heartbeat does not say: it counts as older than any mark.
    func uploads() throws -> [StoredUpload] {
        var found: [StoredUpload] = []
        try each("u/") { path, info in
            found.append(
                StoredUpload(writer: String(path.dropFirst(2)), age: .max, silence: age(info)))
        }
        return found
    }

    func removeUpload(_ writer: String) throws { try remote.store.delete(RemoteStore.name("u/" + writer)) }

    private func age(_ info: ObjectInfo) -> UInt64 {
        guard let modified = info.modified else { return 0 }
        let stored = UInt64(clamping: modified)
        return now > stored ? now - stored : 0
    }

    private func each(_ prefix: String, _ body: (String, ObjectInfo) throws -> Void) throws {
        try remote.store.forEach(prefix: RemoteStore.root + prefix) { page in
            for info in page.objects {
                try body(String(info.name.text.dropFirst(RemoteStore.root.count)), info)
            }
        }
    }

    private func read(_ path: String) throws -> [UInt8] {
        do {
            return try remote.store.read(RemoteStore.name(path), limit: Self.shortLimit)
        } catch let error as StorageError where error.code == .notFound {
            return []
        }
    }

    /// - Returns: false when a lock of the bucket forbids it for now.
    private func remove(_ path: String) throws -> Bool {
        do {
            try remote.store.delete(RemoteStore.name(path))
            return true
        } catch let error as StorageError where error.code == .locked {
            return false
        }
    }
}
