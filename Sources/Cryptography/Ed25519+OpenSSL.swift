import COpenSSL

/// Verification of Ed25519 signatures (RFC 8032) made by `SigningKey`.
public enum Ed25519 {
    /// The size of a public key in bytes.
    public static let publicKeyCount = 32
    /// The size of a signature in bytes.
    public static let signatureCount = 64

    /// Throws `authenticationFailed` unless `signature` was made over `message` in `domain`, and
    /// `invalidPoint` when the public key is one that `isAcceptable` refuses: OpenSSL takes the identity as a
    /// key under which one signature fits every message, so the key is looked at before every verification.
    public static func verify(
        signature: [UInt8], of message: [UInt8], domain: String, publicKey: [UInt8]
    ) throws(CryptoError) {
        let signed = try SigningKey.signedBytes(message, domain: domain)
        try verify(signature: signature, ofRaw: signed, publicKey: publicKey)
    }

    /// Verifies without a domain: for published vectors alone.
    package static func verify(
        signature: [UInt8], ofRaw message: [UInt8], publicKey: [UInt8]
    ) throws(CryptoError) {
        guard isAcceptable(publicKey: publicKey) else {
            throw CryptoError(.invalidPoint, "the public key of a signature is not acceptable")
        }
        guard signature.count == signatureCount else {
            throw CryptoError(.authenticationFailed, "a signature has the wrong size")
        }
        guard let key = EVP_PKEY_new_raw_public_key_ex(nil, "ED25519", nil, publicKey, publicKey.count) else {
            throw Library.failure("Ed25519 public key")
        }
        defer { EVP_PKEY_free(key) }
        guard let context = EVP_MD_CTX_new() else { throw Library.failure("Ed25519") }
        defer { EVP_MD_CTX_free(context) }
        guard EVP_DigestVerifyInit_ex(context, nil, nil, nil, nil, key, nil) == 1 else {
            throw Library.failure("Ed25519 verification")
        }
        let result = EVP_DigestVerify(context, signature, signature.count, message, message.count)
        guard Library.succeeded(result) else {
            throw CryptoError(.authenticationFailed, "a signature does not fit")
        }
    }
}

/// A private Ed25519 key (RFC 8032). What is signed is always `domain` NUL `message`, so that a signature
/// made for one purpose never fits another.
public struct SigningKey: ~Copyable, Sendable {
    // SAFETY: an EVP_PKEY that is never changed after init; signing only reads it.
    private nonisolated(unsafe) let key: OpaquePointer
    /// The public half, 32 bytes.
    public let publicKey: [UInt8]

    /// Takes the 32 bytes that RFC 8032 calls the private key.
    public init(seed: borrowing SecretBytes) throws(CryptoError) {
        (key, publicKey) = try RawKey.load("ED25519", seed)
    }

    deinit { EVP_PKEY_free(key) }

    /// The signature (64 bytes) of `domain` NUL `message`; deterministic. The domain holds no NUL.
    public borrowing func sign(_ message: [UInt8], domain: String) throws(CryptoError) -> [UInt8] {
        try sign(raw: SigningKey.signedBytes(message, domain: domain))
    }

    /// Signs without a domain: for published vectors alone.
    package borrowing func sign(raw message: [UInt8]) throws(CryptoError) -> [UInt8] {
        guard let context = EVP_MD_CTX_new() else { throw Library.failure("Ed25519") }
        defer { EVP_MD_CTX_free(context) }
        var signature = [UInt8](repeating: 0, count: Ed25519.signatureCount)
        var count = signature.count
        guard EVP_DigestSignInit_ex(context, nil, nil, nil, nil, key, nil) == 1,
            EVP_DigestSign(context, &signature, &count, message, message.count) == 1,
            count == signature.count
        else { throw Library.failure("Ed25519 signature") }
        return signature
    }

    static func signedBytes(_ message: [UInt8], domain: String) throws(CryptoError) -> [UInt8] {
        guard !domain.isEmpty, !domain.utf8.contains(0) else {
            throw CryptoError(.parameterOutOfRange, "a signature needs a domain without NUL")
        }
        return Array(domain.utf8) + [0] + message
    }
}

/// The two kinds of keys that are 32 raw bytes.
enum RawKey {
    static func load(
        _ algorithm: String, _ seed: borrowing SecretBytes
    ) throws(CryptoError) -> (OpaquePointer, [UInt8]) {
        guard seed.count == 32 else { throw CryptoError(.invalidLength, "a private key has 32 bytes") }
        let key = seed.withUnsafeBytes {
            EVP_PKEY_new_raw_private_key_ex(nil, algorithm, nil, $0.bytes, $0.count)
        }
        guard let key else { throw Library.failure("\(algorithm) private key") }
        var publicKey = [UInt8](repeating: 0, count: 32)
        var count = publicKey.count
        guard EVP_PKEY_get_raw_public_key(key, &publicKey, &count) == 1, count == 32 else {
            EVP_PKEY_free(key)
            throw Library.failure("\(algorithm) public key")
        }
        return (key, publicKey)
    }
}
