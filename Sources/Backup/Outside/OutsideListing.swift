/// The list of files outside the vault, read segment by segment: memory holds one of them.
///
/// A segment counts when it has its hash and holds in itself; one that does not costs the files that it
/// lists, never the others.
package struct OutsideListing {
    /// The bytes of an extent.
    package typealias Fetch = (Extent) throws -> [UInt8]

    package let segments: [Segment]
    private let names: PackNames
    private let rows: [[UInt8]: UInt32]
    let fetch: SharedFetch

    /// - Parameter packs: the manifest's table.
    package init(_ segments: [Segment], packs: [PackRecord], fetch: @escaping Fetch) {
        self.segments = segments
        self.fetch = SharedFetch(fetch)
        names = PackNames(packs)
        rows = Dictionary(
            packs.enumerated().map { ($1.id, UInt32($0)) }, uniquingKeysWith: { first, _ in first })
    }

    /// A file, directory or link: where it is in the list. Of a file of several entries the first.
    package struct Item {
        package let entry: OutsideEntry
        /// The segment that holds the entry.
        let segment: Loaded
        let row: Int

        /// Whether this is a regular file.
        package var isFile: Bool { entry.kind == .file }
    }

    /// A segment and where its runs stand.
    final class Loaded {
        let index: Int
        let content: OutsideSegment
        let runs: [Unit]

        init(index: Int, content: OutsideSegment, runs: [Unit]) {
            self.index = index
            self.content = content
            self.runs = runs
        }
    }

    /// The segments, wherever they stand.
    ///
    /// - Throws: `.integrity` for one in a pack that the manifest does not name.
    var stored: [StoredSegment] {
        get throws { try segments.map { try names.stored($0, needs: []) } }
    }

    /// How messages call a segment.
    static func name(_ index: Int) -> String { "list of files, segment \(index)" }

    /// Reads a segment.
    ///
    /// - Throws: `.integrity` naming it.
    func load(_ index: Int) throws -> Loaded {
        let object = Self.name(index)
        guard segments[index].parts.reduce(0, { $0 + UInt64($1.plainLength) }) <= OutsideSegment.byteLimit
        else { throw BackupError.integrity(object, "it is longer than it may be") }
        let content = try OutsideSegment(segments[index].plain(object, fetch.callAsFunction), object: object)
        let packs = try content.packs.map { id in
            guard let row = rows[id] else {
                throw BackupError.integrity(object, "it names a pack that the manifest does not")
            }
            return row
        }
        let runs = content.runs.map { run in
            Unit(
                place: Extent(pack: packs[Int(run.pack)], offset: run.offset, length: run.length),
                plainLength: run.plainLength)
        }
        return Loaded(index: index, content: content, runs: runs)
    }

    /// Hands out every file, directory and link in order, a file of several entries once.
    ///
    /// - Parameters:
    ///   - begin: is given every segment before what is in it.
    ///   - broken: is given what does not hold: a segment, or a file that lacks a part.
    func forEach(
        begin: (Loaded) throws -> Void, _ body: (Item) throws -> Void, broken: (BackupError) throws -> Void
    ) throws {
        var cursor = OutsideCursor(self)
        while let step = try cursor.next() {
            switch step {
            case .segment(let loaded): try begin(loaded)
            case .item(let item): try body(item)
            case .broken(let error): try broken(error)
            }
        }
    }

    /// The same without segments.
    package func forEach(
        _ body: (Item) throws -> Void, broken: (BackupError) throws -> Void
    ) throws {
        try forEach(begin: { _ in }, body, broken: broken)
    }

    /// Hands out all entries of an item's file, in order, each with its segment.
    ///
    /// - Throws: `.integrity` when a part is missing.
    func forEachPart(of item: Item, _ body: (OutsideEntry, Loaded) throws -> Void) throws {
        var (loaded, row, entry) = (item.segment, item.row, item.entry)
        try body(entry, loaded)
        while entry.isContinued {
            row += 1
            if row == loaded.content.entries.count {
                guard loaded.index + 1 < segments.count else { throw Self.endless(entry) }
                loaded = try load(loaded.index + 1)
                row = 0
            }
            let next = loaded.content.entries[row]
            guard next.isSameFile(as: entry) else { throw Self.endless(entry) }
            entry = next
            try body(entry, loaded)
        }
    }

    /// Whether all entries of an item's file are there and `isFine`.
    func isWhole(_ item: Item, _ isFine: (OutsideEntry) -> Bool) throws -> Bool {
        var (isWhole, count): (Bool, UInt64) = (true, 0)
        do {
            try forEachPart(of: item) { entry, segment in
                isWhole = isWhole && isFine(entry)
                count += segment.content.contentCount(entry)
            }
        } catch is BackupError {
            return false
        }
        return isWhole && count == item.entry.size
    }

    private static func endless(_ entry: OutsideEntry) -> BackupError {
        .integrity(entry.path.printable, "its end is missing")
    }
}

