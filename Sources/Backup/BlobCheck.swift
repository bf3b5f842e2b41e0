internal import Cryptography
internal import Vault

/// Looks at blobs as a backup holds them: each must be what the manifest says, and open as what the database
/// says. Needs no file, and several threads may look at once.
struct BlobCheck: Sendable {
    /// Files that are looked at one after the other.
    struct Batch: Sendable {
        fileprivate var items: [Item] = []
        private var bytes: UInt64 = 0

        var isFull: Bool { bytes >= 1 << 20 || items.count >= 256 }

        /// Adds a file. One that is in one piece is read now: those who ask for small files in order find
        /// them side by side.
        ///
        /// - Parameter blob: what the database says of it; nil for what no row names any more: nothing to
        ///   decrypt it by, but it has to be what was backed up.
        mutating func add(
            _ file: DocumentFile, _ blob: StoredBlob?, of packs: PackSet<VaultBackupKeys>,
            _ read: SharedFetch
        ) {
            let content = Result {
                let extents = try packs.extents(of: file)
                return extents.count == 1
                    ? Content.whole(try read(extents[0])) : Content.pieces(extents)
            }
            items.append(Item(file: file, blob: blob, content: content))
            bytes &+= file.length
        }
    }

    fileprivate struct Item: Sendable {
        let file: DocumentFile
        let blob: StoredBlob?
        let content: Result<Content, any Error>
    }

    fileprivate enum Content: Sendable {
        case whole([UInt8])
        case pieces([Extent])
    }

    let vault: Vault
    let read: SharedFetch

    /// What is wrong with these files.
    ///
    /// - Throws: what is not about them, such as a disk that fails.
    func problems(in batch: Batch) throws -> [VaultBackups.Problem] {
        var problems: [VaultBackups.Problem] = []
        for item in batch.items {
            let path = item.file.path
            do {
                try check(item)
            } catch let error as BackupError {
                problems.append(VaultBackups.Problem(error, in: path))
            } catch let error as VaultError {
                problems.append(VaultBackups.Problem(BackupError.integrity(path, error.message), in: path))
            }
        }
        return problems
    }

    private func check(_ item: Item) throws {
        let sealed: SealedBlob
        switch try item.content.get() {
        case .whole(let bytes):
            try Self.require(item.file, Hash.digest(.sha256, bytes), UInt64(bytes.count))
            sealed = SealedBlob(count: bytes.count) { Array(bytes[$0.clamped(to: bytes.indices)]) }
        case .pieces(let extents):
            var hasher = Hasher(.sha256)
            var length = 0
            for extent in extents {
                hasher.update(try read(extent))
                length += Int(extent.length)
            }
            try Self.require(item.file, hasher.finalize(), UInt64(length))
            sealed = SealedBlob(count: length) { try read($0, of: extents) }
        }
        if let blob = item.blob { try vault.verify(blob, in: sealed) }
    }

    private static func require(_ file: DocumentFile, _ hash: [UInt8], _ length: UInt64) throws {
        guard length == file.length, hash == file.sha256 else {
            throw BackupError.integrity(file.path, "its content is not what the manifest says")
        }
    }

    /// A part of a file that stands in several extents.
    private func read(_ range: Range<Int>, of extents: [Extent]) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var start = 0
        for extent in extents {
            let part = range.clamped(to: start..<start + Int(extent.length))
            if !part.isEmpty {
                bytes += try read(
                    Extent(
                        pack: extent.pack, offset: extent.offset + UInt64(part.lowerBound - start),
                        length: UInt32(part.count)))
            }
            start += Int(extent.length)
        }
        return bytes
    }
}
