import Cryptography
import Testing

/// One ciphertext that opens under two keys ("invisible salamander", eprint 2019/016; the oracles that it
/// gives: eprint 2020/1491). GCM does not commit to its key; Cobblestone must.
@Suite struct SalamanderTests {
    /// What Cobblestone derives from an input key.
    private struct Keys {
        let key: [UInt8]
        let nonce: [UInt8]
        let commitment: [UInt8]

        init(_ input: [UInt8], salt: [UInt8], context: [UInt8]) throws {
            let label = Array("c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM".utf8) + [0]
            let all = try HKDF.expand(
                .sha512, key: secret(input), info: label + salt + context, count: 76
            ).withUnsafeBytes { Array($0) }
            key = Array(all[..<32])
            nonce = Array(all[32..<44])
            commitment = Array(all[44...])
        }

        /// What a tag is the sum of, for a ciphertext of two blocks: GHASH's key, and the mask of the nonce.
        func tagParts() throws -> (hashKey: GF128, mask: GF128) {
            // Without a ciphertext the tag is the mask alone.
            let mask = GF128(
                try AESGCM.seal(key: secret(key), nonce: nonce, aad: [], [UInt8]()).suffix(16))
            // With a ciphertext of zeros it is length times key, and the mask.
            let stream = try AESGCM.seal(
                key: secret(key), nonce: nonce, aad: [], [UInt8](repeating: 0, count: 16))
            let tag = GF128(
                try AESGCM.seal(key: secret(key), nonce: nonce, aad: [], Array(stream.prefix(16)))
                    .suffix(16))
            return ((tag + mask) * GF128.length(bits: 128).inverse, mask)
        }

        func opens(_ chunk: [UInt8]) -> Bool {
            do {
                return try AESGCM.open(key: secret(key), nonce: nonce, aad: [], chunk).count == 32
            } catch { return false }
        }
    }

    @Test func oneMessageOpensUnderOneKeyAlone() throws {
        let salt = try RandomBytes.bytes(24)
        let inputs = [try RandomBytes.bytes(32), try RandomBytes.bytes(32)]
        let keys = try inputs.map { try Keys($0, salt: salt, context: [7]) }
        let (first, second) = (try keys[0].tagParts(), try keys[1].tagParts())
        // Both keys give blocks X and B the tag X·H³ + B·H² + L·H + mask: one X makes these equal.
        let block = try RandomBytes.bytes(16)
        func known(_ parts: (hashKey: GF128, mask: GF128)) -> GF128 {
            let square = parts.hashKey * parts.hashKey
            return GF128(block[...]) * square + GF128.length(bits: 256) * parts.hashKey + parts.mask
        }
        func cube(_ parts: (hashKey: GF128, mask: GF128)) -> GF128 {
            parts.hashKey * parts.hashKey * parts.hashKey
        }
        let free = (known(first) + known(second)) * (cube(first) + cube(second)).inverse
        let chunk = free.bytes + block + (free * cube(first) + known(first)).bytes
        // The twin: without a commitment both keys open it.
        #expect(keys.allSatisfy { $0.opens(chunk) })
        for (index, key) in inputs.enumerated() {
            let message = salt + keys[index].commitment + chunk
            #expect(try Cobblestone.open(key: secret(key), context: [7], message).count == 32)
            let other = inputs[1 - index]
            #expect(
                failure { _ = try Cobblestone.open(key: secret(other), context: [7], message) }
                    == .invalidKey)
        }
    }
}

/// A number of GCM's field, 2^128 modulo x^128 + x^7 + x^2 + x + 1, whose first bit is the constant one.
private struct GF128 {
    private var high: UInt64
    private var low: UInt64

    private init(_ high: UInt64, _ low: UInt64) { (self.high, self.low) = (high, low) }

    init(_ bytes: ArraySlice<UInt8>) {
        let words = Array(bytes)
        high = words[..<8].reduce(0) { $0 << 8 | UInt64($1) }
        low = words[8...].reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// The block that ends what GHASH hashes: of a ciphertext of so many bits, and no further data.
    static func length(bits: UInt64) -> GF128 { GF128(0, bits) }

    var bytes: [UInt8] {
        [high, low].flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * $0)) } }
    }

    static func + (a: GF128, b: GF128) -> GF128 { GF128(a.high ^ b.high, a.low ^ b.low) }

    static func * (a: GF128, b: GF128) -> GF128 {
        var (sum, power) = (GF128(0, 0), b)
        for bit in 0..<128 {
            let word = bit < 64 ? a.high : a.low
            if word >> UInt64(63 - (bit & 63)) & 1 == 1 { sum = sum + power }
            let carry = power.low & 1
            power = GF128(power.high >> 1, power.low >> 1 | power.high << 63)
            if carry == 1 { power.high ^= 0xE1 << 56 }
        }
        return sum
    }

    /// The number to the power of 2^128 - 2.
    var inverse: GF128 {
        var (result, square) = (GF128(1 << 63, 0), self)
        for _ in 1..<128 {
            square = square * square
            result = result * square
        }
        return result
    }
}
