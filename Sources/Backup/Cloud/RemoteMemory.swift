internal import Cryptography
internal import FileSystem
internal import KeyRing

/// Which backups a remote had when this home looked at it last: what `backup list` says without asking.
///
///     "ATRK" ‖ u64(when, milliseconds since 1970) ‖ list of SHA-256 of a manifest's head (32) ‖ MAC 32
///
/// MAC = HMAC-SHA-256 under the home's key `remote-known` over everything before it. Nothing depends on it: a
/// memory that is gone or changed knows nothing.
struct RemoteMemory {
    private static let magic = Array("ATRK".utf8)
    private static let purpose = KeyPurpose(rawValue: "remote-known")
    private static let fileName = "known"
    private static let sizeLimit = 1 << 26
    /// What directories of remotes in `run/` are called, before their ids.
    static let prefix = "remote-"

    var time: UInt64
    /// Hashes of heads.
    var heads: Set<[UInt8]>

    /// Keeps it for the remote whose directory this is.
    func keep(in directory: String, _ keys: UnlockedKeys) throws {
        var writer = CanonicalWriter()
        writer.raw(Self.magic)
        writer.u64(time)
        writer.count(heads.count)
        for head in heads.sorted(by: { $0.lexicographicallyPrecedes($1) }) { writer.raw(head) }
        let mac = try HMAC.authenticate(.sha256, key: keys.homeKey(Self.purpose), writer.bytes)
        try Files.createDirectory(directory)
        try Durable.replace(directory + "/" + Self.fileName, with: writer.bytes + mac)
    }

    /// The memory of the remote whose directory this is.
    init?(of directory: String, _ keys: UnlockedKeys) throws {
        let path = directory + "/" + Self.fileName
        guard try Files.status(path)?.kind == .regular else { return nil }
        let bytes = try Files.readAll(path, limit: Self.sizeLimit)
        let text = Array(bytes.dropLast(32))
        let mac = try HMAC.authenticate(.sha256, key: keys.homeKey(Self.purpose), text)
        guard bytes.count > 32, ConstantTime.equal(mac, Array(bytes.suffix(32))) else { return nil }
        var reader = CanonicalReader(text)
        guard try reader.raw(4) == Self.magic else { return nil }
        time = try reader.u64()
        heads = []
        for _ in 0..<(try reader.count(limit: 1 << 21, elementCount: 32)) { heads.insert(try reader.raw(32)) }
        try reader.expectEnd()
    }

    init(time: UInt64, heads: Set<[UInt8]>) {
        self.time = time
        self.heads = heads
    }

    /// The heads that any remote of a home had.
    static func all(inRun directory: String, _ keys: UnlockedKeys) throws -> Set<[UInt8]> {
        guard try Files.exists(directory) else { return [] }
        var heads: Set<[UInt8]> = []
        for name in try Files.list(directory) where name.hasPrefix(prefix) {
            guard let memory = try RemoteMemory(of: directory + "/" + name, keys) else { continue }
            heads.formUnion(memory.heads)
        }
        return heads
    }
}
