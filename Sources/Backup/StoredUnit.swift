package import Cryptography

/// A unit, wherever it stands: its pack is named by id, so that whichever manifest needs it means the same.
///
/// 32 bytes: pack id 16 ‖ offset u64 ‖ length u32 ‖ plain length u32. Offset and length are those of the tar
/// member's content in the pack's plaintext; what is not compressed has its length twice.
package struct StoredUnit: Sendable, Equatable, Hashable, Canonical {
    package var pack: [UInt8]
    package var offset: UInt64
    package var length: UInt32
    package var plainLength: UInt32

    package init(pack: [UInt8], offset: UInt64, length: UInt32, plainLength: UInt32) {
        self.pack = pack
        self.offset = offset
        self.length = length
        self.plainLength = plainLength
    }

    package init(from reader: inout CanonicalReader) throws(CryptoError) {
        pack = try reader.raw(16)
        offset = try reader.u64()
        length = try reader.u32()
        plainLength = try reader.u32()
    }

    package func write(to writer: inout CanonicalWriter) {
        writer.raw(pack)
        writer.u64(offset)
        writer.u32(length)
        writer.u32(plainLength)
    }
}

/// A segment, wherever it stands, and the packs that what it lists stands in.
package struct StoredSegment: Sendable, Equatable {
    package var parts: [StoredUnit]
    /// Of the plaintext of all parts.
    package var sha256: [UInt8]
    /// Ids of the packs that its records name.
    package var needs: Set<[UInt8]>

    package init(parts: [StoredUnit], sha256: [UInt8], needs: Set<[UInt8]>) {
        self.parts = parts
        self.sha256 = sha256
        self.needs = needs
    }
}

/// The pack table of a manifest that is being made: first the packs of this run, then those of older
/// backups that it needs.
package struct PackTable: Sendable {
    private let older: [[UInt8]: PackRecord]
    private var rows: [[UInt8]: UInt32] = [:]
    package private(set) var packs: [PackRecord]

    /// - Parameters:
    ///   - own: the packs of this run.
    ///   - older: the table of the backup that this one builds on.
    package init(own: [PackRecord], older: [PackRecord]) {
        packs = own
        self.older = Dictionary(older.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        for (row, pack) in own.enumerated() { rows[pack.id] = UInt32(row) }
    }

    /// The row of a pack, which comes into the table when it is first asked for.
    ///
    /// - Throws: `.integrity` for a pack that nobody knows.
    package mutating func row(of id: [UInt8]) throws(BackupError) -> UInt32 {
        if let row = rows[id] { return row }
        guard let record = older[id] else { throw .integrity("pack table", "a unit in an unknown pack") }
        let row = UInt32(packs.count)
        packs.append(record)
        rows[id] = row
        return row
    }

    /// Wraps the keys of all packs to those who are recipients now.
    ///
    /// - Throws: `.integrity`, `.locked` for a pack whose key does not open.
    package mutating func wrap(to keys: some BackupKeys) throws {
        for row in packs.indices {
            let pack = packs[row]
            packs[row].wraps = try ObjectKey.wraps(
                .pack, id: pack.id, epoch: pack.epoch, was: pack.wraps, keys: keys,
                object: "pack " + pack.name)
        }
    }

    /// The unit as this manifest names it.
    package mutating func unit(_ unit: StoredUnit) throws(BackupError) -> Unit {
        let place = Extent(pack: try row(of: unit.pack), offset: unit.offset, length: unit.length)
        return Unit(place: place, plainLength: unit.plainLength)
    }

    /// The segments as this manifest names them; the packs that they need come into the table too.
    package mutating func segments(_ stored: [StoredSegment]) throws(BackupError) -> [Segment] {
        var segments: [Segment] = []
        for segment in stored {
            for id in segment.needs.sorted(by: { $0.lexicographicallyPrecedes($1) }) { _ = try row(of: id) }
            var parts: [Unit] = []
            for part in segment.parts { parts.append(try unit(part)) }
            segments.append(Segment(parts: parts, sha256: segment.sha256))
        }
        return segments
    }
}

/// The packs of a manifest that is there, to say where its units stand.
package struct PackNames: Sendable {
    private let ids: [[UInt8]]

    package init(_ packs: [PackRecord]) { ids = packs.map(\.id) }

    /// - Throws: `.integrity` for a row that the table does not have.
    package func stored(_ unit: Unit) throws(BackupError) -> StoredUnit {
        guard Int(unit.place.pack) < ids.count else {
            throw .integrity("manifest", "a unit in a pack that the manifest does not name")
        }
        return StoredUnit(
            pack: ids[Int(unit.place.pack)], offset: unit.place.offset, length: unit.place.length,
            plainLength: unit.plainLength)
    }

    /// A segment of which the packs that it needs are known.
    package func stored(_ segment: Segment, needs: Set<[UInt8]>) throws(BackupError) -> StoredSegment {
        var parts: [StoredUnit] = []
        for part in segment.parts { parts.append(try stored(part)) }
        return StoredSegment(parts: parts, sha256: segment.sha256, needs: needs)
    }
}
