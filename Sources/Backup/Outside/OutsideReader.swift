/// Reads files from outside the vault out of a backup.
///
/// The whole record is checked before anything is read: every row in its table, every chunk within its run,
/// every file as long as its chunks, every path absolute, plain and there once. A chunk counts when it has
/// its id. Not thread-safe.
package final class OutsideReader {
    /// The bytes of an extent.
    package typealias Fetch = (Extent) throws -> [UInt8]

    package let record: OutsideRecord
    private let key: OutsideKey?
    private let fetch: Fetch
    private var cache: [Run] = []
    /// Runs that stay expanded: a chunk that came earlier in the backup stands in an earlier run.
    private static let cacheLimit = 8

    private struct Run {
        let row: UInt32
        let bytes: [UInt8]
        /// Chunks that have shown their id.
        var checked: Set<UInt32> = []
    }

    /// Checks the record.
    ///
    /// - Parameter key: of the device that made the backup, in the epoch of the manifest's encrypted part;
    ///   nil
    ///   leaves ids unchecked, and the packs' own authentication is all there is.
    /// - Throws: `.integrity` naming what does not hold.
    package init(_ record: OutsideRecord, key: OutsideKey?, fetch: @escaping Fetch) throws {
        self.record = record
        self.key = key
        self.fetch = fetch
        try checkTables()
        try checkEntries()
    }

    /// Hands out a file's content in order, each piece after it was checked.
    ///
    /// - Throws: `.integrity` for a run or chunk that does not hold; what `emit` throws.
    package func read(_ entry: OutsideEntry, _ emit: (UnsafeRawBufferPointer) throws -> Void) throws {
        for row in entry.chunks {
            let chunk = record.chunks[Int(row)]
            let place = try load(chunk.run)
            let range = Int(chunk.offset)..<Int(chunk.offset) + Int(chunk.length)
            let isChecked = cache[place].checked.contains(row)
            try cache[place].bytes.withUnsafeBytes { bytes in
                let bytes = UnsafeRawBufferPointer(rebasing: bytes[range])
                if !isChecked, let key {
                    guard try key.identifier(bytes) == chunk.id else {
                        throw BackupError.integrity("chunk \(row)", "its content has another id")
                    }
                }
                try emit(bytes)
            }
            if !isChecked { cache[place].checked.insert(row) }
        }
    }

    /// Reads every run and compares every chunk with its id; what does not hold comes back as a list.
    package func failures() throws -> [BackupError] {
        var found: [BackupError] = []
        var rows: [[UInt32]] = Array(repeating: [], count: record.runs.count)
        for (row, chunk) in record.chunks.enumerated() { rows[Int(chunk.run)].append(UInt32(row)) }
        for chunks in rows {
            var entry = OutsideEntry(
                path: [], kind: .file, permissions: 0, modified: 0, size: 0, chunks: chunks)
            do {
                try read(entry) { _ in }
            } catch let error as BackupError {
                found.append(error)
                entry.chunks = []
            }
        }
        return found
    }

    /// The place of a run in the cache, expanded.
    private func load(_ row: UInt32) throws -> Int {
        if let place = cache.firstIndex(where: { $0.row == row }) {
            cache.append(cache.remove(at: place))
        } else {
            let bytes = try record.runs[Int(row)].expand(fetch)
            if cache.count == Self.cacheLimit { cache.removeFirst() }
            cache.append(Run(row: row, bytes: bytes))
        }
        return cache.count - 1
    }

    private func checkTables() throws {
        for (row, run) in record.runs.enumerated() where Int(run.plainLength) > Unit.plainLimit {
            throw BackupError.integrity("run \(row)", "it is longer than a run may be")
        }
        for (row, chunk) in record.chunks.enumerated() {
            guard Int(chunk.run) < record.runs.count, chunk.length > 0,
                UInt64(chunk.offset) + UInt64(chunk.length)
                    <= UInt64(record.runs[Int(chunk.run)].plainLength)
            else {
                throw BackupError.integrity("chunk \(row)", "it does not lie in a run")
            }
        }
    }

    private func checkEntries() throws {
        var paths: Set<[UInt8]> = []
        for entry in record.entries {
            let name = entry.path.printable
            guard entry.treePath != nil else {
                throw BackupError.integrity(name, "a path that is not absolute and plain")
            }
            guard paths.insert(entry.path).inserted else {
                throw BackupError.integrity(name, "the path comes twice")
            }
            if case .symbolicLink(let destination) = entry.kind {
                guard !destination.isEmpty, destination.count < 4096, !destination.contains(0) else {
                    throw BackupError.integrity(name, "a symbolic link to nowhere")
                }
            }
            guard entry.kind == .file || (entry.chunks.isEmpty && entry.size == 0) else {
                throw BackupError.integrity(name, "content where there can't be any")
            }
            var size: UInt64 = 0
            for row in entry.chunks {
                guard Int(row) < record.chunks.count else {
                    throw BackupError.integrity(name, "a chunk that no table has")
                }
                size += UInt64(record.chunks[Int(row)].length)
            }
            guard size == entry.size else {
                throw BackupError.integrity(name, "its chunks have \(size) bytes instead of \(entry.size)")
            }
        }
    }
}

extension OutsideEntry {
    /// Where the file stands in the tree of an export and of a restore into a directory: `files/` and its
    /// absolute path. Nil for a path that is not absolute, or not plain.
    package var treePath: RelativePath? {
        guard path.first == UInt8(ascii: "/"), path.count == 1 || path.last != UInt8(ascii: "/") else {
            return nil
        }
        return RelativePath(Array("files".utf8) + path)
    }
}
