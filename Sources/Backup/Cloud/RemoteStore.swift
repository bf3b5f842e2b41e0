internal import Cryptography
package import ObjectStorage

/// The backups of a remote: what stands below `backup/v1/` of an object store.
package struct RemoteStore: Sendable {
    /// All names of backups begin so.
    static let root = "backup/v1/"

    package let opened: OpenStore
    package let location: BackupLocation
    var store: any ObjectStore { opened.store }
    /// The location's id in hexadecimal digits.
    var id: String { location.id.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() }

    /// - Parameter vaultID: V; the same place has another id for another vault.
    package init(_ opened: OpenStore, vaultID: [UInt8]) {
        self.opened = opened
        location = Self.location(opened, vaultID: vaultID)
    }

    /// SHA-256("ai-team/remote/v1" NUL V ‖ blob(address))[:16], where the address is the URL, and for a
    /// bucket a space and the endpoint's host.
    static func location(_ opened: OpenStore, vaultID: [UInt8]) -> BackupLocation {
        var writer = CanonicalWriter()
        writer.raw(Array("ai-team/remote/v1".utf8) + [0] + vaultID)
        writer.string(opened.address)
        return .remote(Array(Hash.digest(.sha256, writer.bytes).prefix(16)))
    }

    /// The name of a path such as `p/0f/0f…` or `m/…`.
    static func name(_ path: String) throws -> ObjectName {
        guard let name = ObjectName(root + path) else {
            throw BackupError.integrity(path, "not a name of an object")
        }
        return name
    }

    /// Everything that is there, by as few requests as can be: one for every 1,000 objects. Manifests come
    /// before packs: a pack that a listing shows and none of its manifests names had none when it was seen.
    ///
    /// - Parameter now: a clock that only goes forward, in nanoseconds.
    func listing(at now: UInt64) throws -> RemoteListing {
        var listing = RemoteListing(began: now)
        try store.forEach(prefix: Self.root) { page in
            for info in page.objects {
                listing.add(String(info.name.text.dropFirst(Self.root.count)), info)
            }
            for name in page.foreign { listing.manifests.addStranger(name) }
        }
        listing.manifests.names.sort()
        return listing
    }

    /// A whole pack, piece by piece.
    ///
    /// - Throws: `.integrity` naming it when it is missing, longer, or not the one of its record.
    func read(_ pack: PackRecord, _ sink: (UnsafeRawBufferPointer) throws -> Void) throws {
        let object = "pack " + pack.name
        var hasher = Hasher(.sha256)
        var length: UInt64 = 0
        try Self.naming(object) {
            _ = try store.get(Self.name(pack.path), range: nil, unless: nil) { bytes in
                length += UInt64(bytes.count)
                guard length <= pack.length else { throw BackupError.integrity(object, "it is too long") }
                hasher.update(bytes)
                try sink(bytes)
            }
        }
        guard length == pack.length, hasher.finalize() == pack.sha256 else {
            throw BackupError.integrity(object, "it was changed")
        }
    }

    /// Tells what is wrong with one object from what keeps the store from being used.
    static func naming<R>(_ object: String, _ body: () throws -> R) throws -> R {
        do { return try body() } catch let error as StorageError {
            switch error.code {
            case .notFound: throw BackupError.integrity(object, "it is missing")
            case .integrity, .outOfRange: throw BackupError.integrity(object, error.message)
            default: throw error
            }
        }
    }
}

extension RemoteStore: PackSource {
    package func open(_ pack: PackRecord) throws -> PackReader.Fetch {
        let name = try Self.name(pack.path)
        return { range in
            try Self.naming("pack " + pack.name) {
                try store.read(name, range: UInt64(range.lowerBound)..<UInt64(range.upperBound))
            }
        }
    }
}

/// What a remote listed, sorted by what it is for.
struct RemoteListing: Sendable {
    /// After so many nanoseconds a listing is no longer believed: a prune may have marked what it showed.
    static let lifetime: UInt64 = 3_600_000_000_000

    /// When it was begun, by a clock that only goes forward, in nanoseconds.
    let began: UInt64
    /// By their path below `backup/v1/`.
    var packs: [String: ObjectInfo] = [:]
    var manifests = ManifestListing()
    var infos: [BackupStore.Name: ObjectInfo] = [:]
    /// The packs that a prune marked.
    var marks: Set<String> = []

    init(began: UInt64) { self.began = began }

    mutating func add(_ path: String, _ info: ObjectInfo) {
        let parts = path.split(separator: "/")
        switch parts.first {
        case "p" where parts.count == 3: packs[path] = info
        case "m":
            guard let name = BackupStore.Name(path) else { return manifests.addStranger(path) }
            manifests.names.append(name)
            infos[name] = info
        case "d" where parts.count == 2: marks.insert(String(parts[1]))
        case "u" where parts.count == 2: break
        default: manifests.addStranger(path)
        }
    }

    /// What is wrong with a pack, as far as the listing shows; nil when it is there and nothing is.
    func problem(_ pack: PackRecord, comparesETag: Bool) -> String? {
        guard let info = packs[pack.path] else { return "it is missing" }
        guard info.size == pack.length else { return "it has \(info.size) bytes instead of \(pack.length)" }
        if comparesETag, let md5 = info.etag.md5, md5 != pack.md5 { return "its ETag is not its checksum" }
        return nil
    }
}

/// The manifests of a remote, each fetched once: copies in the home that have the ETag of the remote's object
/// are read instead. They are judged all the same.
struct RemoteManifests: ManifestSource {
    let remote: RemoteStore
    let listing: RemoteListing
    /// Where copies may be, the home's own store first; what is fetched is kept in the last.
    let copies: [BackupStore]

    func manifestListing() -> ManifestListing { listing.manifests }

    func manifestBytes(_ name: BackupStore.Name) throws -> [UInt8] {
        if let info = listing.infos[name], let md5 = info.etag.md5 {
            for copy in copies {
                if let bytes = try copy.copy(of: name, size: info.size, md5: md5) { return bytes }
            }
        }
        let bytes = try RemoteStore.naming(name.description) {
            try remote.store.read(RemoteStore.name(name.description), limit: BackupStore.manifestLimit)
        }
        try copies.last?.keep(name, bytes)
        return bytes
    }
}

extension RemoteManifests: PackSource {
    func open(_ pack: PackRecord) throws -> PackReader.Fetch { try remote.open(pack) }
}
