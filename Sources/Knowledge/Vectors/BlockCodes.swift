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
        _ query: SignCode, _ number: Int, _ mask: SlotMask = .all, distances: inout [SIMD4<UInt16>],
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
        var farthest = SIMD4(repeating: nearest.farthest)
        for step in 0..<Self.steps {
            let distance = distances[step]
            guard any(distance .< farthest) else { continue }
            for lane in 0..<Self.lanes {
                let slot = step * Self.lanes + lane
                let bit = UInt64(1) << UInt64(slot & 63)
                guard allowed[slot >> 6] & bit != 0 else { continue }
                nearest.offer(slot: first + UInt32(slot), distance: distance[lane]) { word in
                    codes[word * Self.steps + step][lane]
                }
            }
            farthest = SIMD4(repeating: nearest.farthest)
        }
    }

    /// Room for `scan`.
    package static func room() -> [SIMD4<UInt16>] { [SIMD4<UInt16>](repeating: .zero, count: steps) }

    /// The distances of all slots. Bits are counted within nibbles, those of a few words summed within bytes,
    /// and bytes at the end: the machines that this is built for have no instruction that counts the bits of
    /// many words.
    private func measure(_ query: SignCode, _ distances: inout [SIMD4<UInt16>]) {
        let codes = codes.span
        let query = query.words.span
        var room = distances.mutableSpan
        for step in 0..<Self.steps {
            var sum = SIMD4<UInt64>.zero
            var word = 0
            while word < words {
                var nibbles = Self.bitsInNibbles(codes[word * Self.steps + step] ^ query[word])
                if word + 2 < words {
                    nibbles &+= Self.bitsInNibbles(codes[(word + 1) * Self.steps + step] ^ query[word + 1])
                    nibbles &+= Self.bitsInNibbles(codes[(word + 2) * Self.steps + step] ^ query[word + 2])
                    word += 3
                } else {
                    word += 1
                }
                let low = SIMD4<UInt64>(repeating: 0x0F0F_0F0F_0F0F_0F0F)
                let bytes = (nibbles & low) &+ ((nibbles &>> 4) & low)
                let even = SIMD4<UInt64>(repeating: 0x00FF_00FF_00FF_00FF)
                sum &+= (bytes & even) &+ ((bytes &>> 8) & even)
            }
            sum &+= sum &>> 32
            sum &+= sum &>> 16
            room[step] = SIMD4<UInt16>(truncatingIfNeeded: sum)
        }
    }

    @inline(__always)
    private static func bitsInNibbles(_ x: SIMD4<UInt64>) -> SIMD4<UInt64> {
        let pairs = x &- ((x &>> 1) & SIMD4(repeating: 0x5555_5555_5555_5555))
        let mask = SIMD4<UInt64>(repeating: 0x3333_3333_3333_3333)
        return (pairs & mask) &+ ((pairs &>> 2) & mask)
    }
}
