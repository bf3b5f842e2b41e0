package import Cryptography

/// The database in a backup: the anchor, and where the map of its pages stands.
package struct DatabaseRecord: Sendable, Equatable, Canonical {
    package var databaseID: [UInt8]
    package var pageCount: UInt32
    package var counter: UInt64
    /// The root over all pages' epochs, nonces and tags (FORMAT.md, "Page map").
    package var root: [UInt8]
    /// The last sequence of the change log at the snapshot.
    package var changeSequence: UInt64
    /// The full page map, in order.
    package var full: [Segment]
    /// What changed since, oldest first: at most 32.
    package var deltas: [Segment]

    package init(
        databaseID: [UInt8], pageCount: UInt32, counter: UInt64, root: [UInt8], changeSequence: UInt64,
        full: [Segment], deltas: [Segment]
    ) {
        self.databaseID = databaseID
        self.pageCount = pageCount
        self.counter = counter
        self.root = root
        self.changeSequence = changeSequence
        self.full = full
        self.deltas = deltas
    }

    package init(from reader: inout CanonicalReader) throws(CryptoError) {
        databaseID = try reader.raw(16)
        pageCount = try reader.u32()
        counter = try reader.u64()
        root = try reader.raw(32)
        changeSequence = try reader.u64()
        full = try reader.list(of: Segment.self, limit: 1 << 16, size: 36)
        deltas = try reader.list(of: Segment.self, limit: PageMapTable.deltaLimit, size: 36)
    }

    package func write(to writer: inout CanonicalWriter) {
        writer.raw(databaseID)
        writer.u32(pageCount)
        writer.u64(counter)
        writer.raw(root)
        writer.u64(changeSequence)
        writer.list(full)
        writer.list(deltas)
    }
}
