/// Something that the walk came by.
struct OutsideItem {
    let path: [UInt8]
    let status: OutsideStatus
    /// Where it stands, to open it without its path.
    let parent: OutsideDirectory
    let name: OutsideName
}

/// Walks the selected files and directories in the order of a list (`precedesAsPath`): directories before
/// what is in them, names in the order of their bytes. Links are never followed; the home is never entered.
struct OutsideWalker {
    /// What an entry of the record, and `files/` in front of it, can hold.
    private static let depthLimit = 500

    private let selection: OutsideSelection
    private let starts: [OutsideStart]
    private let home: HomeGuard
    private var missing: [OutsideNote] = []

    /// Where the walk begins: absolute, without links on the way, none inside another.
    var roots: [[UInt8]] { starts.map(\.path) }

    /// Paths that are links: they go into the backup as such.
    var notes: [OutsideNote] {
        missing + starts.filter(\.isLink).map { OutsideNote(path: $0.path, reason: .link) }
    }

    /// Finds the paths.
    ///
    /// - Throws: `.notFound` naming the first that is not there, unless such are noted.
    init(_ selection: OutsideSelection) throws {
        self.selection = selection
        home = try HomeGuard(selection.home)
        var found: [OutsideStart] = []
        for path in selection.paths {
            do {
                found.append(try OutsideStart(path))
            } catch let error as BackupError where error.code == .notFound && selection.skipsMissing {
                missing.append(OutsideNote(path: path, reason: .missing))
            }
        }
        found.sort { $0.path.precedesAsPath($1.path) }
        var kept: [OutsideStart] = []
        for start in found where !kept.contains(where: { start.path.isAtOrBelow($0.path) }) {
            kept.append(start)
        }
        starts = kept
    }

    /// Hands out everything that was found; what `visit` can't read it says by an `OutsideFailure`.
    func walk(_ visit: (OutsideItem) throws -> Void, note: (OutsideNote) -> Void) throws {
        for start in starts {
            do {
                if home.owns(start.path) {
                    note(OutsideNote(path: start.path, reason: .home))
                } else {
                    try walk(start, visit, note)
                }
            } catch let failure as OutsideFailure {
                note(OutsideNote(path: start.path, reason: failure.reason))
            }
        }
    }

    /// A directory on the way down.
    private struct Level {
        let path: [UInt8]
        let directory: OutsideDirectory
        let names: OutsideNames
        /// The name that comes next.
        var next = 0
    }

    private func walk(
        _ start: OutsideStart, _ visit: (OutsideItem) throws -> Void, _ note: (OutsideNote) -> Void
    ) throws {
        let parent = try OutsideDirectory(path: start.parent)
        var levels = [Level(path: start.parent, directory: parent, names: OutsideNames(start.name))]
        while let level = levels.last {
            guard level.next < level.names.count else {
                levels.removeLast()
                continue
            }
            levels[levels.count - 1].next += 1
            let name = level.names.name(level.next)
            let path = levels.count == 1 ? start.path : level.path.joined(name.bytes)
            do {
                let item = OutsideItem(
                    path: path, status: try level.directory.status(name), parent: level.directory,
                    name: name)
                guard try take(item, visit, note), item.status.kind == .directory else { continue }
                let directory = try level.directory.directory(name)
                levels.append(Level(path: path, directory: directory, names: try directory.names()))
            } catch let failure as OutsideFailure {
                note(OutsideNote(path: path, reason: failure.reason))
            }
        }
    }

    private func take(
        _ item: OutsideItem, _ visit: (OutsideItem) throws -> Void, _ note: (OutsideNote) -> Void
    ) throws -> Bool {
        guard selection.takes(item.path, isDirectory: item.status.kind == .directory) else { return false }
        var reason: OutsideNote.Reason?
        if item.path.count > OutsideEntry.pathLimit || item.path.depth > Self.depthLimit { reason = .tooDeep }
        if item.status.kind == .special { reason = .special }
        if home.contains(item.status.identity) { reason = .home }
        if let reason {
            note(OutsideNote(path: item.path, reason: reason))
            return false
        }
        try visit(item)
        return true
    }
}
