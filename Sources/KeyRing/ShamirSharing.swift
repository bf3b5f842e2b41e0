package import Cryptography

/// Shamir's secret sharing over GF(256) with AES's polynomial, byte by byte: any `threshold` of the shares
/// give the secret, fewer give nothing (Shamir, How to share a secret, 1979). Nothing here says whether
/// shares belong together; who uses it adds that.
package enum ShamirSharing {
    /// A point of the polynomials: `x` from 1 to 255 and a value for each byte of the secret.
    package struct Share: Sendable {
        /// Where it was evaluated; never 0, where the secret is.
        package let x: UInt8
        /// As long as the secret.
        package let values: SharedSecret

        /// A share that was read back.
        package init(x: UInt8, values: SharedSecret) {
            self.x = x
            self.values = values
        }
    }

    /// Shares at x = 1 to `count`.
    ///
    /// - Parameters:
    ///   - threshold: how many are needed: from 2 to `count`.
    ///   - count: at most 255.
    /// - Throws: `invalidKey` for other numbers.
    package static func split(
        _ secret: borrowing SecretBytes, threshold: Int, count: Int
    ) throws(CryptoError) -> [Share] {
        guard threshold >= 2, threshold <= count, count <= 255 else {
            throw CryptoError(.invalidKey, "shares that can't be: \(threshold) of \(count)")
        }
        let length = secret.count
        let coefficients = try SecretBytes.random(count: (threshold - 1) * length)
        var shares: [Share] = []
        for x in 1...UInt8(count) {
            var values = [UInt8](repeating: 0, count: length)
            secret.withUnsafeBytes { secret in
                coefficients.withUnsafeBytes { coefficients in
                    for index in 0..<length {
                        // Horner's rule, from the highest coefficient down to the secret's byte.
                        var value: UInt8 = 0
                        for degree in stride(from: threshold - 2, through: 0, by: -1) {
                            value = multiply(value, x) ^ coefficients[degree * length + index]
                        }
                        values[index] = multiply(value, x) ^ secret[index]
                    }
                }
            }
            shares.append(Share(x: x, values: SharedSecret(SecretBytes(wiping: &values))))
        }
        return shares
    }

    /// What the polynomials through these shares are at 0: the secret, when they are enough and belong
    /// together.
    ///
    /// - Throws: `invalidKey` for none, for two at one place or a share at 0, and for unequal lengths.
    package static func combine(_ shares: [Share]) throws(CryptoError) -> SharedSecret {
        guard let length = shares.first?.values.bytes.count, Set(shares.map(\.x)).count == shares.count,
            shares.allSatisfy({ $0.x != 0 && $0.values.bytes.count == length })
        else { throw CryptoError(.invalidKey, "shares that don't belong together") }
        var secret = [UInt8](repeating: 0, count: length)
        for share in shares {
            // Lagrange's factor at 0; subtraction is addition here.
            var factor: UInt8 = 1
            for other in shares where other.x != share.x {
                factor = multiply(factor, multiply(other.x, inverse(other.x ^ share.x)))
            }
            share.values.bytes.withUnsafeBytes { values in
                for index in 0..<length { secret[index] ^= multiply(values[index], factor) }
            }
        }
        return SharedSecret(SecretBytes(wiping: &secret))
    }

    /// Without branches or tables that depend on what is multiplied.
    package static func multiply(_ a: UInt8, _ b: UInt8) -> UInt8 {
        var (a, b, product) = (a, b, 0 as UInt8)
        for _ in 0..<8 {
            product ^= a & (0 &- (b & 1))
            let carry = 0 &- (a >> 7)
            a = a << 1 ^ carry & 0x1B
            b >>= 1
        }
        return product
    }

    /// a to the power of 254; 0 for 0.
    package static func inverse(_ a: UInt8) -> UInt8 {
        var (result, power) = (1 as UInt8, multiply(a, a))
        for _ in 0..<7 {
            result = multiply(result, power)
            power = multiply(power, power)
        }
        return result
    }
}
