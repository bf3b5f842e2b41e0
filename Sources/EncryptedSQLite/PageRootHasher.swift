import Cryptography

/// The root of a page map (`PageMap`), tag by tag, for those who do not hold them all as such.
public struct PageRootHasher {
    private let databaseID: [UInt8]
    private let counter: UInt64
    private var count = 0
    private var leaf: [UInt8] = []
    private var leaves: [[UInt8]] = []

    /// Begins with no pages.
    public init(databaseID: [UInt8], counter: UInt64) {
        self.databaseID = databaseID
        self.counter = counter
        leaf.reserveCapacity(PageMap.leafCount * PageTag.count + 5)
        open()
    }

    /// Adds the next page's tag: epoch 4 ‖ nonce 24 ‖ tag 16, all zero for the lock page.
    public mutating func add(_ tag: UnsafeRawBufferPointer) {
        leaf.append(contentsOf: tag)
        count += 1
        if count % PageMap.leafCount == 0 { close() }
    }

    /// The root, 32 bytes.
    public consuming func finalize() -> [UInt8] {
        if count == 0 || count % PageMap.leafCount != 0 {
            let rest = PageMap.leafCount - count % PageMap.leafCount
            leaf += [UInt8](repeating: 0, count: rest * PageTag.count)
            close()
        }
        var level = leaves
        while level.count > 1 {
            level = stride(from: 0, to: level.count, by: 2).map { left in
                guard left + 1 < level.count else { return level[left] }
                return Hash.digest(.sha256, [0x01] + level[left] + level[left + 1])
            }
        }
        let counts = Self.bytes(UInt32(count)) + Self.bytes(counter)
        return Hash.digest(.sha256, [0x02] + databaseID + counts + level[0])
    }

    private mutating func open() {
        leaf.removeAll(keepingCapacity: true)
        leaf.append(0x00)
        leaf += Self.bytes(UInt32(leaves.count))
    }

    private mutating func close() {
        leaves.append(Hash.digest(.sha256, leaf))
        open()
    }

    private static func bytes(_ value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value.bigEndian) { Array($0) }
    }
}
