import Cryptography
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
}
