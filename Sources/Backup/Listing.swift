internal import Compression
package import Cryptography

/// One piece of a list that a manifest names without holding it.
///
/// A *listing* is a strictly ascending sequence of records, cut into segments where the records themselves
/// say so (`ListingCut`). A segment stands in packs like everything else, and one that the backup before had
/// already is not stored again: of a list of a million files a few segments change with a few files. Inside
/// a segment packs are named by id, so that it is the same whichever manifest names it.
package struct Segment: Sendable, Equatable, Canonical {
    /// At most 4 MiB of plaintext in each, compressed; in order.
    package var parts: [Unit]
    /// Of the plaintext of all parts.
    package var sha256: [UInt8]
    /// The most parts that a segment has.
    static let partLimit = 1024

    package init(parts: [Unit], sha256: [UInt8]) {
        self.parts = parts
        self.sha256 = sha256
    }

    package init(from reader: inout CanonicalReader) throws(CryptoError) {
        parts = try reader.list(of: Unit.self, limit: Self.partLimit, size: 20)
        sha256 = try reader.raw(32)
    }

    package func write(to writer: inout CanonicalWriter) {
        writer.list(parts)
        writer.raw(sha256)
    }

    /// The plaintext.
    ///
    /// - Parameter read: the bytes of an extent.
    /// - Throws: `.integrity` naming `object`.
    package func plain(_ object: String, _ read: (Extent) throws -> [UInt8]) throws -> [UInt8] {
        var bytes: [UInt8] = []
        for part in parts { bytes += try part.expand(read) }
        guard Hash.digest(.sha256, bytes) == sha256 else {
            throw BackupError.integrity(object, "a segment that is not the one that the manifest names")
        }
        return bytes
    }
}

extension Unit {
    /// The largest unit before compression.
    package static let plainLimit = 4 << 20

    /// Reads and expands the unit.
    ///
    /// - Throws: `.integrity` when it is not one frame of exactly its length.
    package func expand(_ read: (Extent) throws -> [UInt8]) throws -> [UInt8] {
        do {
            return try Zstandard.decompress(
                read(place), plainCount: Int(plainLength), limit: Self.plainLimit)
        } catch let error as CompressionError {
            throw BackupError.integrity("unit at \(place.offset)", error.message)
        }
    }
}

/// Says where a listing is cut: after a record whose key has the right hash, so that lists that differ in a
/// few records are cut alike everywhere else. Depends on nothing but what came since the last cut.
package struct ListingCut: Sendable {
    private static let fewest = 64
    /// One in so many keys ends a segment.
    private static let average: UInt64 = 1024
    private static let most = 8192
    /// Bytes after which a segment ends in any case.
    private static let byteLimit = 1 << 20

    private var records = 0
    private var bytes = 0

    package init() {}

    /// Counts a record; true when the segment ends with it.
    package mutating func endsAfter(key: [UInt8], bytes count: Int) -> Bool {
        records += 1
        bytes += count
        let isEnd =
            records >= Self.most || bytes >= Self.byteLimit
            || (records >= Self.fewest && Self.hash(key) % Self.average == 0)
        if isEnd { self = ListingCut() }
        return isEnd
    }

    /// FNV-1a: spreads well enough, and nobody gains by choosing names.
    private static func hash(_ key: [UInt8]) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in key { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return hash >> 20
    }
}

/// Writes the segments of one listing.
package final class SegmentSeries<Keys: BackupKeys> {
    private let name: String
    private let pipeline: UnitPipeline<Keys>
    private let base: [[UInt8]: StoredSegment]
    private var made: [Made] = []

    private enum Made {
        case awaited
        case old(StoredSegment)
        case new(sha256: [UInt8], numbers: [Int], needs: Set<[UInt8]>)
    }

    /// - Parameters:
    ///   - name: how its members in packs are called.
    ///   - base: the segments of the backup that this one builds on.
    package init(_ name: String, _ pipeline: UnitPipeline<Keys>, base: [StoredSegment]) {
        self.name = name
        self.pipeline = pipeline
        self.base = Dictionary(base.map { ($0.sha256, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// Adds a segment; it is written unless the base has it.
    ///
    /// - Parameter needs: the packs that its records name.
    package func add(_ plain: [UInt8], needs: Set<[UInt8]>) throws {
        try add(plain, needs: needs, at: reserve())
    }

    /// Keeps the next place for a segment that is added later.
    func reserve() -> Int {
        made.append(.awaited)
        return made.count - 1
    }

    /// Adds the segment that a place was kept for.
    func add(_ plain: [UInt8], needs: Set<[UInt8]>, at place: Int) throws {
        let hash = Hash.digest(.sha256, plain)
        if var old = base[hash] {
            old.needs = needs
            made[place] = .old(old)
            return
        }
        let numbers = try stride(from: 0, to: plain.count, by: Unit.plainLimit).map { start in
            try pipeline.submit(
                "\(name)/\(place)/\(start)",
                Array(plain[start..<min(start + Unit.plainLimit, plain.count)]), isList: true)
        }
        made[place] = .new(sha256: hash, numbers: numbers, needs: needs)
    }

    /// All segments in order, once they have their places.
    package func finish() throws -> [StoredSegment] {
        try pipeline.drain()
        return try made.map { made in
            switch made {
            case .awaited: throw BackupError(.failed, "a segment that was never added", object: name)
            case .old(let segment): return segment
            case .new(let sha256, let numbers, let needs):
                return StoredSegment(parts: try numbers.map(pipeline.unit), sha256: sha256, needs: needs)
            }
        }
    }
}
