internal import Cryptography
internal import FileSystem

/// Where packs are read from: a directory, or a bucket.
package protocol PackSource {
    /// Opens a pack for reads of parts of its file.
    ///
    /// - Throws: `.integrity` naming it when it is missing or known to have another length.
    func open(_ pack: PackRecord) throws -> PackReader.Fetch
}

extension BackupStore: PackSource {
    package func open(_ pack: PackRecord) throws -> PackReader.Fetch {
        let name = "pack " + pack.name
        let path = packPath(pack)
        guard let status = try Files.status(path) else {
            throw BackupError.integrity(name, "it is missing")
        }
        guard UInt64(status.size) == pack.length else {
            throw BackupError.integrity(name, "it has \(status.size) bytes instead of \(pack.length)")
        }
        let handle = PackHandle(try File.open(path, .read))
        return { try handle.read($0) }
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

/// The packs of a manifest, opened when they are needed; a few stay open.
package final class PackSet<Keys: BackupKeys> {
    private static var openLimit: Int { 8 }

    private let packs: [PackRecord]
    private let source: any PackSource
    private let keys: Keys
    private var open: [(row: Int, reader: PackReader)] = []
    private let rows: [[UInt8]: UInt32]

    package init(_ packs: [PackRecord], from source: any PackSource, keys: Keys) {
        self.packs = packs
        self.source = source
        self.keys = keys
        rows = Dictionary(
            packs.enumerated().map { ($1.id, UInt32($0)) }, uniquingKeysWith: { first, _ in first })
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
    package func check(_ file: DocumentFile, _ emit: ([UInt8]) throws -> Void = { _ in }) throws {
        var hasher = Hasher(.sha256)
        var length: UInt64 = 0
        for extent in file.extents {
            let bytes = try read(place(extent))
            hasher.update(bytes)
            length += UInt64(bytes.count)
            try emit(bytes)
        }
        guard length == file.length, hasher.finalize() == file.sha256 else {
            throw BackupError.integrity(file.path, "its content is not what the manifest says")
        }
    }

    /// Where a file's pieces stand by the rows of their packs.
    ///
    /// - Throws: `.integrity` when the manifest does not name one.
    func extents(of file: DocumentFile) throws -> [Extent] { try file.extents.map(place) }

    /// The unit's place by the row of its pack.
    ///
    /// - Throws: `.integrity` when the manifest does not name the pack.
    func place(_ unit: StoredUnit) throws(BackupError) -> Extent {
        guard let row = rows[unit.pack] else {
            throw .integrity("manifest", "a unit in a pack that the manifest does not name")
        }
        return Extent(pack: row, offset: unit.offset, length: unit.length)
    }

    /// How messages call the pack in this row of the manifest's table.
    func name(_ row: Int) -> String { "pack " + packs[row].name }

    /// Opens the pack in this row of the manifest's table.
    ///
    /// - Throws: `.integrity` naming it, also when it is missing or has another length.
    func reader(_ row: Int) throws -> PackReader {
        if let place = open.firstIndex(where: { $0.row == row }) {
            if place < open.count - 1 { open.append(open.remove(at: place)) }
            return open[open.count - 1].reader
        }
        let reader = try PackReader(packs[row], keys: keys, fetch: source.open(packs[row]))
        if open.count == Self.openLimit { open.removeFirst() }
        open.append((row, reader))
        return reader
    }
}
