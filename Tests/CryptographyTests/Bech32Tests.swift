import Cryptography
import TestSupport
import Testing

@Suite struct Bech32Tests {
    /// age's own example (C2SP age.md and its test kit): a key of 32 bytes 0x42.
    private let identity = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"
    private let recipient = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"

    @Test func agesKeysAreReadAndWritten() throws {
        let seed = [UInt8](repeating: 0x42, count: 32)
        #expect(Bech32.decode(identity)?.bytes == seed)
        #expect(Bech32.encode("age-secret-key-", seed) == identity.lowercased())
        let key = try AgreementKey(seed: SecretBytes(copying: seed)).publicKey
        let decoded = try #require(Bech32.decode(recipient))
        #expect(decoded.prefix == "age" && decoded.bytes == key)
        #expect(Bech32.encode("age", key) == recipient)
    }

    /// BIP 173's vectors that hold whole bytes, and all that must not be read.
    @Test func itsChecksumFindsErrors() {
        #expect(Bech32.decode("A12UEL5L")?.bytes == [])
        for text in ["", "1", "age", "age1", "1nwldj5", "li1dgmt3", "A1G7SGD8", "10a06t8", "pzry9x0s0muk"] {
            #expect(Bech32.decode(text) == nil, "\(text)")
        }
        #expect(Bech32.decode("Age" + recipient.dropFirst(3)) == nil)
        for place in recipient.indices where recipient[place] != "1" {
            for letter in "qp" where letter != recipient[place] {
                var wrong = recipient
                wrong.replaceSubrange(place...place, with: [letter])
                #expect(Bech32.decode(wrong)?.prefix != "age", "\(wrong)")
            }
        }
    }

    @Test func anyBytesComeBack() throws {
        var random = SplitMix64(seed: printedSeed())
        for count in 0..<100 {
            let bytes = (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            #expect(Bech32.decode(Bech32.encode("x-y", bytes))?.bytes == bytes)
        }
    }
}
