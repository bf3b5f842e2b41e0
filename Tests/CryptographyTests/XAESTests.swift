import Cryptography
import Foundation
import Testing

@Suite struct XAESTests {
    /// The two vectors of c2sp.org/XAES-256-GCM: MSB of L clear, and set.
    @Test(arguments: [
        (UInt8(1), "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"),
        (UInt8(3), "c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"),
    ])
    func specificationVectors(_ byte: UInt8, _ aad: String, _ expected: String) throws {
        let cipher = try XAES256GCM(key: secret([UInt8](repeating: byte, count: 32)))
        let nonce = Array("ABCDEFGHIJKLMNOPQRSTUVWX".utf8)
        let plaintext = Array("XAES-256-GCM".utf8)
        let sealed = try cipher.seal(plaintext, nonce: nonce, aad: Array(aad.utf8))
        #expect(hex(sealed) == expected)
        let opened = cipher.open(sealed, nonce: nonce, aad: Array(aad.utf8))
        #expect(opened.error == nil)
        #expect(opened.output == plaintext)
    }

    @Test func everyFlippedBitIsRefusedAndTheOutputZeroed() throws {
        let cipher = try XAES256GCM(key: SecretBytes.random(count: 32))
        let nonce = try RandomBytes.bytes(24)
        let sealed = try cipher.seal([1, 2, 3, 4], nonce: nonce, aad: [9])
        for bit in 0..<sealed.count * 8 {
            var changed = sealed
            changed[bit / 8] ^= 1 << UInt8(bit % 8)
            let opened = cipher.open(changed, nonce: nonce, aad: [9])
            #expect(opened.error?.code == .authenticationFailed)
            #expect(opened.output == [0, 0, 0, 0])
        }
        #expect(cipher.open(sealed, nonce: nonce, aad: [8]).error?.code == .authenticationFailed)
        #expect(cipher.open(sealed, nonce: nonce, aad: [9]).output == [1, 2, 3, 4])
    }

    @Test func wrongSizesAreRefused() throws {
        #expect(throws: CryptoError.self) { _ = try XAES256GCM(key: SecretBytes.random(count: 16)) }
        let cipher = try XAES256GCM(key: SecretBytes.random(count: 32))
        #expect(throws: CryptoError.self) { try cipher.seal([1], nonce: [1, 2, 3]) }
    }

    /// The accumulated tests of the specification: random keys, nonces, plaintexts and AADs from one
    /// SHAKE-128, the ciphertexts hashed by another. The long one takes minutes: AI_TEAM_LONG_TESTS=1.
    @Test(arguments: [
        (10_000, "e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939"),
        (1_000_000, "2163ae1445985a30b60585ee67daa55674df06901b890593e824b8a7c885ab15"),
    ])
    func accumulated(_ count: Int, _ expected: String) throws {
        let isLong = ProcessInfo.processInfo.environment["AI_TEAM_LONG_TESTS"] == "1"
        guard count <= 10_000 || isLong else { return }
        var source = Shake128()
        var sink = Shake128()
        for _ in 0..<count {
            let cipher = try XAES256GCM(key: secret(source.squeeze(32)))
            let nonce = source.squeeze(24)
            let plaintext = source.squeeze(Int(source.squeeze(1)[0]))
            let aad = source.squeeze(Int(source.squeeze(1)[0]))
            let sealed = try cipher.seal(plaintext, nonce: nonce, aad: aad)
            sink.absorb(sealed)
            let opened = cipher.open(sealed, nonce: nonce, aad: aad)
            guard opened.error == nil, opened.output == plaintext else {
                Issue.record("a ciphertext does not open")
                return
            }
        }
        #expect(hex(sink.squeeze(32)) == expected)
    }

    @Test func theStreamBehindTheAccumulatedTests() {
        var source = Shake128()
        #expect(hex(source.squeeze(16)) == "7f9c2ba4e88f827d616045507605853e")
    }
}
