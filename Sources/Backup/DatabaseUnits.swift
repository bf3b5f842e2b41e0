internal import Compression

/// A database at one commit, page by page.
package protocol PageSource {
    /// 16 bytes.
    var databaseID: [UInt8] { get }
    /// The lock page counts.
    var pageCount: UInt32 { get }
    var counter: UInt64 { get }
    /// Hands out every page's number, from 1, and version, without decrypting it; `.none` for the lock page.
    func versions(_ body: (UInt32, PageVersion) throws -> Void) throws
    /// Page `number`, authenticated; nil for the lock page.
    func page(_ number: UInt32) throws -> PlainPage?
    /// Whether pages are handed out as ciphertext, which nobody could authenticate.
    var isSealed: Bool { get }
    /// Throws when pages with this root over their versions are not those of the database's newest state.
    func requireNewest(_ root: [UInt8]) throws
}

extension PageSource {
    package var isSealed: Bool { false }
    package func requireNewest(_ root: [UInt8]) throws {}
}

/// The root over a page map (FORMAT.md, "Page map"): database id, counter and 44 bytes for each page.
package typealias PageRoot = (_ databaseID: [UInt8], _ counter: UInt64, _ pages: [PageEntry]) -> [UInt8]

/// What a backup knows of the database, for the next one to build on.
package struct DatabaseBase: Sendable {
    package var databaseID: [UInt8]
    package var map: PageMapTable
    package var full: [StoredSegment]
    package var deltas: [StoredSegment]
    /// Changes in all deltas.
    package var changes: Int

    /// Reads the map of a backup and checks it against the signed root.
    ///
    /// - Parameter read: the bytes of an extent.
    /// - Throws: `.integrity`.
    package init(
        _ record: DatabaseRecord, packs: [PackRecord], root: PageRoot, read: (Extent) throws -> [UInt8]
    ) throws {
        let names = PackNames(packs)
        databaseID = record.databaseID
        map = PageMapTable()
        changes = 0
        for segment in record.full { try map.append(full: segment.plain("page map", read)) }
        for segment in record.deltas {
            changes += try map.apply(delta: segment.plain("page map", read))
        }
        // What the pages themselves stand in is asked of the map, once it is whole.
        full = try record.full.map { try names.stored($0, needs: []) }
        deltas = try record.deltas.map { try names.stored($0, needs: []) }
        guard map.pages.count == Int(record.pageCount),
            root(record.databaseID, record.counter, map.pages) == record.root
        else {
            throw BackupError.integrity("page map", "its root is not the signed one")
        }
    }
}

/// The database as a run wrote it.
package struct DatabaseWritten: Sendable {
    package var map: PageMapTable
    package var full: [StoredSegment]
    package var deltas: [StoredSegment]
    package var root: [UInt8]
    package var pagesAdded: Int

    /// What the manifest says; the packs that are needed come into its table.
    package func record(
        of source: some PageSource, changeSequence: UInt64, _ table: inout PackTable
    ) throws -> DatabaseRecord {
        for id in map.packs.sorted(by: { $0.lexicographicallyPrecedes($1) }) { _ = try table.row(of: id) }
        return DatabaseRecord(
            databaseID: source.databaseID, pageCount: source.pageCount, counter: source.counter,
            root: root, changeSequence: changeSequence, full: try table.segments(full),
            deltas: try table.segments(deltas))
    }
}

/// Puts a database into packs and takes it out again.
///
/// Pages that the base does not have in the same version go out in groups of 1,000 that are compressed
/// together, and the map says which group holds which version. On the way back a page counts only when its
/// epoch, nonce and tag are those of the map, and the map only when its root is the signed one.
package enum DatabaseUnits {
    /// Writes what `base` lacks, and the map: as a delta while few pages changed since the last full one.
    ///
    /// - Parameter progress: is given the number of pages written so far, of how many.
    package static func write<Keys>(
        _ source: some PageSource, base: DatabaseBase?, to pipeline: UnitPipeline<Keys>, root: PageRoot,
        progress: (Int, Int) -> Void = { _, _ in }
    ) throws -> DatabaseWritten {
        let base = base?.databaseID == source.databaseID ? base : nil
        var map = base?.map ?? PageMapTable()
        var changed = try compare(source, &map)
        // Before anything is stored: pages that were put back are no state to keep.
        let root = root(source.databaseID, source.counter, map.pages)
        try source.requireNewest(root)
        let known = map.groups.count
        let isFull = needsFullMap(base, changed: changed.count, pages: map.pages.count)
        if isFull { changed = thinned(map) }
        let numbers = try writeGroups(of: changed, source, &map, to: pipeline, progress)
        try pipeline.drain()
        map.groups += try numbers.map(pipeline.unit)
        var written = DatabaseWritten(
            map: map, full: base?.full ?? [], deltas: base?.deltas ?? [],
            root: root, pagesAdded: changed.count)
        if isFull {
            let series = SegmentSeries("map", pipeline, base: base?.full ?? [])
            for span in map.spans { try series.add(map.full(span), needs: []) }
            written.full = try series.finish()
            written.deltas = []
        } else if !changed.isEmpty || base?.map.pages.count != map.pages.count {
            let series = SegmentSeries("map-delta", pipeline, base: [])
            let changes = changed.map { PageChange(page: $0, entry: map.pages[Int($0) - 1]) }
            let delta = PageMapTable.delta(
                pageCount: source.pageCount, groups: map.groups[known...], changes: changes)
            try series.add(delta, needs: [])
            written.deltas += try series.finish()
        }
        return written
    }

    /// Makes the map's versions those of the source; returns the pages that differed, ascending.
    private static func compare(_ source: some PageSource, _ map: inout PageMapTable) throws -> [UInt32] {
        let count = Int(source.pageCount)
        if map.pages.count > count { map.pages.removeLast(map.pages.count - count) }
        var changed: [UInt32] = []
        try source.versions { number, version in
            let index = Int(number) - 1
            if index < map.pages.count {
                guard map.pages[index].version != version else { return }
                map.pages[index] = PageEntry(group: .max, version: version)
            } else {
                map.pages.append(PageEntry(group: .max, version: version))
            }
            changed.append(number)
        }
        guard map.pages.count == count else {
            throw BackupError(.failed, "the database has fewer pages than its header says")
        }
        return changed
    }

    private static func needsFullMap(_ base: DatabaseBase?, changed: Int, pages: Int) -> Bool {
        guard let base else { return true }
        guard changed > 0 || pages != base.map.pages.count else { return false }
        return base.deltas.count >= PageMapTable.deltaLimit || (base.changes + changed) * 2 > pages
    }

    /// The pages that stand nowhere yet, and those of groups of which less than half is still in use, so that
    /// old packs do not live on for a few pages.
    private static func thinned(_ map: PageMapTable) -> [UInt32] {
        var live = [UInt32](repeating: 0, count: map.groups.count)
        for page in map.pages where page.group < map.groups.count { live[Int(page.group)] += 1 }
        let sparse = map.groups.indices.map { row in
            live[row] * 2 < UInt32(PageGroup.pages(inPlain: map.groups[row].plainLength))
        }
        return map.pages.indices.compactMap { index in
            let group = map.pages[index].group
            guard map.pages[index] != .lock else { return nil }
            return group == .max || sparse[Int(group)] ? UInt32(index + 1) : nil
        }
    }

    /// Submits the groups; every entry gets the row that its group will have.
    private static func writeGroups<Keys>(
        of changed: [UInt32], _ source: some PageSource, _ map: inout PageMapTable,
        to pipeline: UnitPipeline<Keys>, _ progress: (Int, Int) -> Void
    ) throws -> [Int] {
        var numbers: [Int] = []
        var group: [PlainPage] = []
        var done = 0
        func close() throws {
            guard !group.isEmpty else { return }
            let name = "pages/\(group[0].number)"
            numbers.append(
                try pipeline.submit(
                    name, PageGroup.encode(group, isSealed: source.isSealed),
                    compressing: !source.isSealed))
            group.removeAll(keepingCapacity: true)
            progress(done, changed.count)
        }
        let first = map.groups.count
        for number in changed {
            done += 1
            guard let page = try source.page(number) else {
                map.pages[Int(number) - 1] = .lock
                continue
            }
            guard page.version == map.pages[Int(number) - 1].version else {
                throw BackupError.integrity("page \(number)", "it changed while it was read")
            }
            map.pages[Int(number) - 1].group = UInt32(first + numbers.count)
            group.append(page)
            if group.count == PageGroup.limit { try close() }
        }
        try close()
        return numbers
    }

    /// Hands out every page of the map once, group by group.
    ///
    /// - Parameter isSealed: whether the groups hold ciphertext.
    /// - Throws: `.integrity` naming the first page that is missing or another version.
    package static func pages(
        of map: PageMapTable, packs: [PackRecord], isSealed: Bool = false,
        read: (Extent) throws -> [UInt8], _ body: (PlainPage) throws -> Void
    ) throws {
        try groups(of: map, packs: packs, isSealed: isSealed, read: read) {
            try $0.pages(of: map, body)
        }
    }

    /// Hands out every group that the map takes pages from, or those of some rows, as it stands in its pack.
    ///
    /// - Throws: `.integrity` for a group in a pack that is not in the table.
    static func groups(
        of map: PageMapTable, packs: [PackRecord], only chosen: Set<UInt32>? = nil, isSealed: Bool = false,
        read: (Extent) throws -> [UInt8], _ body: (StoredGroup) throws -> Void
    ) throws {
        var rows: [[UInt8]: UInt32] = [:]
        for (row, pack) in packs.enumerated() { rows[pack.id] = UInt32(row) }
        var wanted = [UInt32](repeating: 0, count: map.groups.count)
        for page in map.pages where page != .lock { wanted[Int(page.group)] += 1 }
        for (index, group) in map.groups.enumerated()
        where wanted[index] > 0 && chosen?.contains(UInt32(index)) != false {
            guard let row = rows[group.pack] else {
                throw BackupError.integrity("page map", "a group in a pack that the manifest does not name")
            }
            let place = Extent(pack: row, offset: group.offset, length: group.length)
            let unit = Unit(place: place, plainLength: group.plainLength)
            try body(
                StoredGroup(
                    index: UInt32(index), wanted: wanted[index], isSealed: isSealed, unit: unit,
                    bytes: read(place)))
        }
    }

    /// Compresses a unit and adds it.
    static func add<Keys>(
        _ name: String, _ plain: [UInt8], to series: PackSeries<Keys>
    ) throws -> Unit {
        let place = try series.add(name, Zstandard.compress(plain))
        return Unit(place: place, plainLength: UInt32(plain.count))
    }
}
