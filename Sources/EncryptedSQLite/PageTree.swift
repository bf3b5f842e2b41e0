import Cryptography

/// The hashes over the tags of all pages (`PageMap`).
enum PageTree {
    /// Bytes of the tags of a leaf, and of a hash.
    static let leaf = PageMap.leafCount * PageTag.count, hash = 32

    /// How many leaves `pageCount` pages have; at least one.
    static func leafCount(_ pageCount: UInt32) -> Int {
        max(1, (Int(pageCount) + PageMap.leafCount - 1) / PageMap.leafCount)
    }

    /// The leaf that holds page `number`, and the place of its tag in that.
    static func place(of number: UInt32) -> (leaf: Int, offset: Int) {
        let (leaf, within) = (Int(number) - 1).quotientAndRemainder(dividingBy: PageMap.leafCount)
        return (leaf, within * PageTag.count)
    }

    /// What leaf `index` begins with; its tags follow.
    static func prefix(_ index: Int) -> [UInt8] { [0x00] + bytes(UInt32(index)) }

    /// The hash of leaf `index`, whose tags are `tags`, zeros for pages beyond the end.
    static func hash(_ index: Int, _ tags: [UInt8]) -> [UInt8] { Hash.digest(.sha256, prefix(index) + tags) }

    /// The root over the hashes of all leaves, one after the other in `leaves`.
    static func root(
        _ leaves: [UInt8], databaseID: [UInt8], pageCount: UInt32, counter: UInt64
    ) -> [UInt8] {
        var level = leaves
        while level.count > hash {
            var next: [UInt8] = []
            next.reserveCapacity((level.count + hash) / 2)
            for left in stride(from: 0, to: level.count, by: 2 * hash) {
                let pair = level[left..<min(left + 2 * hash, level.count)]
                next += pair.count > hash ? Hash.digest(.sha256, [0x01] + pair) : Array(pair)
            }
            level = next
        }
        return Hash.digest(.sha256, [0x02] + databaseID + bytes(pageCount) + bytes(counter) + level)
    }

    private static func bytes(_ value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value.bigEndian) { Array($0) }
    }
}
