internal import Compression
internal import Cryptography

/// A database at one commit, page by page.
package protocol PageSource {
    /// 16 bytes.
    var databaseID: [UInt8] { get }
    /// The lock page counts.
    var pageCount: UInt32 { get }
    var counter: UInt64 { get }
    /// Page `number`, counted from 1, authenticated; nil for the lock page.
    func page(_ number: UInt32) throws -> PlainPage?
}

/// The root over a page map (FORMAT.md, "Page map"): database id, counter and 44 bytes for each page.
package typealias PageRoot = (_ databaseID: [UInt8], _ counter: UInt64, _ pages: [PageEntry]) -> [UInt8]

/// Puts a database into packs and takes it out again.
///
/// Pages go out in groups of 64 that are compressed together; the full map says which group holds which
/// version. On the way back a page counts only when its epoch, nonce and tag are those of the map, and the
/// map only when its root is the signed one.
package enum DatabaseUnits {
    /// Writes all pages and their map.
    ///
    /// - Parameter progress: is given the number of pages written so far.
    package static func write<Keys>(
        _ source: some PageSource, changeSequence: UInt64, to series: PackSeries<Keys>, root: PageRoot,
        progress: (UInt32) -> Void = { _ in }
    ) throws -> DatabaseRecord {
        var map = FullPageMap(databaseID: source.databaseID, groups: [], pages: [])
        var group: [PlainPage] = []
        func close() throws {
            guard !group.isEmpty else { return }
            let unit = try add("pages/\(group[0].number)", PageGroup.encode(group), to: series)
            map.groups.append(
                FullPageMap.Group(
                    pack: series.ids[Int(unit.place.pack)], offset: unit.place.offset,
                    length: unit.place.length, plainLength: unit.plainLength))
            progress(group[group.count - 1].number)
            group = []
        }
        for index in 0..<source.pageCount {
            guard let page = try source.page(index + 1) else {
                map.pages.append(.lock)
                continue
            }
            map.pages.append(
                PageEntry(
                    group: UInt32(map.groups.count), epoch: page.epoch, nonce: page.nonce, tag: page.tag))
            group.append(page)
            if group.count == PageGroup.limit { try close() }
        }
        try close()
        let bytes = map.bytes
        return DatabaseRecord(
            databaseID: source.databaseID, pageCount: source.pageCount, counter: source.counter,
            root: root(source.databaseID, source.counter, map.pages), changeSequence: changeSequence,
            fullMap: try addParts("map", bytes, to: series), fullMapHash: Hash.digest(.sha256, bytes))
    }

    /// Reads the map of a backup, with its changes applied, and checks it against the signed root.
    ///
    /// - Parameter read: the bytes of an extent.
    package static func map(
        _ record: DatabaseRecord, packs: [PackRecord], root: PageRoot, read: (Extent) throws -> [UInt8]
    ) throws -> FullPageMap {
        let bytes = try record.fullMap.flatMap { try expand($0, read) }
        guard Hash.digest(.sha256, bytes) == record.fullMapHash else {
            throw BackupError.integrity("page map", "it is not the one that the manifest names")
        }
        var map = try FullPageMap(bytes, object: "page map")
        for group in record.groups {
            guard Int(group.place.pack) < packs.count else {
                throw BackupError.integrity("page map", "a group in no pack")
            }
            map.groups.append(
                FullPageMap.Group(
                    pack: packs[Int(group.place.pack)].id, offset: group.place.offset,
                    length: group.place.length, plainLength: group.plainLength))
        }
        let count = Int(record.pageCount)
        guard record.deltaDepth <= 32, count <= map.pages.count + record.changes.count else {
            throw BackupError.integrity("page map", "fewer pages than the manifest says")
        }
        if map.pages.count > count { map.pages.removeLast(map.pages.count - count) }
        for change in record.changes {
            let index = Int(change.page) - 1
            guard index >= 0, index < count, index <= map.pages.count,
                Int(change.entry.group) < map.groups.count
            else {
                throw BackupError.integrity("page map", "a change of page \(change.page)")
            }
            if index == map.pages.count {
                map.pages.append(change.entry)
            } else {
                map.pages[index] = change.entry
            }
        }
        guard map.databaseID == record.databaseID, map.pages.count == count,
            root(map.databaseID, record.counter, map.pages) == record.root
        else {
            throw BackupError.integrity("page map", "its root is not the signed one")
        }
        return map
    }

    /// Hands out every page of the map once, group by group.
    ///
    /// - Throws: `.integrity` naming the first page that is missing or another version.
    package static func pages(
        of map: FullPageMap, packs: [PackRecord], read: (Extent) throws -> [UInt8],
        _ body: (PlainPage) throws -> Void
    ) throws {
        var rows: [[UInt8]: UInt32] = [:]
        for (row, pack) in packs.enumerated() { rows[pack.id] = UInt32(row) }
        var wanted: [UInt32: Int] = [:]
        for page in map.pages where page != .lock { wanted[page.group, default: 0] += 1 }
        for (index, group) in map.groups.enumerated() {
            guard let expected = wanted[UInt32(index)] else { continue }
            guard let row = rows[group.pack] else {
                throw BackupError.integrity("page map", "a group in a pack that the manifest does not name")
            }
            let place = Extent(pack: row, offset: group.offset, length: group.length)
            let bytes = try expand(Unit(place: place, plainLength: group.plainLength), read)
            var found = 0
            for page in try PageGroup.decode(bytes, object: "group \(index)") {
                guard page.number >= 1, Int(page.number) <= map.pages.count else { continue }
                let entry = map.pages[Int(page.number) - 1]
                guard entry.group == UInt32(index) else { continue }
                guard entry.epoch == page.epoch, entry.nonce == page.nonce, entry.tag == page.tag else {
                    throw BackupError.integrity(
                        "page \(page.number)", "another version than the map names")
                }
                found += 1
                try body(page)
            }
            guard found == expected else {
                throw BackupError.integrity("group \(index)", "pages are missing")
            }
        }
    }

    // MARK: - Units

    /// Compresses a unit and adds it.
    static func add<Keys>(
        _ name: String, _ plain: [UInt8], to series: PackSeries<Keys>
    ) throws -> Unit {
        let place = try series.add(name, Zstandard.compress(plain))
        return Unit(place: place, plainLength: UInt32(plain.count))
    }

    private static func addParts<Keys>(
        _ name: String, _ plain: [UInt8], to series: PackSeries<Keys>
    ) throws -> [Unit] {
        try stride(from: 0, to: plain.count, by: unitLimit).map { start in
            let part = Array(plain[start..<min(start + unitLimit, plain.count)])
            return try add("\(name)/\(start)", part, to: series)
        }
    }

    /// The largest unit before compression.
    static let unitLimit = 4 << 20

    /// Reads a unit and expands it.
    static func expand(_ unit: Unit, _ read: (Extent) throws -> [UInt8]) throws -> [UInt8] {
        do {
            return try Zstandard.decompress(
                read(unit.place), plainCount: Int(unit.plainLength), limit: unitLimit)
        } catch let error as CompressionError {
            throw BackupError.integrity("unit at \(unit.place.offset)", error.message)
        }
    }
}
