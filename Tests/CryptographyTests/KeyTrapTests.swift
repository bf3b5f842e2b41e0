import Cryptography
import Testing

/// What OpenSSL accepts and we must not, and parameters that are refused before any work.
@Suite struct KeyTrapTests {
    private static let identity = [1] + [UInt8](repeating: 0, count: 31)
    private static let smallOrder = [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        // The identity and the point of order 2 have x = 0, which a set sign bit spells once more.
        "0100000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    ]

    /// R = identity, S = 0 is a signature of everything under the identity, says OpenSSL 3.0.
    @Test func theSignatureThatFitsEverything() {
        let signature = Self.identity + [UInt8](repeating: 0, count: 32)
        for message in [[], [1], [1, 2, 3]] as [[UInt8]] {
            let result = failure {
                try Ed25519.verify(
                    signature: signature, of: message, domain: "test", publicKey: Self.identity)
            }
            #expect(result == .invalidPoint)
        }
    }

    @Test(arguments: smallOrder)
    func smallOrderKeysAreRefused(_ text: String) {
        #expect(!Ed25519.isAcceptable(publicKey: hex(text)))
    }

    /// y = p ... 2^255 - 1 encode what a smaller number encodes already; with either sign.
    @Test func nonCanonicalKeysAreRefused() {
        for low in UInt8(0xed)...0xff {
            for high in [UInt8(0x7f), 0xff] {
                #expect(
                    !Ed25519.isAcceptable(publicKey: [low] + [UInt8](repeating: 0xff, count: 30) + [high]))
            }
        }
        // The largest canonical ones but p - 1, and a plain key, are fine.
        #expect(Ed25519.isAcceptable(publicKey: [0xeb] + [UInt8](repeating: 0xff, count: 30) + [0x7f]))
        #expect(Ed25519.isAcceptable(publicKey: [0xff, 0xfe] + [UInt8](repeating: 0xff, count: 29) + [0x7f]))
        #expect(
            Ed25519.isAcceptable(
                publicKey: hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")))
        #expect(!Ed25519.isAcceptable(publicKey: []))
        #expect(!Ed25519.isAcceptable(publicKey: [UInt8](repeating: 7, count: 33)))
    }

    /// S + L verifies by the equation, but is not the signature that was made.
    @Test func malleableSignaturesAreRefused() throws {
        let key = try SigningKey(seed: SecretBytes.random(count: 32))
        var signature = try key.sign([1], domain: "test")
        try Ed25519.verify(signature: signature, of: [1], domain: "test", publicKey: key.publicKey)
        let order = hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010")
        var carry: UInt16 = 0
        for index in 0..<32 {
            carry += UInt16(signature[32 + index]) + UInt16(order[index])
            signature[32 + index] = UInt8(carry & 0xff)
            carry >>= 8
        }
        let result = failure {
            try Ed25519.verify(signature: signature, of: [1], domain: "test", publicKey: key.publicKey)
        }
        #expect(result == .authenticationFailed)
    }

    /// The points of small order of X25519, canonical or not, lead to zeros.
    @Test(arguments: [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ])
    func emptySharedSecretsAreRefused(_ text: String) throws {
        let key = try AgreementKey.random()
        #expect(failure { _ = try key.sharedSecret(with: hex(text)) } == .invalidPoint)
        let content = try SecretBytes.random(count: 32)
        let sealed = failure {
            _ = try SealedBox.seal(content, to: hex(text), ephemeral: key, salt: [], info: [])
        }
        #expect(sealed == .invalidPoint)
        #expect(failure { _ = try key.sharedSecret(with: [1, 2]) } == .invalidLength)
    }

    @Test func scryptParametersOutsideTheLimitsAreRefused() throws {
        for logN in [UInt8](0...14) + [UInt8](21...255) {
            #expect(failure { _ = try ScryptParameters(logN: logN) } == .parameterOutOfRange)
        }
        for logN in UInt8(15)...20 { #expect(try ScryptParameters(logN: logN).n == 1 << UInt64(logN)) }
        #expect(ScryptParameters.standard.logN == 17)
    }

    /// The memory limit is above what N = 2^15 really takes (OpenSSL's own default is not).
    @Test func scryptRunsAtTheFloor() throws {
        let key = try Scrypt.derive(
            passphrase: secret([1]), salt: [2], parameters: ScryptParameters(logN: 15))
        #expect(key.count == 32)
    }
}
