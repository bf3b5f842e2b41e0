/// What went into a backup from outside the vault.
package struct OutsideWritten: Sendable {
    /// For the manifest.
    package var record = OutsideRecord()
    /// Where the walk began: absolute paths without links on the way, for the manifest's `paths`.
    package var roots: [[UInt8]] = []
    /// What was left out or changed meanwhile.
    package var notes: [OutsideNote] = []
    /// Regular files.
    package var files: UInt64 = 0
    /// Their bytes.
    package var bytes: UInt64 = 0
}

/// Puts files outside the vault into packs.
package enum OutsideUnits {
    /// Walks what is selected and writes it. What can't be read is named in the notes and stops nothing.
    ///
    /// - Parameter progress: is given the bytes of files read so far.
    /// - Throws: `.notFound` when a selected path is not there; `.failed` when the manifest could not hold
    ///   the list (some million files, or 800 GB); what the packs throw.
    package static func write<Keys>(
        _ selection: OutsideSelection, to series: PackSeries<Keys>, key: OutsideKey,
        progress: (UInt64) -> Void = { _ in }
    ) throws -> OutsideWritten {
        let walker = try OutsideWalker(selection)
        var written = OutsideWritten()
        written.roots = walker.roots
        var writer = RunWriter(key: key, series: series)
        var chunks = FileChunks(KeyedChunker(key: key))
        var notes = walker.notes
        var steps = ProgressSteps()
        var room = Int(Manifest.partLimit) - (64 << 20)
        try walker.walk { item in
            var entry = OutsideEntry(
                path: item.path, kind: .directory, permissions: item.status.permissions,
                modified: item.status.modified, size: 0, chunks: [])
            switch item.status.kind {
            case .directory, .special: break
            case .link: entry.kind = .symbolicLink(try item.parent.destination(item.name))
            case .file:
                let isChanged = try add(item, to: &entry, &writer, &chunks) { steps.add($0, progress) }
                if isChanged { notes.append(OutsideNote(path: item.path, reason: .changed)) }
                written.files += 1
                written.bytes += entry.size
            }
            written.record.entries.append(entry)
            room -= entry.path.count + 4 * entry.chunks.count + 64
            guard room > (32 + 4) * writer.chunks.count else { throw tooMany }
        } note: {
            notes.append($0)
        }
        try writer.finish()
        written.record.runs = writer.runs
        written.record.chunks = writer.chunks
        written.notes = notes
        return written
    }

    private static var tooMany: BackupError {
        BackupError(.failed, "too many files for one backup", hint: "back up fewer paths at once")
    }

    /// Writes a file's content; returns whether it changed meanwhile.
    private static func add<Keys>(
        _ item: OutsideItem, to entry: inout OutsideEntry, _ writer: inout RunWriter<Keys>,
        _ chunks: inout FileChunks, read: (Int) -> Void
    ) throws -> Bool {
        let file = try item.parent.file(item.name)
        // What took the name since it was looked at is something else.
        guard file.status.kind == .file, file.status.identity == item.status.identity else {
            throw OutsideFailure.replaced
        }
        entry.kind = .file
        entry.permissions = file.status.permissions
        entry.modified = file.status.modified
        var rows: [UInt32] = []
        let count = try chunks.read(file) { chunk, isHole in
            rows.append(try isHole ? writer.addHole(chunk) : writer.add(chunk))
            read(chunk.count)
        }
        entry.chunks = rows
        entry.size = UInt64(count)
        return !file.isUnchanged()
    }
}
