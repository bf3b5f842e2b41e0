import Cryptography
import Testing

@Suite struct CobblestoneTests {
    static let sizes = [0, 1, 16383, 16384, 16385, 32768, 40000]

    @Test(arguments: sizes)
    func opensWhatItSealed(_ size: Int) throws {
        let key = try SecretBytes.random(count: 32)
        let plaintext = try RandomBytes.bytes(size)
        let sealed = try Cobblestone.seal(key: key, context: [1, 2], plaintext)
        #expect(sealed.count == Cobblestone.ciphertextCount(forPlaintext: size))
        #expect(Cobblestone.plaintextCount(forCiphertext: sealed.count) == size)
        #expect(try Cobblestone.open(key: key, context: [1, 2], sealed) == plaintext)
        #expect(failure { _ = try Cobblestone.open(key: key, context: [1], sealed) } == .invalidKey)
        let other = try SecretBytes.random(count: 32)
        #expect(failure { _ = try Cobblestone.open(key: other, context: [1, 2], sealed) } == .invalidKey)
    }

    /// Every size is either that of exactly one plaintext or of none.
    @Test func sizesAreOneToOne() {
        var sizes: [Int: Int] = [:]
        for plain in 0...50_000 { sizes[Cobblestone.ciphertextCount(forPlaintext: plain)] = plain }
        let wrong = (0...50_000).filter { Cobblestone.plaintextCount(forCiphertext: $0) != sizes[$0] }
        #expect(wrong.isEmpty)
        #expect(Cobblestone.plaintextCount(forCiphertext: Int.min) == nil)
        #expect((Cobblestone.plaintextCount(forCiphertext: Int.max) ?? 0) < Int.max)
    }

    @Test func aStreamInOddPiecesIsTheSameMessage() throws {
        let key = try SecretBytes.random(count: 32)
        let plaintext = try RandomBytes.bytes(50000)
        var encryptor = try CobblestoneEncryptor(key: key, context: [5])
        var sealed = encryptor.header
        var offset = 0
        for step in [0, 1, 16383, 17000, 3, 16613] {
            try encryptor.update(Array(plaintext[offset..<offset + step])) { sealed.append(contentsOf: $0) }
            offset += step
        }
        try encryptor.finalize { sealed.append(contentsOf: $0) }
        #expect(try Cobblestone.open(key: key, context: [5], sealed) == plaintext)

        var decryptor = try CobblestoneDecryptor(
            key: key, context: [5], header: Array(sealed.prefix(Cobblestone.headerCount)))
        var opened: [UInt8] = []
        for byte in sealed.dropFirst(Cobblestone.headerCount) {
            try decryptor.update([byte]) { opened.append(contentsOf: $0) }
        }
        try decryptor.finalize { opened.append(contentsOf: $0) }
        #expect(opened == plaintext)
    }

    @Test func everyTruncationAndExtensionIsRefused() throws {
        let key = try SecretBytes.random(count: 32)
        let sealed = try Cobblestone.seal(key: key, context: [], RandomBytes.bytes(16500))
        for count in Array(0..<80) + Array(16450..<16480) + Array(16560..<sealed.count) {
            let cut = Array(sealed.prefix(count))
            #expect(failure { _ = try Cobblestone.open(key: key, context: [], cut) } != nil)
        }
        #expect(failure { _ = try Cobblestone.open(key: key, context: [], sealed + [0]) } != nil)
        #expect(try Cobblestone.open(key: key, context: [], sealed).count == 16500)
    }

    @Test func chunksCannotBeSwapped() throws {
        let key = try SecretBytes.random(count: 32)
        let sealed = try Cobblestone.seal(key: key, context: [], RandomBytes.bytes(40000))
        let size = Cobblestone.sealedChunkCount
        let header = sealed[..<56], first = sealed[56..<56 + size], second = sealed[56 + size..<56 + 2 * size]
        let swapped = Array(header + second + first + sealed[(56 + 2 * size)...])
        #expect(failure { _ = try Cobblestone.open(key: key, context: [], swapped) } == .authenticationFailed)
    }

    @Test func nothingIsEmittedAfterAFailure() throws {
        let key = try SecretBytes.random(count: 32)
        var sealed = try Cobblestone.seal(key: key, context: [], RandomBytes.bytes(50000))
        sealed[56 + Cobblestone.sealedChunkCount + 5] ^= 1
        var decryptor = try CobblestoneDecryptor(key: key, context: [], header: Array(sealed.prefix(56)))
        var emitted = 0
        #expect(throws: CryptoError.self) {
            try decryptor.update(Array(sealed.dropFirst(56))) { emitted += $0.count }
        }
        #expect(throws: CryptoError.self) {
            try decryptor.update(Array(sealed.dropFirst(56))) { emitted += $0.count }
        }
        #expect(emitted == Cobblestone.chunkCount)
    }

    @Test func aReaderReadsAnyPart() throws {
        let key = try SecretBytes.random(count: 32)
        let plaintext = try RandomBytes.bytes(50000)
        let sealed = try Cobblestone.seal(key: key, context: [3], plaintext)
        var reader = try CobblestoneReader(
            key: key, context: [3], header: Array(sealed.prefix(56)), ciphertextCount: sealed.count)
        let counts = (reader.plaintextCount, reader.chunkCount, reader.isLengthAuthentic)
        #expect(counts == (50000, 4, false))
        for range in [0..<1, 16383..<16385, 100..<49999, 49000..<60000, 50000..<50001, 0..<50000] {
            var read = 0
            let part = try reader.read(range) { range in
                read += range.count
                return Array(sealed[range])
            }
            #expect(part == Array(plaintext[range.clamped(to: 0..<50000)]))
            #expect(read <= (range.count / 16384 + 3) * Cobblestone.sealedChunkCount)
        }
        let isAuthentic = reader.isLengthAuthentic
        #expect(isAuthentic)
    }

    @Test func aReaderRefusesAClaimedLength() throws {
        let key = try SecretBytes.random(count: 32)
        let sealed = try Cobblestone.seal(key: key, context: [], RandomBytes.bytes(50000))
        let cut = Array(sealed.prefix(56 + Cobblestone.sealedChunkCount + 20))
        var reader = try CobblestoneReader(
            key: key, context: [], header: Array(sealed.prefix(56)), ciphertextCount: cut.count)
        #expect(failure { _ = try reader.read(0..<1) { Array(cut[$0]) } } == .authenticationFailed)
        let whole = 56 + Cobblestone.sealedChunkCount
        #expect(
            failure {
                _ = try CobblestoneReader(
                    key: key, context: [], header: Array(sealed.prefix(56)), ciphertextCount: whole)
            } == .authenticationFailed)
    }
}
