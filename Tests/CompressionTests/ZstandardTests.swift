import Compression
import Testing

@Suite struct ZstandardTests {
    /// Bytes that compress a little: a small generator whose seed is in the test's name.
    static func text(_ count: Int, seed: UInt64) -> [UInt8] {
        var state = seed
        return (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1
            return UInt8(ascii: "a") + UInt8(state >> 60)
        }
    }

    @Test(arguments: [0, 1, 1000, 131_071, 131_072, 131_073, 1_000_000])
    func expandsToWhatWasCompressed(_ count: Int) throws {
        let plain = Self.text(count, seed: 1)
        let frame = try Zstandard.compress(plain)
        #expect(try Zstandard.decompress(frame, plainCount: count, limit: count) == plain)
        if count >= 1000 { #expect(frame.count < count * 3 / 4) }
    }

    @Test(arguments: [Int?.none, 700_000])
    func aStreamInPiecesIsOneFrame(_ announced: Int?) throws {
        let plain = Self.text(700_000, seed: 2)
        var compressor = try ZstandardCompressor(plainCount: announced)
        var frame: [UInt8] = []
        for start in stride(from: 0, to: plain.count, by: 9_999) {
            try compressor.update(Array(plain[start..<min(plain.count, start + 9_999)])) { frame += $0 }
        }
        try compressor.finalize { frame += $0 }
        #expect(try Zstandard.decompress(frame, plainCount: plain.count, limit: .max) == plain)

        var decompressor = try ZstandardDecompressor(plainCount: plain.count, limit: plain.count)
        var expanded: [UInt8] = []
        for start in stride(from: 0, to: frame.count, by: 777) {
            try decompressor.update(Array(frame[start..<min(frame.count, start + 777)])) { expanded += $0 }
        }
        try decompressor.finalize()
        #expect(expanded == plain)
    }

    @Test func theDeclaredLengthIsTheLaw() throws {
        let frame = try Zstandard.compress(Self.text(300_000, seed: 3))
        #expect(code { try Zstandard.decompress(frame, plainCount: 300_000, limit: 299_999) } == .aboveLimit)
        #expect(code { try Zstandard.decompress(frame, plainCount: -1, limit: 10) } == .aboveLimit)
        #expect(code { try Zstandard.decompress(frame, plainCount: 299_999, limit: .max) } == .wrongLength)
        #expect(code { try Zstandard.decompress(frame, plainCount: 300_001, limit: .max) } == .wrongLength)
    }

    /// A thousand-fold expansion stops at the declared length, not at the end.
    @Test func aBombIsCutAtTheDeclaredLength() throws {
        let frame = try Zstandard.compress([UInt8](repeating: 0, count: 50_000_000))
        #expect(frame.count < 10_000)
        var decompressor = try ZstandardDecompressor(plainCount: 1_000_000, limit: 1_000_000)
        var emitted = 0
        #expect(throws: CompressionError.self) { try decompressor.update(frame) { emitted += $0.count } }
        #expect(emitted <= 1_000_000)
        #expect(code { try Zstandard.decompress(frame, plainCount: 1_000_000, limit: .max) } == .wrongLength)
    }

    @Test func damageIsAnError() throws {
        let plain = Self.text(5_000, seed: 4)
        let frame = try Zstandard.compress(plain)
        for count in 0..<frame.count {
            #expect(
                code { try Zstandard.decompress(Array(frame.prefix(count)), plainCount: 5_000, limit: 5_000) }
                    != nil)
        }
        let twice = frame + frame
        #expect(code { try Zstandard.decompress(twice, plainCount: 10_000, limit: 10_000) } == .malformed)
        #expect(code { try Zstandard.decompress(frame + [0], plainCount: 5_000, limit: 5_000) } == .malformed)
        #expect(code { try Zstandard.decompress([1, 2, 3, 4, 5], plainCount: 5, limit: 5) } == .malformed)
    }

    /// The stream refuses what the one-shot refuses.
    @Test func damageInAStreamIsAnError() throws {
        let frame = try Zstandard.compress(Self.text(5_000, seed: 5))
        func expand(_ frame: [UInt8], _ plainCount: Int) -> CompressionError.Code? {
            code {
                var plain: [UInt8] = []
                var decompressor = try ZstandardDecompressor(plainCount: plainCount, limit: 10_000)
                try decompressor.update(frame) { plain += $0 }
                try decompressor.finalize()
                return plain
            }
        }
        #expect(expand(frame, 5_000) == nil)
        #expect(expand(frame, 5_001) == .wrongLength)
        #expect(expand(frame, 4_999) == .wrongLength)
        #expect(expand(Array(frame.dropLast()), 5_000) == .malformed)
        #expect(expand(frame + [0], 5_000) == .malformed)
        #expect(expand(frame + frame, 10_000) == .malformed)
        #expect(expand([], 0) == .malformed)
    }

    @Test func anAnnouncedLengthMustBeMet() throws {
        #expect(throws: CompressionError.self) {
            var compressor = try ZstandardCompressor(plainCount: 10)
            try compressor.update([1, 2, 3]) { _ in }
            try compressor.finalize { _ in }
        }
    }

    private func code(_ body: () throws -> [UInt8]) -> CompressionError.Code? {
        do {
            _ = try body()
            return nil
        } catch {
            return (error as? CompressionError)?.code
        }
    }
}
