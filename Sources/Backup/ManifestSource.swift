/// Where manifests are read from: a directory, or a bucket.
package protocol ManifestSource {
    /// What stands below `m/`.
    ///
    /// - Throws: whatever keeps the source from being read at all.
    func manifestListing() throws -> ManifestListing

    /// The bytes of one object.
    ///
    /// - Throws: a `BackupError` for what is wrong with this object alone: it is named then, and the others
    ///   are read all the same. Any other error ends the reading.
    func manifestBytes(_ name: BackupStore.Name) throws -> [UInt8]
}

/// What stands below `m/` of a store.
package struct ManifestListing: Sendable, Equatable {
    /// The most strangers that are named one by one.
    package static let strangerLimit = 100

    /// Objects whose name can be a manifest's, in order.
    package var names: [BackupStore.Name]
    /// Objects that nobody who keeps to the format puts there, at most `strangerLimit` of them.
    package private(set) var strangers: [String] = []
    /// How many more there are.
    package private(set) var furtherStrangers = 0

    package init(names: [BackupStore.Name] = []) { self.names = names }

    /// Sorts objects by whether their path below the store can be a manifest's.
    package init(paths: some Sequence<String>) {
        names = []
        for path in paths {
            if let name = BackupStore.Name(path) { names.append(name) } else { addStranger(path) }
        }
        names.sort()
    }

    /// Counts a stranger. Only the first ones are kept: who fills a bucket does not fill the memory.
    package mutating func addStranger(_ path: String) {
        if strangers.count < Self.strangerLimit {
            strangers.append(path)
        } else {
            furtherStrangers += 1
        }
    }
}

extension ManifestSource {
    /// The names that can be manifests', in order.
    package func manifestNames() throws -> [BackupStore.Name] { try manifestListing().names }

    /// Reads one manifest of a backup and checks that it is whole and stands under its own name.
    ///
    /// - Throws: `.notFound`, `.integrity`, `.newerFormat`, naming it.
    package func manifest(_ name: BackupStore.Name) throws -> Manifest {
        guard case .backup(let manifest) = try stored(name) else {
            throw BackupError.integrity(name.description, "not a backup's manifest")
        }
        return manifest
    }

    /// Reads what stands under a manifest's name, of either kind.
    ///
    /// - Throws: as `manifest`.
    package func stored(_ name: BackupStore.Name) throws -> StoredManifest {
        let object = name.description
        let stored = try StoredManifest(manifestBytes(name), object: object)
        guard BackupStore.Name(stored.head) == name else {
            throw BackupError.integrity(object, "a manifest under another's name")
        }
        return stored
    }
}
