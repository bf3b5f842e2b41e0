internal import Cryptography

/// Which version of each page a database has, and where each stands: what full maps and deltas add up to.
///
///     full map, one segment for every 65,536 pages:
///       "ATPM" ‖ first page u32 ‖ groups: list(stored unit 32) ‖ pages: list(group u32 ‖ version 44)
///     delta, one segment:
///       "ATPD" ‖ page count u32 ‖ groups: list(stored unit 32)
///              ‖ changes: list(page u32 ‖ group u32 ‖ version 44)
///
/// Groups are rows of the table of the same segment; 0xFFFFFFFF is the lock page's.
package struct PageMapTable: Sendable, Equatable {
    /// Pages in a segment of a full map.
    static let span = 65_536
    /// Deltas to a full map at most.
    package static let deltaLimit = 32
    private static let fullMagic = Array("ATPM".utf8)
    private static let deltaMagic = Array("ATPD".utf8)

    package var groups: [StoredUnit]
    /// Page 1 first.
    package var pages: [PageEntry]

    package init(groups: [StoredUnit] = [], pages: [PageEntry] = []) {
        self.groups = groups
        self.pages = pages
    }

    /// The packs that the pages stand in.
    package var packs: Set<[UInt8]> {
        var used = Set<UInt32>()
        for page in pages { used.insert(page.group) }
        return Set(used.compactMap { Int($0) < groups.count ? groups[Int($0)].pack : nil })
    }

    // MARK: - Full maps

    /// Where the segments of a full map begin: pages counted from 0.
    package var spans: [Range<Int>] {
        stride(from: 0, to: max(pages.count, 1), by: Self.span).map {
            $0..<min($0 + Self.span, pages.count)
        }
    }

    /// The segment of a full map for some pages.
    package func full(_ range: Range<Int>) -> [UInt8] {
        var rows: [UInt32: UInt32] = [:]
        var own: [StoredUnit] = []
        var entries = Array(pages[range])
        for index in entries.indices where entries[index] != .lock {
            let group = entries[index].group
            if let row = rows[group] {
                entries[index].group = row
            } else {
                rows[group] = UInt32(own.count)
                entries[index].group = UInt32(own.count)
                own.append(groups[Int(group)])
            }
        }
        var writer = CanonicalWriter()
        writer.raw(Self.fullMagic)
        writer.u32(UInt32(range.lowerBound + 1))
        writer.list(own)
        writer.list(entries)
        return writer.bytes
    }

    /// Adds the next segment of a full map.
    ///
    /// - Throws: `.integrity` when it does not follow, or names no group.
    package mutating func append(full bytes: [UInt8]) throws(BackupError) {
        let entries: [PageEntry]
        let own: [StoredUnit]
        do throws(CryptoError) {
            var reader = CanonicalReader(bytes)
            guard try reader.raw(4) == Self.fullMagic, try reader.u32() == UInt32(pages.count + 1) else {
                throw CryptoError(.malformed, "another segment")
            }
            own = try reader.list(of: StoredUnit.self, limit: Self.span, size: 32)
            entries = try reader.list(of: PageEntry.self, limit: Self.span, size: 48)
            try reader.expectEnd()
        } catch {
            throw .integrity("page map", "a malformed segment")
        }
        let first = UInt32(groups.count)
        pages.reserveCapacity(pages.count + entries.count)
        for entry in entries {
            pages.append(try Self.moved(entry, page: pages.count + 1, rows: own.count, first: first))
        }
        groups += own
    }

    // MARK: - Deltas

    /// What changed: `groups` are rows from `first` of the table on.
    package static func delta(
        pageCount: UInt32, groups: ArraySlice<StoredUnit>, changes: [PageChange]
    ) -> [UInt8] {
        var writer = CanonicalWriter()
        writer.raw(deltaMagic)
        writer.u32(pageCount)
        writer.list(Array(groups))
        writer.count(changes.count)
        for change in changes {
            var change = change
            if change.entry != .lock { change.entry.group -= UInt32(groups.startIndex) }
            change.write(to: &writer)
        }
        return writer.bytes
    }

    /// Makes the map what it was after a delta.
    ///
    /// - Returns: how many pages it changed.
    /// - Throws: `.integrity` when it leaves a page without a version, or names no group.
    @discardableResult
    package mutating func apply(delta bytes: [UInt8]) throws(BackupError) -> Int {
        let count: Int
        let own: [StoredUnit]
        let changes: [PageChange]
        do throws(CryptoError) {
            var reader = CanonicalReader(bytes)
            guard try reader.raw(4) == Self.deltaMagic else { throw CryptoError(.malformed, "no delta") }
            count = Int(try reader.u32())
            own = try reader.list(of: StoredUnit.self, limit: listLimit, size: 32)
            changes = try reader.list(of: PageChange.self, limit: listLimit, size: 52)
            try reader.expectEnd()
        } catch {
            throw .integrity("page map", "a malformed delta")
        }
        guard count <= pages.count + changes.count else {
            throw .integrity("page map", "a delta that leaves pages out")
        }
        if pages.count > count { pages.removeLast(pages.count - count) }
        let first = UInt32(groups.count)
        var last: UInt32 = 0
        for change in changes {
            // Ascending, so that a page beyond the end can only follow the one before it.
            guard change.page > last, change.page <= count, change.page <= pages.count + 1 else {
                throw .integrity("page map", "a change of page \(change.page)")
            }
            last = change.page
            let entry = try Self.moved(
                change.entry, page: Int(change.page), rows: own.count, first: first)
            if change.page > pages.count { pages.append(entry) } else { pages[Int(change.page) - 1] = entry }
        }
        guard pages.count == count else { throw .integrity("page map", "a delta that leaves pages out") }
        groups += own
        return changes.count
    }

    /// The entry with its group as a row of the whole table.
    private static func moved(
        _ entry: PageEntry, page: Int, rows: Int, first: UInt32
    ) throws(BackupError) -> PageEntry {
        if entry == .lock, page == 262_145 { return entry }
        guard entry.group < rows else { throw .integrity("page map", "no group for page \(page)") }
        return PageEntry(group: entry.group + first, version: entry.version)
    }
}
