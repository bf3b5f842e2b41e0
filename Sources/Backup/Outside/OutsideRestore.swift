/// What a restore of files outside the vault made.
package struct OutsideRestored: Sendable {
    /// A file that did not come back, and why.
    package struct Failure: Sendable {
        /// The absolute path as bytes.
        package let path: [UInt8]
        package let error: BackupError
    }

    /// Regular files.
    package var files: UInt64 = 0
    /// Their bytes.
    package var bytes: UInt64 = 0
    /// One bad file never blocks the others.
    package var failures: [Failure] = []
}

extension OutsideUnits {
    /// Where files go.
    package enum Destination: Sendable {
        /// Below `files/` of a directory, which exists: nothing is overwritten.
        case directory(String)
        /// Where they were: each is replaced at once, what else is there stays.
        case inPlace
    }

    /// Writes files back. Links are made as they were and never followed; nobody gets an owner or a
    /// set-user-id bit.
    ///
    /// - Parameters:
    ///   - home: entries that were in its keys or data are refused.
    ///   - only: is given a path in the tree of an export (`files/…`).
    ///   - progress: is given the bytes written so far.
    /// - Throws: `.failed` when the destination can't be opened or the disk is full. What concerns one file
    ///   is in the result.
    package static func restore(
        _ reader: OutsideReader, to destination: Destination, home: String? = nil,
        only: (RelativePath) -> Bool = { _ in true }, progress: (UInt64) -> Void = { _ in }
    ) throws -> OutsideRestored {
        let tree: SafeTree
        switch destination {
        case .directory(let directory):
            tree = try SafeTree(directory, links: .any, modes: .exact, names: .keep)
        case .inPlace: tree = try SafeTree("/", links: .any, modes: .exact, names: .replace)
        }
        let home = try HomeGuard(home)
        var restored = OutsideRestored()
        var steps = ProgressSteps()
        for entry in reader.record.entries {
            guard let treePath = entry.treePath, only(treePath) else { continue }
            guard let path = destination.path(entry) else { continue }
            do {
                guard !home.owns(entry.path) else { throw ownedByHome }
                try restore(entry, at: path, in: tree, from: reader, &restored) { steps.add($0, progress) }
            } catch let error as BackupError where !error.isDiskFull {
                restored.failures.append(OutsideRestored.Failure(path: entry.path, error: error))
            }
        }
        try tree.finish { path, error in
            restored.failures.append(
                OutsideRestored.Failure(path: destination.absolute(path), error: error))
        }
        return restored
    }

    private static var ownedByHome: BackupError {
        BackupError(.guardRefused, "it belongs to the home, which `backup restore` brings back")
    }

    private static func restore(
        _ entry: OutsideEntry, at path: RelativePath, in tree: SafeTree, from reader: OutsideReader,
        _ restored: inout OutsideRestored, wrote: (Int) -> Void
    ) throws {
        switch entry.kind {
        case .directory:
            try tree.directory(path, permissions: entry.permissions, modified: entry.modified)
        case .symbolicLink(let destination):
            try tree.link(path, to: destination, modified: entry.modified)
        case .file, .other:
            try tree.file(path, permissions: entry.permissions, modified: entry.modified) { write in
                try reader.read(entry) { bytes in
                    try write(bytes)
                    wrote(bytes.count)
                }
            }
            restored.files += 1
            restored.bytes += entry.size
        }
    }
}

extension OutsideUnits.Destination {
    /// Where an entry goes, below the tree's root; nil for the root itself in place.
    fileprivate func path(_ entry: OutsideEntry) -> RelativePath? {
        switch self {
        case .directory: entry.treePath
        case .inPlace: RelativePath(Array(entry.path.dropFirst()))
        }
    }

    /// The absolute path that an entry had.
    fileprivate func absolute(_ path: RelativePath) -> [UInt8] {
        switch self {
        case .directory: Array(path.bytes.dropFirst("files".utf8.count))
        case .inPlace: [UInt8(ascii: "/")] + path.bytes
        }
    }
}
