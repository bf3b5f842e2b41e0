import Cryptography
import Testing

/// Wrap, sealed box, signatures: what the right key opens, and what nothing else does.
@Suite struct ConstructionTests {
    @Test func wrapTellsAWrongKeyFromTampering() throws {
        let key = try SecretBytes.random(count: 32)
        let content = try SecretBytes.random(count: 32)
        let wrap = try Wrap.seal(content, under: key, aad: [1, 2])
        #expect(wrap.count == Wrap.count(forSecret: 32))
        #expect(bytes(try Wrap.open(wrap, under: key, aad: [1, 2])) == bytes(content))

        let other = try SecretBytes.random(count: 32)
        #expect(failure { _ = try Wrap.open(wrap, under: other, aad: [1, 2]) } == .invalidKey)
        #expect(failure { _ = try Wrap.open(wrap, under: key, aad: [1]) } == .authenticationFailed)
        let short = Array(wrap.prefix(79))
        #expect(failure { _ = try Wrap.open(short, under: key, aad: []) } == .invalidLength)
        for index in wrap.indices {
            var changed = wrap
            changed[index] ^= 0x10
            let expected: CryptoError.Code = index < 64 ? .invalidKey : .authenticationFailed
            #expect(failure { _ = try Wrap.open(changed, under: key, aad: [1, 2]) } == expected)
        }
    }

    @Test func twoWrapsOfOneSecretDiffer() throws {
        let key = try SecretBytes.random(count: 32)
        #expect(try Wrap.seal(key, under: key, aad: []) != Wrap.seal(key, under: key, aad: []))
    }

    @Test func sealedBoxIsBoundToKeysSaltAndInfo() throws {
        let recipient = try AgreementKey.random()
        let ephemeral = try AgreementKey.random()
        let content = try SecretBytes.random(count: 32)
        let box = try SealedBox.seal(
            content, to: recipient.publicKey, ephemeral: ephemeral, salt: [7], info: [1, 2])
        #expect(box.count == 48)
        let opened = try SealedBox.open(
            box, with: recipient, ephemeralPublicKey: ephemeral.publicKey, salt: [7], info: [1, 2])
        #expect(bytes(opened) == bytes(content))

        let stranger = try AgreementKey.random()
        func refused(
            _ box: [UInt8], _ key: borrowing AgreementKey, _ sender: [UInt8], _ salt: [UInt8], _ info: [UInt8]
        ) {
            do throws(CryptoError) {
                _ = try SealedBox.open(box, with: key, ephemeralPublicKey: sender, salt: salt, info: info)
                Issue.record("a box opened that must not")
            } catch {
                #expect(error.code == .authenticationFailed)
            }
        }
        refused(box, stranger, ephemeral.publicKey, [7], [1, 2])
        refused(box, recipient, stranger.publicKey, [7], [1, 2])
        refused(box, recipient, ephemeral.publicKey, [], [1, 2])
        refused(box, recipient, ephemeral.publicKey, [7], [1])
        refused([1], recipient, ephemeral.publicKey, [7], [1, 2])
        for index in box.indices {
            var changed = box
            changed[index] ^= 0x80
            refused(changed, recipient, ephemeral.publicKey, [7], [1, 2])
        }
    }

    @Test func signaturesStayInTheirDomain() throws {
        let key = try SigningKey(seed: SecretBytes.random(count: 32))
        let signature = try key.sign([1, 2, 3], domain: "a/v1")
        let publicKey = key.publicKey
        func verify(_ message: [UInt8], _ domain: String) -> CryptoError.Code? {
            failure {
                try Ed25519.verify(
                    signature: signature, of: message, domain: domain, publicKey: publicKey)
            }
        }
        #expect(verify([1, 2, 3], "a/v1") == nil)
        #expect(verify([1, 2, 3], "a/v2") == .authenticationFailed)
        #expect(verify([1, 2], "a/v1") == .authenticationFailed)
        #expect(failure { _ = try key.sign([1], domain: "a\u{0}b") } == .parameterOutOfRange)
        #expect(failure { _ = try key.sign([1], domain: "") } == .parameterOutOfRange)
    }
}

/// The code of the `CryptoError` that `body` throws.
func failure(_ body: () throws -> Void) -> CryptoError.Code? {
    do {
        try body()
        return nil
    } catch {
        return (error as? CryptoError)?.code
    }
}
