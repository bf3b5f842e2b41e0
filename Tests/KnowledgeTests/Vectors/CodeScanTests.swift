import Knowledge
import TestSupport
import Testing
import Vault

@Suite struct CodeScanTests {
    @Test(arguments: [64, 100, 384, 500, 3072])
    func aScanFindsWhatCountingEveryBitFinds(dimensions: Int) throws {
        var random = SplitMix64(seed: UInt64(dimensions))
        let words = CodeBlock.words(dimensions)
        let codes = (0..<CodeBlock.slots * 2).map { _ in
            randomCode(words, &random)
        }
        let blocks = try [0, 1].map { block in
            try Self.block(Array(codes[block * CodeBlock.slots..<(block + 1) * CodeBlock.slots]), words)
        }
        let query = randomCode(words, &random)
        for limit in [1, 10, 200, 3000] {
            var nearest = NearestCodes(limit: limit, words: words)
            var room = BlockCodes.room()
            for (number, block) in blocks.enumerated() {
                block.scan(query, number, distances: &room, into: &nearest)
            }
            let expected = codes.enumerated().map { ($0.element.distance(to: query), $0.offset) }
                .sorted { $0 < $1 }.prefix(limit).map(\.1).sorted()
            let found = nearest.found()
            #expect(found.map { Int($0) } == expected)
        }
    }

    @Test func slotsThatAreEmptyOrNotWantedAreNotOffered() throws {
        var random = SplitMix64(seed: 7)
        let codes = (0..<CodeBlock.slots).map { _ in randomCode(6, &random) }
        let block = try Self.block(codes, 6, live: { $0 % 3 != 0 })
        let even = stride(from: UInt32(0), to: UInt32(CodeBlock.slots), by: 2).map { $0 }
        for mask in [SlotMask.only(even), .without(even.map { $0 + 1 })] {
            var nearest = NearestCodes(limit: CodeBlock.slots, words: 6)
            var room = BlockCodes.room()
            block.scan(codes[0], 0, mask, distances: &room, into: &nearest)
            #expect(
                Set(nearest.found().map { Int($0) })
                    == Set((0..<CodeBlock.slots).filter { $0 % 3 != 0 && $0 % 2 == 0 }))
        }
        var none = NearestCodes(limit: CodeBlock.slots, words: 6)
        var room = BlockCodes.room()
        block.scan(codes[0], 1, .only(even), distances: &room, into: &none)
        #expect(none.found().isEmpty)
    }

    /// Parts of a scan that were made apart and joined are one scan.
    @Test(arguments: 1...20) func joinedScansAreOne(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let limit = Int.random(in: 1...300, using: &random)
        // Few different distances, so that there are many alike.
        let codes = (0..<5000).map { _ in SignCode(words: [random.next() & random.next() & 0xFFFF]) }
        func offer(_ slots: Range<Int>, to nearest: inout NearestCodes) {
            for slot in slots {
                let distance = Int16(codes[slot].words[0].nonzeroBitCount)
                nearest.offer(slot: UInt32(slot), distance: distance)
            }
        }
        var joined = NearestCodes(limit: limit, words: 1)
        var start = 0
        while start < codes.count {
            let end = min(codes.count, start + Int.random(in: 1...2000, using: &random))
            var part = NearestCodes(limit: limit, words: 1)
            offer(start..<end, to: &part)
            joined.take(part)
            start = end
        }
        let wanted = codes.indices.sorted {
            let (a, b) = (codes[$0].words[0].nonzeroBitCount, codes[$1].words[0].nonzeroBitCount)
            return a != b ? a < b : $0 < $1
        }
        let found = joined.found()
        #expect(found.map { Int($0) } == wanted.prefix(limit).sorted(), "seed \(seed), limit \(limit)")
    }

    @Test func bytesOfAnotherLengthAreNoBlock() {
        let block = CodeBlock.empty(words: 6)
        #expect(Self.open(block, 6) != nil)
        #expect(Self.open(block.dropLast(), 6) == nil)
        #expect(Self.open(block, 5) == nil)
        #expect(Self.open([], 0) == nil)
    }

    static func block(
        _ codes: [SignCode], _ words: Int, live isLive: (Int) -> Bool = { _ in true }
    ) throws -> BlockCodes {
        var block = CodeBlock.empty(words: words)
        for (slot, code) in codes.enumerated() {
            CodeBlock.set(code.words, at: slot, in: &block)
            if !isLive(slot) { CodeBlock.set(nil, at: slot, in: &block) }
        }
        return try #require(open(block, words))
    }

    private static func open(_ block: some Sequence<UInt8>, _ words: Int) -> BlockCodes? {
        Array(block).withUnsafeBytes { BlockCodes(block: $0, words: words) }
    }
}

private func randomCode(_ words: Int, _ random: inout SplitMix64) -> SignCode {
    SignCode(words: (0..<words).map { _ in random.next() })
}

func randomVector(_ dimensions: Int, _ random: inout SplitMix64) -> [Float] {
    (0..<dimensions).map { _ in Float.random(in: -1...1, using: &random) }
}
