internal import Dispatch
internal import Synchronization

/// A search through codes in memory, by all cores.
struct CodeScan: Sendable {
    /// Fewer blocks are no work for another core.
    private static let leastBlocks = 32

    private let query: SignCode
    private let mask: SlotMask

    init(_ query: SignCode, _ mask: SlotMask) {
        self.query = query
        self.mask = mask
    }

    /// Each core looks through neighbouring blocks, so that what they found joins in the order of the slots.
    func nearest(in blocks: [CodeCache.Block]) -> NearestCodes {
        let parts = max(1, min(Cores.count, blocks.count / Self.leastBlocks))
        let found = Mutex([Int: NearestCodes]())
        // How near the candidates of any part are, those of all are: what one has found spares the others.
        let farthest = Atomic(Int16.max - 1)
        DispatchQueue.concurrentPerform(iterations: parts) { part in
            var nearest = NearestCodes(limit: Rerank.most, words: query.words.count)
            var room = BlockCodes.room()
            for block in blocks[blocks.count * part / parts..<blocks.count * (part + 1) / parts] {
                // At the same distance earlier slots come first, so one step more is let in.
                nearest.narrow(to: farthest.load(ordering: .relaxed) + 1)
                block.codes.scan(query, block.number, mask, distances: &room, into: &nearest)
                farthest.min(nearest.farthest, ordering: .relaxed)
            }
            found.withLock { $0[part] = nearest }
        }
        var nearest = NearestCodes(limit: Rerank.most, words: query.words.count)
        for part in 0..<parts {
            if let found = found.withLock({ $0[part] }) { nearest.take(found) }
        }
        return nearest
    }
}
