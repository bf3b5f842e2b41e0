internal import FileSystem

/// Where a recovery reads from: the manifests of a store, and its packs, by any number of threads.
package protocol RecoverySource: ManifestSource, Sendable {
    /// Hands a pack's bytes on, piece by piece, in order, at most `limit` of them.
    ///
    /// - Throws: `.integrity` naming the pack when it is missing or longer.
    func packBytes(_ pack: PackRecord, limit: UInt64, _ sink: ([UInt8]) throws -> Void) throws
}

extension BackupStore: RecoverySource {
    package func packBytes(_ pack: PackRecord, limit: UInt64, _ sink: ([UInt8]) throws -> Void) throws {
        let path = packPath(pack)
        guard let status = try Files.status(path) else {
            throw BackupError.integrity("pack " + pack.name, "it is missing")
        }
        guard status.kind == .regular, UInt64(status.size) <= limit else {
            throw BackupError.integrity("pack " + pack.name, "it is longer than its manifest says")
        }
        let file = try File.open(path, .read)
        var offset: Int64 = 0
        while case let part = try file.read(count: 1 << 20, at: offset), !part.isEmpty {
            try sink(part)
            offset += Int64(part.count)
        }
    }
}

extension BackupStore {
    /// The store in a directory that a person names: below `backup/v1`, as in a bucket, or the directory
    /// itself, as a copy of `data/backups`.
    package init(foundIn directory: String) throws {
        let inside = directory + "/backup/v1"
        let isPrefix = try Files.status(inside + "/m")?.kind == .directory
        self.init(isPrefix ? inside : directory)
    }
}
