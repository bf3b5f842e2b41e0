package import Cryptography

/// One segment of the list of files outside the vault: entries in order, the chunks that they are made of,
/// the runs that these stand in, and the packs of the runs.
///
///     "ATLF" ‖ list of pack id (16) ‖ list of run ‖ list of chunk ‖ list of entry
///
/// Each table holds what the one after it uses, in the order of first use.
package struct OutsideSegment: Sendable, Equatable {
    /// Chunks one after the other, compressed.
    package struct Run: Sendable, Equatable, Canonical {
        /// Bytes of the encoding.
        static let count = 20

        /// Row of the segment's own pack table.
        package var pack: UInt32
        package var offset: UInt64
        package var length: UInt32
        package var plainLength: UInt32

        package init(pack: UInt32, offset: UInt64, length: UInt32, plainLength: UInt32) {
            self.pack = pack
            self.offset = offset
            self.length = length
            self.plainLength = plainLength
        }

        package init(from reader: inout CanonicalReader) throws(CryptoError) {
            pack = try reader.u32()
            offset = try reader.u64()
            length = try reader.u32()
            plainLength = try reader.u32()
        }

        package func write(to writer: inout CanonicalWriter) {
            writer.u32(pack)
            writer.u64(offset)
            writer.u32(length)
            writer.u32(plainLength)
        }
    }

    /// Bytes of a segment at most: 1 MiB, after which it is cut, and the longest entry with all it needs.
    package static let byteLimit = Unit.plainLimit
    private static let magic = Array("ATLF".utf8)

    package var packs: [[UInt8]] = []
    package var runs: [Run] = []
    package var chunks: [ChunkRecord] = []
    package var entries: [OutsideEntry] = []

    package init() {}

    /// Reads a segment and checks everything in it that does not need another one.
    ///
    /// - Throws: `.integrity` naming `object`.
    package init(_ bytes: [UInt8], object: String) throws(BackupError) {
        guard bytes.count <= Self.byteLimit else { throw .integrity(object, "it is longer than it may be") }
        do throws(CryptoError) {
            var reader = CanonicalReader(bytes)
            guard try reader.raw(4) == Self.magic else {
                throw CryptoError(.malformed, "not a list of files")
            }
            for _ in 0..<(try reader.count(limit: Self.byteLimit, elementCount: 16)) {
                packs.append(try reader.raw(16))
            }
            runs = try reader.list(of: Run.self, limit: Self.byteLimit, size: Run.count)
            chunks = try reader.list(of: ChunkRecord.self, limit: Self.byteLimit, size: ChunkRecord.count)
            entries = try reader.list(
                of: OutsideEntry.self, limit: Self.byteLimit, size: OutsideEntry.fixedCount)
            try reader.expectEnd()
        } catch {
            throw .integrity(object, "a segment that is malformed")
        }
        try OutsideSegmentCheck(self, object).run()
    }

    /// The one encoding.
    package var bytes: [UInt8] {
        var writer = CanonicalWriter()
        writer.raw(Self.magic)
        writer.count(packs.count)
        for pack in packs { writer.raw(pack) }
        writer.list(runs)
        writer.list(chunks)
        writer.list(entries)
        return writer.bytes
    }

    /// Bytes of an entry's content.
    func contentCount(_ entry: OutsideEntry) -> UInt64 {
        entry.chunks.reduce(0) { $0 + UInt64(chunks[Int($1)].length) }
    }
}
