/// What a restore of files outside the vault made.
package struct OutsideRestored: Sendable {
    /// What did not come back, and why.
    package struct Failure: Sendable {
        /// The absolute path as bytes; of a part of the list its name.
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

/// Writes files outside the vault back.
package final class OutsideRestore {
    /// Where files go.
    package enum Destination: Sendable {
        /// Below `files/` of a directory, which exists: nothing is overwritten.
        case directory(String)
        /// Where they were: each is replaced at once, what else is there stays.
        case inPlace
    }

    private let reader: OutsideReader
    private let destination: Destination
    private let home: HomeGuard
    private var restored = OutsideRestored()

    /// Writes files back. Links are made as they were and never followed; nobody gets an owner or a
    /// set-user-id bit.
    ///
    /// - Parameters:
    ///   - home: entries that were in its keys or data are refused.
    ///   - only: is given a path in the tree of an export (`files/…`).
    ///   - progress: is given the bytes written so far.
    /// - Throws: `.failed` when the destination can't be opened or the disk is full. What concerns one file
    ///   or one part of the list is in the result.
    package static func run(
        _ reader: OutsideReader, to destination: Destination, home: String? = nil,
        only: @escaping (RelativePath) -> Bool = { _ in true }, progress: (UInt64) -> Void = { _ in }
    ) throws -> OutsideRestored {
        let restore = try OutsideRestore(reader, destination, home)
        try restore.run(only, progress)
        return restore.restored
    }

    private init(_ reader: OutsideReader, _ destination: Destination, _ home: String?) throws {
        self.reader = reader
        self.destination = destination
        self.home = try HomeGuard(home)
    }

    private func run(_ only: @escaping (RelativePath) -> Bool, _ progress: (UInt64) -> Void) throws {
        let tree = try openTree()
        var steps = ProgressSteps()
        try reader.forEach { entry in
            entry.treePath.map(only) ?? false
        } _: { item in
            guard let path = destination.path(item.entry) else { return }
            do {
                guard !home.owns(item.entry.path) else { throw Self.ownedByHome }
                try write(item, at: path, in: tree) { steps.add($0, progress) }
            } catch let error as BackupError where !error.isDiskFull {
                fail(item.entry.path, error)
            }
        } broken: { error in
            fail(Array((error.object ?? "").utf8), error)
        }
        try tree.finish()
    }

    private func openTree() throws -> OrderedTree {
        let (root, names): (String, OrderedTree.Names) =
            switch destination {
            case .directory(let directory): (directory, .keep)
            case .inPlace: ("/", .replace)
            }
        return try OrderedTree(root, names: names) { [unowned self] path, error in
            fail(destination.absolute(path), error)
        }
    }

    private func fail(_ path: [UInt8], _ error: BackupError) {
        restored.failures.append(OutsideRestored.Failure(path: path, error: error))
    }

    private static var ownedByHome: BackupError {
        BackupError(.guardRefused, "it belongs to the home, which `backup restore` brings back")
    }

    private func write(
        _ item: OutsideListing.Item, at path: RelativePath, in tree: OrderedTree, wrote: (Int) -> Void
    ) throws {
        let entry = item.entry
        switch entry.kind {
        case .directory:
            try tree.directory(path, permissions: entry.permissions, modified: entry.modified)
        case .symbolicLink(let destination):
            try tree.link(path, to: destination, modified: entry.modified)
        case .file, .other:
            try tree.file(path, permissions: entry.permissions, modified: entry.modified) { write in
                try reader.read(item) { bytes in
                    try write(bytes)
                    wrote(bytes.count)
                }
            }
            restored.files += 1
            restored.bytes += entry.size
        }
    }
}

extension OutsideRestore.Destination {
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
