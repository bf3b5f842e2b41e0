package import ObjectStorage

/// A vault's backups in an object store, below `backup/v1/` of its prefix.
package struct BucketSource: RecoverySource {
    private let store: any ObjectStore

    package init(_ store: any ObjectStore) { self.store = store }

    package func manifestListing() throws -> ManifestListing {
        var listing = ManifestListing()
        try store.forEach(prefix: RemoteStore.root + "m/") { page in
            for text in page.objects.map(\.name.text) + page.foreign {
                let path = String(text.dropFirst(RemoteStore.root.utf8.count))
                if let name = BackupStore.Name(path) {
                    listing.names.append(name)
                } else {
                    listing.addStranger(path)
                }
            }
        }
        listing.names.sort()
        return listing
    }

    package func manifestBytes(_ name: BackupStore.Name) throws -> [UInt8] {
        try RemoteStore.naming(name.description) {
            try store.read(RemoteStore.name(name.description), limit: BackupStore.manifestLimit)
        }
    }

    package func packBytes(_ pack: PackRecord, limit: UInt64, _ sink: ([UInt8]) throws -> Void) throws {
        let object = "pack " + pack.name
        var count: UInt64 = 0
        try RemoteStore.naming(object) {
            _ = try store.get(RemoteStore.name(pack.path), range: nil, unless: nil) { part in
                count += UInt64(part.count)
                guard count <= limit else {
                    throw BackupError.integrity(object, "it is longer than its manifest says")
                }
                try sink(Array(part))
            }
        }
    }
}
