internal import Cryptography
public import Vault

/// A checkpoint's name: random, so that nobody's attempt stands in another's way.
public struct CheckpointID: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// 16 bytes.
    public let bytes: [UInt8]

    /// - Returns: nil for anything but 16 bytes.
    public init?(_ bytes: [UInt8]) {
        guard bytes.count == 16 else { return nil }
        self.bytes = bytes
    }

    /// What objects of the checkpoint carry where a segment has its link, 32 bytes.
    var link: [UInt8] { bytes + [UInt8](repeating: 0, count: 16) }

    /// 32 hexadecimal digits.
    public var description: String { Hex.encode(bytes) }

    public static func < (a: CheckpointID, b: CheckpointID) -> Bool {
        a.bytes.lexicographicallyPrecedes(b.bytes)
    }
}

/// What a checkpoint's manifest says inside its encryption: how far the checkpoint speaks, what it comes to,
/// and of which chunks it is made.
public struct CheckpointBody: Sendable, Hashable {
    /// How far it speaks of each lane, in their order.
    public var vector: [Observation]
    /// The state root of everything up to there.
    public var root: StateRoot
    /// SHA-256 of each chunk's header and signature, in their order.
    public var chunks: [[UInt8]]

    /// The inside of a manifest.
    public init(vector: [Observation], root: StateRoot, chunks: [[UInt8]]) {
        self.vector = vector
        self.root = root
        self.chunks = chunks
    }

    /// The most chunks that a checkpoint has: of 8 MiB before compression, half a terabyte.
    private static let chunkLimit = 1 << 16

    /// The canonical bytes.
    public var encoded: [UInt8] {
        var writer = CanonicalWriter()
        vector.encode(into: &writer)
        let groups = root.subRoots.keys.sorted { $0.rawValue < $1.rawValue }
        writer.count(groups.count)
        for group in groups {
            writer.u8(group.rawValue)
            writer.raw(root.subRoots[group] ?? [])
        }
        writer.count(chunks.count)
        for chunk in chunks { writer.raw(chunk) }
        return writer.bytes
    }

    /// - Throws: `integrity` for bytes that `encoded` doesn't make.
    public init(_ bytes: [UInt8], name: String) throws(SyncError) {
        do throws(CryptoError) {
            var reader = CanonicalReader(bytes)
            vector = try [Observation](from: &reader)
            var subRoots: [SyncGroup: [UInt8]] = [:]
            for _ in 0..<(try reader.count(limit: 16, elementCount: 33)) {
                guard let group = SyncGroup(rawValue: try reader.u8()) else {
                    throw CryptoError(.malformed, "it has a root of an unknown kind of records")
                }
                subRoots[group] = try reader.raw(32)
            }
            root = StateRoot(subRoots: subRoots)
            chunks = []
            for _ in 0..<(try reader.count(limit: Self.chunkLimit, elementCount: 32)) {
                chunks.append(try reader.raw(32))
            }
            try reader.expectEnd()
        } catch { throw .integrity(name, error.message) }
        guard encoded == bytes else { throw .integrity(name, "it is not canonical") }
    }
}
