/// What went into a backup from outside the vault.
package struct OutsideWritten: Sendable {
    /// The list, for the manifest.
    package var segments: [StoredSegment] = []
    /// Where the walk began: absolute paths without links on the way, for the manifest's `paths`.
    package var roots: [[UInt8]] = []
    /// What was left out or changed meanwhile.
    package var notes: [OutsideNote] = []
    /// Regular files.
    package var files: UInt64 = 0
    /// Their bytes.
    package var bytes: UInt64 = 0
    /// Those that were opened and read; the others are as the backup before has them.
    package var filesRead: UInt64 = 0
    package var bytesRead: UInt64 = 0
}

/// Puts files outside the vault into packs.
package enum OutsideUnits {
    /// Walks what is selected and writes it. What can't be read is named in the notes and stops nothing.
    ///
    /// A file that has the size, times and inode that it has in `base` is taken over without being opened.
    ///
    /// - Parameters:
    ///   - base: is given the roots, and gives the list of an older backup, made under the same `key`.
    ///   - start: nanoseconds since 1970, now. A file that changed about then or later is read again by the
    ///     next backup, whatever its times say: it may change once more without another time.
    ///   - progress: is given the bytes of files so far.
    /// - Throws: `.notFound` when a selected path is not there; what the packs throw.
    package static func write<Keys>(
        _ selection: OutsideSelection, to pipeline: UnitPipeline<Keys>, key: OutsideKey, start: Int64,
        base: (_ roots: [[UInt8]]) throws -> OutsideListing? = { _ in nil },
        progress: (UInt64) -> Void = { _ in }
    ) throws -> OutsideWritten {
        let walker = try OutsideWalker(selection)
        let writer = try OutsideWriter(base: base(walker.roots), to: pipeline, key: key, start: start)
        var steps = ProgressSteps()
        var notes = walker.notes
        try walker.walk { item in
            switch try writer.add(item, { steps.add($0, progress) }) {
            case .fine: break
            case .changed: notes.append(OutsideNote(path: item.path, reason: .changed))
            case .damaged(let failure):
                notes.append(OutsideNote(path: item.path, reason: .damaged(failure.words)))
            }
        } note: {
            notes.append($0)
        }
        var written = try writer.finish()
        written.roots = walker.roots
        written.notes = notes
        return written
    }
}
