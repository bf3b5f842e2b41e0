package import Cryptography
internal import FileSystem
internal import KeyRing

/// When this home first saw each mark, by its own clock: no store can make a mark look older than that.
///
///     "ATPM" ‖ count u32
///     ‖ count × (location 16 ‖ pack id 16 ‖ SHA-256 of the mark 32 ‖ first seen u64) ‖ MAC 32
///
/// MAC = HMAC-SHA-256 under the home's key `pack-marks` over everything before it.
package struct MarkMemory: Sendable {
    private struct Seen: Sendable, Equatable, Canonical {
        var location: [UInt8]
        var pack: [UInt8]
        var mark: [UInt8]
        /// Milliseconds since 1970.
        var first: UInt64

        init(location: [UInt8], pack: [UInt8], mark: [UInt8], first: UInt64) {
            self.location = location
            self.pack = pack
            self.mark = mark
            self.first = first
        }

        init(from reader: inout CanonicalReader) throws(CryptoError) {
            location = try reader.raw(16)
            pack = try reader.raw(16)
            mark = try reader.raw(32)
            first = try reader.u64()
        }

        func write(to writer: inout CanonicalWriter) {
            writer.raw(location)
            writer.raw(pack)
            writer.raw(mark)
            writer.u64(first)
        }
    }

    /// Its name in `keys/`, and the purpose of the home's key for it.
    static let fileName = "pack-marks"
    static let purpose = KeyPurpose(rawValue: "pack-marks")
    private static let sizeLimit = 1 << 28
    private static let magic = Array("ATPM".utf8)

    private let path: String
    private let location: [UInt8]
    private var others: [Seen] = []
    private var seen: [[UInt8]: Seen] = [:]

    /// Reads the memory at `path`; one that is not there, or that somebody changed, remembers nothing: then
    /// every mark counts from now on, which removes nothing too early.
    package init(_ path: String, at location: BackupLocation, key: borrowing SecretBytes) throws {
        self.path = path
        self.location = location.id
        guard try Files.exists(path) else { return }
        let bytes = try Files.readAll(path, limit: Self.sizeLimit)
        guard bytes.count >= 40 else { return }
        let text = Array(bytes.dropLast(32))
        guard ConstantTime.equal(try HMAC.authenticate(.sha256, key: key, text), Array(bytes.suffix(32)))
        else { return }
        var reader = CanonicalReader(text)
        guard try reader.raw(4) == Self.magic else { return }
        for entry in try reader.list(of: Seen.self, limit: 1 << 21, size: 72) {
            if entry.location == self.location { seen[entry.pack] = entry } else { others.append(entry) }
        }
        try reader.expectEnd()
    }

    /// When this very mark was seen first: `now`, if it was not seen before.
    package mutating func firstSeen(_ pack: [UInt8], mark bytes: [UInt8], now: UInt64) -> UInt64 {
        let hash = Hash.digest(.sha256, bytes)
        if let entry = seen[pack], entry.mark == hash { return entry.first }
        seen[pack] = Seen(location: location, pack: pack, mark: hash, first: now)
        return now
    }

    /// Forgets all but these packs' marks, and stores the rest.
    package mutating func keep(_ packs: Set<[UInt8]>, key: borrowing SecretBytes) throws {
        seen = seen.filter { packs.contains($0.key) }
        var writer = CanonicalWriter()
        writer.raw(Self.magic)
        writer.list(
            others + seen.values.sorted { $0.pack.lexicographicallyPrecedes($1.pack) })
        try Durable.replace(
            path, with: writer.bytes + HMAC.authenticate(.sha256, key: key, writer.bytes))
    }
}
