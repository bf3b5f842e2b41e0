import Cryptography
import Testing

/// The vectors printed in the RFCs.
@Suite struct RFCVectorTests {
    /// RFC 5869, A.1 to A.3.
    @Test func hkdf() throws {
        let one = try HKDF.derive(
            .sha256, salt: hex("000102030405060708090a0b0c"),
            inputKey: secret([UInt8](repeating: 0x0b, count: 22)), info: hex("f0f1f2f3f4f5f6f7f8f9"),
            count: 42)
        #expect(
            hex(bytes(one))
                == "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865")
        let two = try HKDF.derive(
            .sha256, salt: Array(0x60...0xaf), inputKey: secret(Array(0x00...0x4f)), info: Array(0xb0...0xff),
            count: 82)
        #expect(
            bytes(two)
                == hex(
                    """
                    b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac78272
                    71cb41c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f
                    1d87
                    """))
        let prk = try HKDF.extract(.sha256, salt: [], inputKey: secret([UInt8](repeating: 0x0b, count: 22)))
        #expect(hex(bytes(prk)) == "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04")
        let three = try HKDF.expand(.sha256, key: prk, info: [], count: 42)
        #expect(
            hex(bytes(three))
                == "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8")
    }

    /// RFC 4231, case 2, for HMAC itself.
    @Test func hmac() throws {
        let tag = try HMAC.authenticate(
            .sha256, key: secret(Array("Jefe".utf8)), Array("what do ya want for nothing?".utf8))
        #expect(hex(tag) == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
        // An empty key is a key.
        let empty = try HMAC.authenticate(.sha256, key: secret([]), [])
        #expect(hex(empty) == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad")
    }

    /// RFC 8032, 7.1, tests 1 to 3 and SHA(abc).
    @Test(arguments: [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
                + "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
                + "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
                + "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
        ),
    ])
    func ed25519(_ seed: String, _ publicKey: String, _ message: String, _ signature: String) throws {
        let key = try SigningKey(seed: secret(hex(seed)))
        #expect(hex(key.publicKey) == publicKey)
        #expect(hex(try key.sign(raw: hex(message))) == signature)
        try Ed25519.verify(signature: hex(signature), ofRaw: hex(message), publicKey: hex(publicKey))
    }

    /// RFC 7748, 6.1, and the iterated test of 5.2 (1,000 rounds).
    @Test func x25519() throws {
        let alice = try AgreementKey(
            seed: secret(hex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a")))
        let bob = try AgreementKey(
            seed: secret(hex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb")))
        let alicePublic = "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"
        let bobPublic = "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"
        let shared = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"
        #expect(hex(alice.publicKey) == alicePublic)
        #expect(hex(bob.publicKey) == bobPublic)
        #expect(hex(bytes(try alice.sharedSecret(with: bob.publicKey))) == shared)
        #expect(hex(bytes(try bob.sharedSecret(with: alice.publicKey))) == shared)

        var k = [9] + [UInt8](repeating: 0, count: 31)
        var u = k
        for _ in 0..<1000 {
            let next = bytes(try AgreementKey(seed: secret(k)).sharedSecret(with: u))
            u = k
            k = next
        }
        #expect(hex(k) == "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51")
    }

    /// RFC 7914, section 12.
    @Test(arguments: [
        (
            "", "", UInt64(16), UInt32(1), UInt32(1),
            "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442"
                + "fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906"
        ),
        (
            "password", "NaCl", 1024, 8, 16,
            "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"
                + "2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640"
        ),
        (
            "pleaseletmein", "SodiumChloride", 16384, 8, 1,
            "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
                + "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887"
        ),
    ])
    func scrypt(
        _ passphrase: String, _ salt: String, _ n: UInt64, _ r: UInt32, _ p: UInt32, _ expected: String
    ) throws {
        let key = try Scrypt.derive(
            passphrase: secret(Array(passphrase.utf8)), salt: Array(salt.utf8),
            parameters: ScryptParameters(n: n, r: r, p: p), count: 64)
        #expect(hex(bytes(key)) == expected)
    }

    /// FIPS 180-4's examples.
    @Test func hashes() {
        let abc = Array("abc".utf8)
        #expect(
            hex(Hash.digest(.sha256, abc))
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(
            hex(Hash.digest(.sha512, abc))
                == "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                + "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f")
        var hasher = Cryptography.Hasher(.sha256)
        for byte in abc { hasher.update([byte]) }
        #expect(hasher.finalize() == Hash.digest(.sha256, abc))
    }
}
