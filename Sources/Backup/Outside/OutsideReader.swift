/// Reads files from outside the vault out of a backup.
///
/// A chunk counts when it has its id. Not thread-safe.
package final class OutsideReader {
    package let listing: OutsideListing
    private let runs: RunReader

    /// - Parameter key: of the device that made the backup, in the epoch of the manifest's encrypted part;
    ///   nil leaves ids unchecked, and the packs' own authentication is all there is.
    package init(_ listing: OutsideListing, key: OutsideKey?) {
        self.listing = listing
        runs = RunReader(key: key, fetch: listing.fetch)
    }

    /// Hands out everything that `isWanted` takes, in order; what `read` needs is expanded ahead.
    ///
    /// - Parameter broken: is given what of the list does not hold.
    package func forEach(
        where isWanted: (OutsideEntry) -> Bool = { _ in true },
        _ body: (OutsideListing.Item) throws -> Void, broken: (BackupError) throws -> Void
    ) throws {
        var wanted: [Bool] = []
        try listing.forEach { segment in
            wanted = segment.content.entries.map(isWanted)
            runs.plan(segment) { wanted[$0] }
        } _: { item in
            if wanted[item.row] { try body(item) }
        } broken: {
            try broken($0)
        }
    }

    /// Hands out a file's content in order, each piece after it was checked.
    ///
    /// - Throws: `.integrity` for a part, run or chunk that does not hold; what `emit` throws.
    package func read(
        _ item: OutsideListing.Item, _ emit: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        var count: UInt64 = 0
        try listing.forEachPart(of: item) { entry, segment in
            if segment !== item.segment { runs.plan(segment) }
            for row in entry.chunks {
                let chunk = segment.content.chunks[Int(row)]
                try runs.read(chunk, of: segment.runs[Int(chunk.run)], emit)
                count += UInt64(chunk.length)
            }
        }
        guard count == item.entry.size else {
            throw BackupError.integrity(
                item.entry.path.printable, "its chunks have \(count) bytes instead of \(item.entry.size)")
        }
    }

    /// Regular files and their bytes, by the list.
    package func totals() throws -> (entries: UInt64, files: UInt64, bytes: UInt64) {
        var (entries, files, bytes): (UInt64, UInt64, UInt64) = (0, 0, 0)
        try listing.forEach { item in
            entries += 1
            guard item.isFile else { return }
            files += 1
            bytes &+= item.entry.size
        } broken: { _ in
        }
        return (entries, files, bytes)
    }

    /// Reads every chunk that was not read before and compares it with its id; what does not hold comes back
    /// as a list.
    ///
    /// - Parameter progress: is given the bytes of chunks done so far.
    package func failures(progress: (UInt64) -> Void = { _ in }) throws -> [BackupError] {
        var seen = SeenUnits()
        return try failures(&seen, progress: progress)
    }

    func failures(_ seen: inout SeenUnits, progress: (UInt64) -> Void) throws -> [BackupError] {
        var found: [BackupError] = []
        var steps = ProgressSteps()
        try listing.forEach { segment in
            found += try failures(in: segment, &seen) { steps.add($0, progress) }
        } _: { _ in
        } broken: {
            found.append($0)
        }
        return found
    }

    /// The files of a segment that have a chunk which does not hold.
    private func failures(
        in segment: OutsideListing.Loaded, _ seen: inout SeenUnits, _ read: (Int) -> Void
    ) throws -> [BackupError] {
        let numbers = segment.content.chunks.map { segment.number(of: $0) }
        let isNew = numbers.map { !seen.isKnown($0) }
        runs.plan(segment) { row in segment.content.entries[row].chunks.contains { isNew[Int($0)] } }
        var bad: [UInt32: String] = [:]
        for (row, chunk) in segment.content.chunks.enumerated() {
            read(Int(chunk.length))
            guard isNew[row] else { continue }
            do {
                try runs.read(chunk, of: segment.runs[Int(chunk.run)]) { _ in }
            } catch let error as BackupError {
                bad[UInt32(row)] = error.description
            }
        }
        seen.add(chunks: numbers.indices.filter { bad[UInt32($0)] == nil }.map { numbers[$0] })
        guard !bad.isEmpty else { return [] }
        return segment.content.entries.compactMap { entry in
            entry.chunks.lazy.compactMap { bad[$0] }.first.map { .integrity(entry.path.printable, $0) }
        }
    }
}

extension OutsideListing.Loaded {
    /// A chunk in its place, whichever manifest names it.
    fileprivate func number(of chunk: ChunkRecord) -> Int {
        var hasher = Hasher()
        let run = content.runs[Int(chunk.run)]
        hasher.combine(content.packs[Int(run.pack)])
        hasher.combine(run.offset)
        hasher.combine(chunk.offset)
        hasher.combine(chunk.length)
        hasher.combine(chunk.id)
        return hasher.finalize()
    }
}
