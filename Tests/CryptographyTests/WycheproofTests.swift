import Cryptography
import Foundation
import Testing

/// Google's and C2SP's collection of inputs that broke other implementations.
@Suite struct WycheproofTests {
    struct AEADCase: Decodable { let id: Int, valid: Bool, key, iv, aad, msg, ct, tag: String }

    @Test func aes256GCM() throws {
        let cases = try VectorFiles.load("wycheproof-aes-256-gcm", as: [AEADCase].self)
        #expect(cases.count == 66)
        for test in cases {
            let key = secret(hex(test.key)), sealed = hex(test.ct) + hex(test.tag)
            let opened = failure {
                let plain = try AESGCM.open(key: key, nonce: hex(test.iv), aad: hex(test.aad), sealed)
                #expect(plain == hex(test.msg), "case \(test.id)")
            }
            #expect(opened == (test.valid ? nil : .authenticationFailed), "case \(test.id)")
            if test.valid {
                let again = try AESGCM.seal(key: key, nonce: hex(test.iv), aad: hex(test.aad), hex(test.msg))
                #expect(again == sealed, "case \(test.id)")
            }
        }
    }

    struct SignatureCase: Decodable { let id: Int, valid: Bool, msg, sig, pk: String }

    @Test func ed25519() throws {
        let cases = try VectorFiles.load("wycheproof-ed25519", as: [SignatureCase].self)
        #expect(cases.count == 151)
        for test in cases {
            let key = hex(test.pk)
            let result = failure {
                try Ed25519.verify(signature: hex(test.sig), ofRaw: hex(test.msg), publicKey: key)
            }
            #expect((result == nil) == test.valid, "case \(test.id)")
            #expect(Ed25519.isAcceptable(publicKey: key), "case \(test.id)")
        }
    }

    struct AgreementCase: Decodable {
        let id: Int, valid: Bool, publicKey, privateKey, shared: String
        enum CodingKeys: String, CodingKey {
            case id, valid, publicKey = "public", privateKey = "private", shared
        }
    }

    /// An all-zero secret, which Wycheproof calls acceptable, is refused here.
    @Test func x25519() throws {
        let cases = try VectorFiles.load("wycheproof-x25519", as: [AgreementCase].self)
        #expect(cases.count == 518)
        var zeros = 0
        for test in cases {
            let key = try AgreementKey(seed: secret(hex(test.privateKey)))
            let isZero = hex(test.shared).allSatisfy { $0 == 0 }
            zeros += isZero ? 1 : 0
            let result = failure {
                let shared = try key.sharedSecret(with: hex(test.publicKey))
                #expect(hex(bytes(shared)) == test.shared, "case \(test.id)")
            }
            #expect(result == (isZero ? .invalidPoint : nil), "case \(test.id)")
        }
        #expect(zeros > 20)
    }

    struct HKDFCase: Decodable { let id: Int, valid: Bool, ikm, salt, info: String, size: Int, okm: String }

    @Test(arguments: [
        (HashFunction.sha256, "wycheproof-hkdf-sha256"), (.sha512, "wycheproof-hkdf-sha512"),
    ])
    func hkdf(_ function: HashFunction, _ file: String) throws {
        let cases = try VectorFiles.load(file, as: [HKDFCase].self)
        #expect(cases.count > 80)
        for test in cases {
            let result = failure {
                let output = try HKDF.derive(
                    function, salt: hex(test.salt), inputKey: secret(hex(test.ikm)), info: hex(test.info),
                    count: test.size)
                #expect(hex(bytes(output)) == test.okm, "case \(test.id)")
            }
            #expect(result == (test.valid ? nil : .invalidLength), "case \(test.id)")
        }
    }
}
