/// A secret under a key of 32 uniformly random bytes, committing to that key.
///
///     key ‖ commitment = HKDF-Expand-SHA-256(wrapping key, "ai-team/wrap/v1" ‖ 0x00 ‖ salt, 64)
///     wrap = salt (32) ‖ commitment (32) ‖ AES-256-GCM(key, nonce = 12 zeros, AAD, secret) ‖ tag (16)
///
/// The salt is random and fresh, so the key has a single use and no nonce can repeat; the commitment is
/// checked first, so that one wrap never opens under two keys and a wrong key (`invalidKey`) is told from
/// tampering (`authenticationFailed`).
public enum Wrap {
    private static let label = Array("ai-team/wrap/v1".utf8) + [0]
    private static let nonce = [UInt8](repeating: 0, count: 12)
    private static let saltCount = 32
    private static let headerCount = 64

    /// The size of a wrap in bytes around a secret of `count` bytes: 112 for a key.
    public static func count(forSecret count: Int) -> Int { headerCount + count + AESGCM.tagCount }

    /// Wraps `secret`. `aad` is everything else in the record that holds the wrap.
    public static func seal(
        _ secret: borrowing SecretBytes, under key: borrowing SecretBytes, aad: [UInt8]
    ) throws(CryptoError) -> [UInt8] {
        try seal(secret, under: key, aad: aad, salt: RandomBytes.bytes(saltCount))
    }

    /// As `seal`, with a given salt: for vectors alone.
    package static func seal(
        _ secret: borrowing SecretBytes, under key: borrowing SecretBytes, aad: [UInt8], salt: [UInt8]
    ) throws(CryptoError) -> [UInt8] {
        let keys = try derive(key, salt: salt)
        return salt + keys.commitment + (try AESGCM.seal(key: keys.key, nonce: nonce, aad: aad, secret))
    }

    /// The secret in a wrap; `invalidKey` when it was made under another key, `authenticationFailed` when it
    /// or `aad` was changed.
    public static func open(
        _ wrap: [UInt8], under key: borrowing SecretBytes, aad: [UInt8]
    ) throws(CryptoError) -> SecretBytes {
        guard wrap.count >= count(forSecret: 0) else {
            throw CryptoError(.invalidLength, "a wrapped key is too short")
        }
        let keys = try derive(key, salt: Array(wrap[..<saltCount]))
        guard ConstantTime.equal(keys.commitment, Array(wrap[saltCount..<headerCount])) else {
            throw CryptoError(.invalidKey, "the key is not the one this was wrapped with")
        }
        return try AESGCM.openSecret(key: keys.key, nonce: nonce, aad: aad, Array(wrap[headerCount...]))
    }

    private struct Keys: ~Copyable {
        let key: SecretBytes
        let commitment: [UInt8]
    }

    private static func derive(_ key: borrowing SecretBytes, salt: [UInt8]) throws(CryptoError) -> Keys {
        guard key.count == 32, salt.count == saltCount else {
            throw CryptoError(.invalidLength, "a wrapping key and its salt have 32 bytes")
        }
        let both = try HKDF.expand(.sha256, key: key, info: label + salt, count: 64)
        let commitment = both.withUnsafeBytes { Array($0[32...]) }
        let single = both.withUnsafeBytes { SecretBytes(copying: $0.part(0..<32)) }
        return Keys(key: single, commitment: commitment)
    }
}
