import Cryptography

/// The root of a page map (`PageMap`), tag by tag, for those who do not hold them all as such.
public struct PageRootHasher {
    private let databaseID: [UInt8]
    private let counter: UInt64
    private var count = 0
    private var leaf: [UInt8] = []
    /// The hashes of the leaves that are complete, 32 bytes each.
    private var leaves: [UInt8] = []

    /// Begins with no pages.
    public init(databaseID: [UInt8], counter: UInt64) {
        self.databaseID = databaseID
        self.counter = counter
        leaf.reserveCapacity(PageTree.leaf + 5)
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
        return PageTree.root(
            leaves, databaseID: databaseID, pageCount: UInt32(count), counter: counter)
    }

    private mutating func open() {
        leaf.removeAll(keepingCapacity: true)
        leaf += PageTree.prefix(leaves.count / PageTree.hash)
    }

    private mutating func close() {
        leaves += Hash.digest(.sha256, leaf)
        open()
    }
}
