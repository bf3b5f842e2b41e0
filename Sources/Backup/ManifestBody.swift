package import Cryptography

/// Where a run of bytes stands: `length` bytes at `offset` of a pack's plaintext, which is a tar stream.
package struct Extent: Sendable, Equatable, Hashable, Canonical {
    /// Row of the manifest's pack table.
    package var pack: UInt32
    package var offset: UInt64
    package var length: UInt32

    package init(pack: UInt32, offset: UInt64, length: UInt32) {
        self.pack = pack
        self.offset = offset
        self.length = length
    }

    package init(from reader: inout CanonicalReader) throws(CryptoError) {
        pack = try reader.u32()
        offset = try reader.u64()
        length = try reader.u32()
    }

    package func write(to writer: inout CanonicalWriter) {
        writer.u32(pack)
        writer.u64(offset)
        writer.u32(length)
    }
}

/// A compressed unit: one zstd frame and the length of what is in it.
package struct Unit: Sendable, Equatable, Canonical {
    package var place: Extent
    package var plainLength: UInt32

    package init(place: Extent, plainLength: UInt32) {
        self.place = place
        self.plainLength = plainLength
    }

    package init(from reader: inout CanonicalReader) throws(CryptoError) {
        place = try Extent(from: &reader)
        plainLength = try reader.u32()
    }

    package func write(to writer: inout CanonicalWriter) {
        place.write(to: &writer)
        writer.u32(plainLength)
    }
}

/// The part of a manifest that only key holders read.
package struct ManifestBody: Sendable, Equatable, Canonical {
    package var tags: [String]
    /// The outside paths that were asked for, as bytes.
    package var paths: [[UInt8]]
    /// The backup that this one builds on; zeros for none.
    package var parent: [UInt8]
    package var statistics: BackupStatistics
    package var database: DatabaseRecord
    /// Listing of the files of `data/` that are shipped as they are (`DocumentFile`).
    package var documents: [Segment]
    /// Listing of the files outside the vault (`OutsideSegment`).
    package var files: [Segment]

    package init(
        tags: [String], paths: [[UInt8]], parent: [UInt8], statistics: BackupStatistics,
        database: DatabaseRecord, documents: [Segment], files: [Segment]
    ) {
        self.tags = tags
        self.paths = paths
        self.parent = parent
        self.statistics = statistics
        self.database = database
        self.documents = documents
        self.files = files
    }

    package init(from reader: inout CanonicalReader) throws(CryptoError) {
        tags = []
        for _ in 0..<(try reader.count(limit: 1024, elementCount: 4)) {
            tags.append(try reader.string(limit: 1024))
        }
        paths = try reader.blobs(limit: 65_536, length: 16_384)
        parent = try reader.raw(16)
        statistics = try BackupStatistics(from: &reader)
        database = try DatabaseRecord(from: &reader)
        documents = try reader.list(of: Segment.self, limit: listLimit, size: 36)
        files = try reader.list(of: Segment.self, limit: listLimit, size: 36)
    }

    package func write(to writer: inout CanonicalWriter) {
        writer.count(tags.count)
        for tag in tags { writer.string(tag) }
        writer.blobs(paths)
        writer.raw(parent)
        statistics.write(to: &writer)
        database.write(to: &writer)
        writer.list(documents)
        writer.list(files)
    }
}
