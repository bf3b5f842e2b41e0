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

/// A version of a database page and the group that holds it.
package struct PageEntry: Sendable, Equatable, Canonical {
    /// Row of the group table; 0xFFFFFFFF for the lock page, which does not exist.
    package var group: UInt32
    package var epoch: UInt32
    package var nonce: [UInt8]
    package var tag: [UInt8]

    /// The lock page.
    package static let lock = PageEntry(
        group: .max, epoch: 0, nonce: Array(repeating: 0, count: 24), tag: Array(repeating: 0, count: 16))

    package init(group: UInt32, epoch: UInt32, nonce: [UInt8], tag: [UInt8]) {
        self.group = group
        self.epoch = epoch
        self.nonce = nonce
        self.tag = tag
    }

    package init(from reader: inout CanonicalReader) throws(CryptoError) {
        group = try reader.u32()
        epoch = try reader.u32()
        nonce = try reader.raw(24)
        tag = try reader.raw(16)
    }

    package func write(to writer: inout CanonicalWriter) {
        writer.u32(group)
        writer.u32(epoch)
        writer.raw(nonce)
        writer.raw(tag)
    }
}

/// A page that differs from the full map.
package struct PageChange: Sendable, Equatable, Canonical {
    package var page: UInt32
    package var entry: PageEntry

    package init(from reader: inout CanonicalReader) throws(CryptoError) {
        page = try reader.u32()
        entry = try PageEntry(from: &reader)
    }

    package func write(to writer: inout CanonicalWriter) {
        writer.u32(page)
        entry.write(to: &writer)
    }
}

/// The database in a backup: the anchor, and which page stands where.
package struct DatabaseRecord: Sendable, Equatable, Canonical {
    package var databaseID: [UInt8]
    package var pageCount: UInt32
    package var counter: UInt64
    /// The root over all pages' epochs, nonces and tags (FORMAT.md, "Page map").
    package var root: [UInt8]
    /// The last sequence of the change log at the snapshot.
    package var changeSequence: UInt64
    /// The full page map: members of packs, at most 4 MiB of the map in each, in order.
    package var fullMap: [Unit]
    package var fullMapHash: [UInt8]
    /// How many deltas stand between the full map and this backup: at most 32.
    package var deltaDepth: UInt8
    /// Groups that the full map does not know; their rows continue its table.
    package var groups: [Unit]
    package var changes: [PageChange]

    package init(
        databaseID: [UInt8], pageCount: UInt32, counter: UInt64, root: [UInt8], changeSequence: UInt64,
        fullMap: [Unit], fullMapHash: [UInt8]
    ) {
        self.databaseID = databaseID
        self.pageCount = pageCount
        self.counter = counter
        self.root = root
        self.changeSequence = changeSequence
        self.fullMap = fullMap
        self.fullMapHash = fullMapHash
        deltaDepth = 0
        groups = []
        changes = []
    }

    package init(from reader: inout CanonicalReader) throws(CryptoError) {
        databaseID = try reader.raw(16)
        pageCount = try reader.u32()
        counter = try reader.u64()
        root = try reader.raw(32)
        changeSequence = try reader.u64()
        fullMap = try reader.list(of: Unit.self, limit: 4096, size: 20)
        fullMapHash = try reader.raw(32)
        deltaDepth = try reader.u8()
        groups = try reader.list(of: Unit.self, limit: listLimit, size: 20)
        changes = try reader.list(of: PageChange.self, limit: listLimit, size: 52)
    }

    package func write(to writer: inout CanonicalWriter) {
        writer.raw(databaseID)
        writer.u32(pageCount)
        writer.u64(counter)
        writer.raw(root)
        writer.u64(changeSequence)
        writer.list(fullMap)
        writer.raw(fullMapHash)
        writer.u8(deltaDepth)
        writer.list(groups)
        writer.list(changes)
    }
}

/// A file of the home that is shipped as it is: a blob.
package struct BlobRecord: Sendable, Equatable, Canonical {
    /// The path below `data/`, such as `documents/ab/abcd…`.
    package var path: String
    package var length: UInt64
    package var sha256: [UInt8]
    package var extents: [Extent]

    package init(path: String, length: UInt64, sha256: [UInt8], extents: [Extent]) {
        self.path = path
        self.length = length
        self.sha256 = sha256
        self.extents = extents
    }

    package init(from reader: inout CanonicalReader) throws(CryptoError) {
        path = try reader.string(limit: 4096)
        length = try reader.u64()
        sha256 = try reader.raw(32)
        extents = try reader.list(of: Extent.self, limit: listLimit, size: 16)
    }

    package func write(to writer: inout CanonicalWriter) {
        writer.string(path)
        writer.u64(length)
        writer.raw(sha256)
        writer.list(extents)
    }
}

/// One version of a document, so that it is found without the database.
package struct CatalogueEntry: Sendable, Equatable, Canonical {
    /// File name or title as bytes.
    package var name: [UInt8]
    package var documentID: String
    package var version: UInt32
    /// Row of the blob table.
    package var blob: UInt32
    /// Of the plaintext; the blob's key and context follow from them.
    package var plainHash: [UInt8]
    package var plainLength: UInt64
    package var epoch: UInt32

    package init(
        name: [UInt8], documentID: String, version: UInt32, blob: UInt32, plainHash: [UInt8],
        plainLength: UInt64, epoch: UInt32
    ) {
        self.name = name
        self.documentID = documentID
        self.version = version
        self.blob = blob
        self.plainHash = plainHash
        self.plainLength = plainLength
        self.epoch = epoch
    }

    package init(from reader: inout CanonicalReader) throws(CryptoError) {
        name = try reader.blob(limit: 16_384)
        documentID = try reader.string(limit: 128)
        version = try reader.u32()
        blob = try reader.u32()
        plainHash = try reader.raw(32)
        plainLength = try reader.u64()
        epoch = try reader.u32()
    }

    package func write(to writer: inout CanonicalWriter) {
        writer.blob(name)
        writer.string(documentID)
        writer.u32(version)
        writer.u32(blob)
        writer.raw(plainHash)
        writer.u64(plainLength)
        writer.u32(epoch)
    }
}

/// The part of a manifest that only key holders read.
package struct ManifestBody: Sendable, Equatable, Canonical {
    package var tags: [String]
    /// The outside paths that were asked for, as bytes.
    package var paths: [[UInt8]]
    /// The backup that this one builds on; zeros for none.
    package var parent: [UInt8]
    package var statistics: Statistics
    package var database: DatabaseRecord
    package var blobs: [BlobRecord]
    package var catalogue: [CatalogueEntry]
    package var outside: OutsideRecord

    /// Numbers for `backup list` and `show`.
    package struct Statistics: Sendable, Equatable, Canonical {
        package var files: UInt64 = 0
        package var bytesLogical: UInt64 = 0
        package var bytesAdded: UInt64 = 0
        package var durationMilliseconds: UInt64 = 0

        package init() {}

        package init(from reader: inout CanonicalReader) throws(CryptoError) {
            files = try reader.u64()
            bytesLogical = try reader.u64()
            bytesAdded = try reader.u64()
            durationMilliseconds = try reader.u64()
        }

        package func write(to writer: inout CanonicalWriter) {
            writer.u64(files)
            writer.u64(bytesLogical)
            writer.u64(bytesAdded)
            writer.u64(durationMilliseconds)
        }
    }

    package init(
        tags: [String], paths: [[UInt8]], parent: [UInt8], statistics: Statistics,
        database: DatabaseRecord, blobs: [BlobRecord], catalogue: [CatalogueEntry],
        outside: OutsideRecord
    ) {
        self.tags = tags
        self.paths = paths
        self.parent = parent
        self.statistics = statistics
        self.database = database
        self.blobs = blobs
        self.catalogue = catalogue
        self.outside = outside
    }

    package init(from reader: inout CanonicalReader) throws(CryptoError) {
        tags = []
        for _ in 0..<(try reader.count(limit: 1024, elementCount: 4)) {
            tags.append(try reader.string(limit: 1024))
        }
        paths = try reader.blobs(limit: 65_536, length: 16_384)
        parent = try reader.raw(16)
        statistics = try Statistics(from: &reader)
        database = try DatabaseRecord(from: &reader)
        blobs = try reader.list(of: BlobRecord.self, limit: listLimit, size: 48)
        catalogue = try reader.list(of: CatalogueEntry.self, limit: listLimit, size: 60)
        outside = try OutsideRecord(from: &reader)
    }

    package func write(to writer: inout CanonicalWriter) {
        writer.count(tags.count)
        for tag in tags { writer.string(tag) }
        writer.blobs(paths)
        writer.raw(parent)
        statistics.write(to: &writer)
        database.write(to: &writer)
        writer.list(blobs)
        writer.list(catalogue)
        outside.write(to: &writer)
    }
}
