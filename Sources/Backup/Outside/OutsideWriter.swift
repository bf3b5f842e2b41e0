/// Turns what a walk finds into entries, chunks and runs. For one thread.
final class OutsideWriter<Keys: BackupKeys> {
    /// How a file was read.
    enum Outcome: Equatable {
        case fine
        /// It changed meanwhile.
        case changed
        /// Only its beginning could be read; the rest is zeros.
        case damaged(OutsideFailure)
    }

    /// A file system's clock may stand so many nanoseconds behind, and its times may be that coarse.
    private static var slack: Int64 { 2_000_000_000 }

    private var base: OutsideBase?
    private let start: Int64
    private var writer: RunWriter<Keys>
    private var list: OutsideListWriter<Keys>
    private var chunks: FileChunks
    /// The runs of the base's segment that was used last, as the run table numbers them.
    private var numbered: (segment: Int, runs: [UInt32])?
    private var written = OutsideWritten()

    init(base: OutsideListing?, to pipeline: UnitPipeline<Keys>, key: OutsideKey, start: Int64) throws {
        self.base = base.map(OutsideBase.init)
        self.start = start
        writer = RunWriter(key: key, pipeline: pipeline)
        list = OutsideListWriter(pipeline, base: try base?.stored ?? [])
        chunks = FileChunks(KeyedChunker(key: key))
    }

    /// Writes what is left; returns what was made.
    func finish() throws -> OutsideWritten {
        written.segments = try list.finish(&writer)
        return written
    }

    /// Adds what the walk came by.
    ///
    /// - Parameter read: is given bytes of the file.
    /// - Throws: `OutsideFailure` for what can't be read.
    func add(_ item: OutsideItem, _ read: (Int) -> Void) throws -> Outcome {
        let known = try base?.item(item.path)
        switch item.status.kind {
        case .special: break
        case .directory:
            // What changes in a directory shows in its entries.
            var entry = OutsideEntry(item.path, item.status, .directory)
            entry.changed = 0
            entry.inode = 0
            try list.add(entry, [], &writer)
        case .link:
            if let known, known.entry.isUnchanged(item.status) {
                try list.add(known.entry, [], &writer)
            } else {
                let destination = try item.parent.destination(item.name)
                let entry = OutsideEntry(item.path, item.status, .symbolicLink(destination))
                try list.add(settled(entry), [], &writer)
            }
        case .file:
            if let known, known.entry.isUnchanged(item.status), try carry(known, item, read) { break }
            return try addFile(item, read)
        }
        return .fine
    }

    /// Takes a file over from the base; false when its list lacks a part of it, or does not vouch for one.
    private func carry(
        _ known: OutsideListing.Item, _ item: OutsideItem, _ read: (Int) -> Void
    ) throws -> Bool {
        guard let listing = base?.listing else { return false }
        if known.entry.isContinued, try !listing.isWhole(known, { $0.isUnchanged(item.status) }) {
            return false
        }
        try listing.forEachPart(of: known) { entry, segment in
            let runs = numbers(of: segment)
            let places = entry.chunks.map { row in
                let chunk = segment.content.chunks[Int(row)]
                return ChunkPlace(
                    id: chunk.id, run: runs[Int(chunk.run)], offset: chunk.offset, length: chunk.length)
            }
            try list.add(entry, places, &writer)
        }
        read(Int(clamping: known.entry.size))
        written.files += 1
        written.bytes += known.entry.size
        return true
    }

    /// The numbers of the runs of a base segment.
    private func numbers(of segment: OutsideListing.Loaded) -> [UInt32] {
        if let numbered, numbered.segment == segment.index { return numbered.runs }
        let runs = writer.runs.numbers(of: segment.content)
        numbered = (segment.index, runs)
        return runs
    }

    /// Nothing may be concluded later from the times of what changed about now.
    private func settled(_ entry: OutsideEntry) -> OutsideEntry {
        guard max(entry.modified, entry.changed) >= start - Self.slack else { return entry }
        var entry = entry
        entry.inode = 0
        return entry
    }

    private func addFile(_ item: OutsideItem, _ read: (Int) -> Void) throws -> Outcome {
        try base?.index(into: &writer)
        if try addSmall(item, read) { return .fine }
        let file = try item.parent.file(item.name)
        let status = try file.status()
        // What took the name since it was looked at is something else.
        guard status.kind == .file, status.identity == item.status.identity else {
            throw OutsideFailure.replaced
        }
        var parts = OutsideParts(settled(OutsideEntry(item.path, status, .file)))
        var outcome = try addChunks(of: file, status, to: &parts, read)
        if outcome == .fine, !file.isStill(status) { outcome = .changed }
        let entry = parts.last(isTrusted: outcome == .fine)
        try list.add(entry, parts.places, &writer)
        count(entry)
        return outcome
    }

    /// Adds a small file, which is one chunk, or none. False when it was not what the walk saw.
    private func addSmall(_ item: OutsideItem, _ read: (Int) -> Void) throws -> Bool {
        guard item.status.size <= KeyedChunker.whole else { return false }
        let entry = settled(OutsideEntry(item.path, item.status, .file))
        var place: ChunkPlace?
        if entry.size > 0 {
            let file = try item.parent.file(item.name)
            try chunks.readWhole(file, size: Int(entry.size)) { bytes in
                if file.isStill(item.status) { place = try writer.add(bytes) }
            }
            if place == nil { return false }
        }
        read(Int(entry.size))
        try list.add(entry, place.map { [$0] } ?? [], &writer)
        count(entry)
        return true
    }

    /// Adds a file chunk by chunk; a part that is full goes into the list.
    private func addChunks(
        of file: borrowing OutsideFile, _ status: OutsideStatus, to parts: inout OutsideParts,
        _ read: (Int) -> Void
    ) throws -> Outcome {
        var outcome = Outcome.fine
        func add(_ chunk: UnsafeRawBufferPointer, _ isHole: Bool) throws {
            if let (entry, places) = parts.full() { try list.add(entry, places, &writer) }
            parts.add(try isHole ? writer.addHole(chunk) : writer.add(chunk))
            read(chunk.count)
        }
        do {
            try chunks.read(file, status, add)
        } catch let failure as OutsideFailure where parts.isContinued {
            outcome = .damaged(failure)
        }
        if parts.count < parts.entry.size {
            if outcome == .fine { outcome = .changed }
            // What is in the list already has promised a length.
            if parts.isContinued {
                try chunks.fill(Int64(clamping: parts.entry.size - parts.count), add)
            }
        }
        return outcome
    }

    private func count(_ entry: OutsideEntry) {
        written.files += 1
        written.filesRead += 1
        written.bytes += entry.size
        written.bytesRead += entry.size
    }
}

/// The entries of a file while it is read: all but the last have exactly `OutsideEntry.chunkLimit` chunks.
struct OutsideParts {
    private(set) var entry: OutsideEntry
    private(set) var places: [ChunkPlace] = []
    /// Bytes so far, of all parts.
    private(set) var count: UInt64 = 0
    /// Whether a part is in the list already.
    private(set) var isContinued = false

    init(_ entry: OutsideEntry) { self.entry = entry }

    mutating func add(_ chunk: ChunkPlace) {
        places.append(chunk)
        count += UInt64(chunk.length)
    }

    /// A part that is complete, when another chunk follows; it is taken out.
    mutating func full() -> (OutsideEntry, [ChunkPlace])? {
        guard places.count == OutsideEntry.chunkLimit else { return nil }
        var part = entry
        part.isContinued = true
        isContinued = true
        defer { places.removeAll(keepingCapacity: true) }
        return (part, places)
    }

    /// The last part.
    ///
    /// - Parameter isTrusted: whether the next backup may conclude from times that nothing has changed.
    mutating func last(isTrusted: Bool) -> OutsideEntry {
        if !isTrusted { entry.inode = 0 }
        if !isContinued { entry.size = count }
        return entry
    }
}

extension OutsideEntry {
    /// What stands in a directory, without content.
    init(_ path: [UInt8], _ status: OutsideStatus, _ kind: MemberKind) {
        self.init(
            path: path, kind: kind, permissions: status.permissions, modified: status.modified,
            changed: status.changed, inode: status.identity.inode,
            size: kind == .file ? UInt64(status.size) : 0)
    }

    /// Whether a file or link of this status has what the entry says.
    func isUnchanged(_ status: OutsideStatus) -> Bool {
        guard inode != 0, inode == status.identity.inode, changed == status.changed,
            modified == status.modified
        else { return false }
        switch (kind, status.kind) {
        case (.file, .file): return size == UInt64(status.size)
        case (.symbolicLink, .link): return true
        default: return false
        }
    }
}
