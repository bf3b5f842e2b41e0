internal import Cryptography
package import ObjectStorage

/// A vault's backups in an object store, below `backup/v1/` of its prefix.
package struct BucketSource: RecoverySource {
    private let store: any ObjectStore
    private static let prefix = "backup/v1/"

    package init(_ store: any ObjectStore) { self.store = store }

    package func manifestListing() throws -> ManifestListing {
        var listing = ManifestListing()
        try store.forEach(prefix: Self.prefix + "m/") { page in
            for text in page.objects.map(\.name.text) + page.foreign {
                let path = String(text.dropFirst(Self.prefix.utf8.count))
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
        let object = name.description
        do {
            return try store.read(try Self.name(object), limit: BackupStore.manifestLimit)
        } catch let error as StorageError {
            throw try Self.named(error, object)
        }
    }

    package func packBytes(_ pack: PackRecord, limit: UInt64, _ sink: ([UInt8]) throws -> Void) throws {
        let object = "p/\(pack.name.prefix(2))/\(pack.name)"
        var count: UInt64 = 0
        do {
            _ = try store.get(Self.name(object), range: nil, unless: nil) { part in
                count += UInt64(part.count)
                guard count <= limit else {
                    throw BackupError.integrity("pack " + pack.name, "it is longer than its manifest says")
                }
                try sink(Array(part))
            }
        } catch let error as StorageError {
            throw try Self.named(error, "pack " + pack.name)
        }
    }

    private static func name(_ path: String) throws -> ObjectName {
        guard let name = ObjectName(prefix + path) else {
            throw BackupError.integrity(path, "not the name of an object")
        }
        return name
    }

    /// What concerns one object alone is its own failure; anything else is the store's.
    private static func named(_ error: StorageError, _ object: String) throws -> BackupError {
        switch error.code {
        case .notFound: BackupError.integrity(object, "it is missing")
        case .integrity: BackupError.integrity(object, error.message)
        default: throw error
        }
    }
}
