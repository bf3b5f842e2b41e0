import Cryptography

/// What tells one version of a page from every other: epoch, nonce and tag, as they stand in its trailer.
/// Needs no key to be read.
public struct PageTag: Sendable, Hashable {
    /// epoch 4 ‖ nonce 24 ‖ tag 16.
    public static let count = 44
    /// The 44 bytes; all zero for the lock page and for pages beyond the end.
    public let bytes: [UInt8]

    /// Of the lock page and of what is beyond the end.
    public static let none = PageTag(bytes: [UInt8](repeating: 0, count: PageTag.count))

    /// Takes 44 bytes as a page map holds them; nil for another size.
    public init?(encoded: [UInt8]) {
        guard encoded.count == PageTag.count else { return nil }
        bytes = encoded
    }

    init(bytes: [UInt8]) { self.bytes = bytes }

    /// Of a page as it stands on disk: nonce, tag and epoch are in its last 48 bytes.
    public init(ciphertext page: [UInt8]) {
        let trailer = page[(page.count - Layout.trailer)...]
        let start = trailer.startIndex
        bytes = Array(trailer[(start + 40)..<(start + 44)]) + Array(trailer[start..<(start + 40)])
    }

    /// The epoch that the page is encrypted under.
    public var epoch: UInt32 { bytes[..<4].reduce(0) { $0 << 8 | UInt32($1) } }
    /// The nonce, 24 bytes.
    public var nonce: [UInt8] { Array(bytes[4..<28]) }
    /// The tag, 16 bytes.
    public var tag: [UInt8] { Array(bytes[28...]) }
}

/// The tags of all pages of one state of a database and the root over them: one definition for the seal, for
/// anchors and for a backup's page map.
///
/// Leaf i = SHA-256(0x00 ‖ i ‖ 256 tags) over pages 256i+1 and following, inner node = SHA-256(0x01 ‖ left ‖
/// right), an odd node is carried up, root = SHA-256(0x02 ‖ database id ‖ page count ‖ counter ‖ top).
/// Numbers are big-endian: i and page count u32, counter u64. Never a sum or XOR of tags, which can be
/// forged.
public struct PageMap: Sendable, Hashable {
    /// Tags in a leaf.
    public static let leafCount = 256

    /// The database's id, 16 bytes.
    public let databaseID: [UInt8]
    /// The seal's counter at that state.
    public let counter: UInt64
    /// One for each page, page 1 first.
    public let tags: [PageTag]

    /// A map of `tags`, page 1 first.
    public init(databaseID: [UInt8], counter: UInt64, tags: [PageTag]) {
        self.databaseID = databaseID
        self.counter = counter
        self.tags = tags
    }

    /// The root, 32 bytes.
    public func root() -> [UInt8] {
        var hasher = PageRootHasher(databaseID: databaseID, counter: counter)
        for tag in tags { tag.bytes.withUnsafeBytes { hasher.add($0) } }
        return hasher.finalize()
    }
}
