import Vault

/// The codes of one block as the scan reads them: four slots at a time.
package struct BlockCodes: Sendable {
    /// Slots in one step.
    private static let lanes = 4
    private static let steps = CodeBlock.slots / lanes

    private let codes: [SIMD4<UInt64>]
    private let words: Int
    /// Bit `s % 64` of word `s / 64` says whether slot s holds a vector.
    private let live: [UInt64]

    /// - Returns: nil when the bytes are not those of a block of such codes.
    package init?(block: UnsafeRawBufferPointer, words: Int) {
        guard words > 0, block.count == CodeBlock.bytes(words: words) else { return nil }
        self.words = words
        let live = UnsafeRawBufferPointer(rebasing: block.prefix(CodeBlock.liveBytes))
        let codes = UnsafeRawBufferPointer(rebasing: block.dropFirst(CodeBlock.liveBytes))
        self.codes = StoredBytes.array(of: SIMD4<UInt64>.zero, from: codes)
        self.live = StoredBytes.array(of: 0, from: live)
    }

    /// Offers the slots that hold a vector, and that the mask lets through, to `nearest`.
    ///
    /// - Parameters:
    ///   - number: the block's.
    ///   - distances: room for the distances of a block, so that scans share it.
    package func scan(
        _ query: SignCode, _ number: Int, _ mask: SlotMask = .all, distances: inout [SIMD4<Int16>],
        into nearest: inout NearestCodes
    ) {
        let allowed: [UInt64]
        switch mask.block(number) {
        case .none: return
        case .some(let mask): allowed = zip(mask, live).map { $0 & $1 }
        case .all: allowed = live
        }
        let first = UInt32(number * CodeBlock.slots)
        measure(query, &distances)
        let distances = distances.span
        // Most steps have nothing near in them: four are looked at together.
        for start in stride(from: 0, to: Self.steps, by: 4) {
            let nearer = pointwiseMin(distances[start], distances[start + 1])
            let least = pointwiseMin(nearer, pointwiseMin(distances[start + 2], distances[start + 3]))
            guard any(least .< SIMD4(repeating: nearest.bound)) else { continue }
            for step in start..<start + 4 {
                let near = distances[step]
                guard any(near .< SIMD4(repeating: nearest.bound)) else { continue }
                for lane in 0..<Self.lanes where near[lane] < nearest.bound {
                    let slot = step * Self.lanes + lane
                    guard allowed[slot >> 6] & 1 << UInt64(slot & 63) != 0 else { continue }
                    nearest.offer(slot: first + UInt32(slot), distance: near[lane])
                }
            }
        }
    }

    /// The code of a slot of the block; nil when it holds no vector.
    func code(of slot: Int) -> SignCode? {
        guard live[slot >> 6] & 1 << UInt64(slot & 63) != 0 else { return nil }
        let (step, lane) = (slot / Self.lanes, slot % Self.lanes)
        return SignCode(words: (0..<words).map { codes[$0 * Self.steps + step][lane] })
    }

    /// Room for `scan`.
    package static func room() -> [SIMD4<Int16>] { [SIMD4<Int16>](repeating: .zero, count: steps) }

    /// The distances of all slots.
    private func measure(_ query: SignCode, _ distances: inout [SIMD4<Int16>]) {
        let codes = codes.span
        let query = query.words.span
        var room = distances.mutableSpan
        for step in 0..<Self.steps {
            @inline(__always)
            func differing(_ word: Int) -> SIMD4<UInt64> { codes[word * Self.steps + step] ^ query[word] }
            var sum = SIMD4<UInt64>.zero
            var word = 0
            while word + 6 <= words {
                sum &+= BitCount.six(
                    differing(word), differing(word + 1), differing(word + 2), differing(word + 3),
                    differing(word + 4), differing(word + 5))
                word += 6
            }
            while word < words {
                sum &+= BitCount.one(differing(word))
                word += 1
            }
            room[step] = SIMD4<Int16>(truncatingIfNeeded: BitCount.total(sum))
        }
    }
}
