/// Where a chunk stands.
struct ChunkPlace: Sendable {
    let id: ChunkID
    /// Number of the run (`RunTable`).
    let run: UInt32
    let offset: UInt32
    let length: UInt32
}

/// The chunks that need not be written again: 32 bytes each, and 6 to 11 for the table that finds them.
struct ChunkIndex {
    private static let pageCount = 1 << 16

    private var pages: [ContiguousArray<ChunkPlace>] = []
    private(set) var count = 0
    /// Open addressing; a number of a chunk and one, 0 for an empty slot.
    private var slots = [UInt32](repeating: 0, count: 1 << 12)

    /// The chunk of this id.
    subscript(_ id: ChunkID) -> ChunkPlace? {
        let slot = slots[find(id)]
        return slot == 0 ? nil : place(slot)
    }

    /// Adds a chunk unless its id is there.
    mutating func insert(_ chunk: ChunkPlace) {
        if count * 3 >= slots.count * 2 { grow() }
        let slot = find(chunk.id)
        guard slots[slot] == 0 else { return }
        if count % Self.pageCount == 0 {
            pages.append([])
            pages[pages.count - 1].reserveCapacity(pages.count == 1 ? 1024 : Self.pageCount)
        }
        pages[pages.count - 1].append(chunk)
        count += 1
        slots[slot] = UInt32(count)
    }

    private func place(_ slot: UInt32) -> ChunkPlace {
        let number = Int(slot) - 1
        return pages[number / Self.pageCount][number % Self.pageCount]
    }

    /// The slot that has the id, or the empty one where it belongs.
    private func find(_ id: ChunkID) -> Int {
        let mask = slots.count - 1
        var slot = Int(truncatingIfNeeded: id.short) & mask
        while slots[slot] != 0, place(slots[slot]).id != id { slot = (slot + 1) & mask }
        return slot
    }

    private mutating func grow() {
        slots = [UInt32](repeating: 0, count: slots.count * 2)
        let mask = slots.count - 1
        for number in 0..<count {
            var slot = Int(truncatingIfNeeded: place(UInt32(number + 1)).id.short) & mask
            while slots[slot] != 0 { slot = (slot + 1) & mask }
            slots[slot] = UInt32(number + 1)
        }
    }
}
