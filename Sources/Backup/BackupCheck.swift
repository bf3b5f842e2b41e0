internal import Cryptography
internal import FileSystem

/// Checks one backup against the store: presence and size, hashes, or everything that can be read.
package struct BackupCheck<Keys: BackupKeys> {
    /// How much is read.
    package enum Depth: Sendable {
        /// Every pack is there and has its size.
        case presence
        /// Every byte: packs' hashes, archives, page map and pages, files.
        case data
    }

    private let store: BackupStore
    private let keys: Keys
    private let root: PageRoot

    package init(store: BackupStore, keys: Keys, root: @escaping PageRoot) {
        self.store = store
        self.keys = keys
        self.root = root
    }

    /// Checks a manifest's backup; what is wrong comes back as a list, so that one bad object does not hide
    /// the next.
    ///
    /// - Parameter page: is given every page, to be sealed and compared or written.
    package func failures(
        _ manifest: Manifest, _ depth: Depth, page: (PlainPage) throws -> Void = { _ in }
    ) throws -> [BackupError] {
        var found: [BackupError] = []
        for pack in manifest.clear.packs {
            try collect(&found) { try check(pack, depth) }
        }
        guard depth == .data, found.isEmpty else { return found }
        let name = BackupStore.Name(manifest.head).description
        try collect(&found) {
            let body = try manifest.body(keys: keys, object: name)
            let packs = PackSet(manifest.clear.packs, store: store, keys: keys)
            let map = try DatabaseUnits.map(
                body.database, packs: manifest.clear.packs, root: root, read: packs.read)
            try DatabaseUnits.pages(of: map, packs: manifest.clear.packs, read: packs.read, page)
            for blob in body.blobs { try packs.check(blob) }
        }
        return found
    }

    private func collect(_ found: inout [BackupError], _ body: () throws -> Void) throws {
        do { try body() } catch let error as BackupError { found.append(error) }
    }

    private func check(_ pack: PackRecord, _ depth: Depth) throws {
        let name = "pack " + pack.name
        guard let status = try Files.status(store.packPath(pack)) else {
            throw BackupError.integrity(name, "it is missing")
        }
        guard UInt64(status.size) == pack.length else {
            throw BackupError.integrity(name, "it has \(status.size) bytes instead of \(pack.length)")
        }
        guard depth == .data else { return }
        let file = try File.open(store.packPath(pack), .read)
        var hasher = Hasher(.sha256)
        var offset: Int64 = 0
        while case let part = try file.read(count: 1 << 20, at: offset), !part.isEmpty {
            hasher.update(part)
            offset += Int64(part.count)
        }
        guard hasher.finalize() == pack.sha256 else { throw BackupError.integrity(name, "it was changed") }
        _ = try PackSet([pack], store: store, keys: keys).reader(0).members()
    }
}

/// The packs of a manifest, opened when they are needed; one at a time stays open.
package final class PackSet<Keys: BackupKeys> {
    private let packs: [PackRecord]
    private let store: BackupStore
    private let keys: Keys
    private var current: (row: Int, reader: PackReader)?

    package init(_ packs: [PackRecord], store: BackupStore, keys: Keys) {
        self.packs = packs
        self.store = store
        self.keys = keys
    }

    /// The bytes of an extent.
    ///
    /// - Throws: `.integrity` naming the pack.
    package func read(_ extent: Extent) throws -> [UInt8] {
        guard Int(extent.pack) < packs.count, extent.length <= UInt32(PackSeries<Keys>.extentLimit) else {
            throw BackupError.integrity("manifest", "an extent that no pack has")
        }
        return try reader(Int(extent.pack)).read(offset: extent.offset, length: extent.length)
    }

    /// Reads a file's extents and compares length and hash; `emit` gets the bytes before that is known.
    package func check(_ blob: BlobRecord, _ emit: ([UInt8]) throws -> Void = { _ in }) throws {
        var hasher = Hasher(.sha256)
        var length: UInt64 = 0
        for extent in blob.extents {
            let bytes = try read(extent)
            hasher.update(bytes)
            length += UInt64(bytes.count)
            try emit(bytes)
        }
        guard length == blob.length, hasher.finalize() == blob.sha256 else {
            throw BackupError.integrity(blob.path, "its content is not what the manifest says")
        }
    }

    func reader(_ row: Int) throws -> PackReader {
        if let current, current.row == row { return current.reader }
        let path = store.packPath(packs[row])
        let handle = PackHandle(try File.open(path, .read))
        let reader = try PackReader(packs[row], keys: keys) { try handle.read($0) }
        current = (row, reader)
        return reader
    }
}

/// Owns the descriptor that a reader's closure reads.
private final class PackHandle {
    private let file: File

    init(_ file: consuming File) { self.file = file }

    func read(_ range: Range<Int>) throws -> [UInt8] {
        try file.read(count: range.count, at: Int64(range.lowerBound))
    }
}
