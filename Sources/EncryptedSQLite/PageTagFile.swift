/// `ai-agent.db-tags`: the tags of all pages and the hashes of their leaves. docs/FORMAT.md, "List of tags".
///
/// Header 4096: `ATPT` ‖ format 1 ‖ 0 0 0 ‖ page count 4 ‖ zeros. Then groups of 128 leaves: the hashes of
/// all 128, 32 bytes each, then the tags of each, 11,264 bytes. Needs no key and proves nothing by itself:
/// whoever reads it compares the hashes with a root, and the tags of a leaf with its hash.
struct PageTagFile {
    private static let header: Int64 = 4096, leavesInGroup = 128
    private static let group = Int64(leavesInGroup * (PageTree.hash + PageTree.leaf))
    private static let magic = Array("ATPT".utf8) + [Layout.format, 0, 0, 0]

    private let file: Descriptor

    /// Opens the list; nil when there is none.
    static func open(_ path: String) throws(EncryptedDatabaseError) -> PageTagFile? {
        guard try Paths.size(path) != nil else { return nil }
        return PageTagFile(file: try Descriptor(path))
    }

    /// Opens the list or begins one, whose name is on disk then.
    static func make(_ path: String) throws(EncryptedDatabaseError) -> PageTagFile {
        if let file = try open(path) { return file }
        let file = PageTagFile(file: try Descriptor(path, create: true))
        try Paths.syncDirectory(of: path)
        return file
    }

    /// How many pages the list says that it is of; nil when it is no list.
    func pageCount() throws(EncryptedDatabaseError) -> UInt32? {
        let bytes = try file.read(12, at: 0)
        guard bytes.count == 12, Array(bytes[..<8]) == Self.magic else { return nil }
        return bytes[8...].reduce(0) { $0 << 8 | UInt32($1) }
    }

    func write(pageCount: UInt32) throws(EncryptedDatabaseError) {
        let count = withUnsafeBytes(of: pageCount.bigEndian) { Array($0) }
        try file.write(Self.magic + count, at: 0)
    }

    /// The hashes of the first `count` leaves; fewer bytes when the file ends before.
    func hashes(_ count: Int) throws(EncryptedDatabaseError) -> [UInt8] {
        var found: [UInt8] = []
        for first in stride(from: 0, to: count, by: Self.leavesInGroup) {
            let wanted = min(count - first, Self.leavesInGroup) * PageTree.hash
            found += try file.read(wanted, at: Self.hashPlace(first))
        }
        return found
    }

    /// The tags of a leaf, unproven; shorter when the file ends before.
    func tags(_ leaf: Int) throws(EncryptedDatabaseError) -> [UInt8] {
        try file.read(PageTree.leaf, at: Self.tagPlace(leaf))
    }

    func write(_ tags: [UInt8], hash: [UInt8], leaf: Int) throws(EncryptedDatabaseError) {
        try file.write(tags, at: Self.tagPlace(leaf))
        try file.write(hash, at: Self.hashPlace(leaf))
    }

    func sync() throws(EncryptedDatabaseError) { try file.sync() }

    private static func hashPlace(_ leaf: Int) -> Int64 {
        header + Int64(leaf / leavesInGroup) * group + Int64(leaf % leavesInGroup * PageTree.hash)
    }

    private static func tagPlace(_ leaf: Int) -> Int64 {
        let within = leavesInGroup * PageTree.hash + leaf % leavesInGroup * PageTree.leaf
        return header + Int64(leaf / leavesInGroup) * group + Int64(within)
    }
}
