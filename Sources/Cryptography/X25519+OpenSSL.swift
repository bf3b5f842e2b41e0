import COpenSSL

/// A private X25519 key (RFC 7748).
public struct AgreementKey: ~Copyable, Sendable {
    /// The size of a public key in bytes.
    public static let publicKeyCount = 32

    // SAFETY: an EVP_PKEY that is never changed after init; derivation only reads it.
    private nonisolated(unsafe) let key: OpaquePointer
    /// The public half, 32 bytes.
    public let publicKey: [UInt8]

    /// Takes the 32 bytes of the scalar; clamping is X25519's own.
    public init(seed: borrowing SecretBytes) throws(CryptoError) {
        (key, publicKey) = try RawKey.load("X25519", seed)
    }

    deinit { EVP_PKEY_free(key) }

    /// A fresh pair, for one use.
    public static func random() throws(CryptoError) -> AgreementKey {
        let seed = try SecretBytes.random(count: 32)
        return try AgreementKey(seed: seed)
    }

    /// The shared secret, 32 bytes: to be run through HKDF, never used as a key. A public key that leads to
    /// zeros (a point of small order) is `invalidPoint`.
    public borrowing func sharedSecret(with publicKey: [UInt8]) throws(CryptoError) -> SecretBytes {
        guard publicKey.count == AgreementKey.publicKeyCount else {
            throw CryptoError(.invalidLength, "a public key has 32 bytes")
        }
        guard let peer = EVP_PKEY_new_raw_public_key_ex(nil, "X25519", nil, publicKey, publicKey.count) else {
            throw Library.failure("X25519 public key")
        }
        defer { EVP_PKEY_free(peer) }
        guard let context = EVP_PKEY_CTX_new_from_pkey(nil, key, nil) else { throw Library.failure("X25519") }
        defer { EVP_PKEY_CTX_free(context) }
        guard EVP_PKEY_derive_init(context) == 1, EVP_PKEY_derive_set_peer(context, peer) == 1 else {
            throw Library.failure("X25519 peer")
        }
        return try SecretBytes(count: 32) { (output) throws(CryptoError) in
            var count = output.count
            // OpenSSL's derive fails when the result is zero; the second look costs nothing.
            let derived = Library.succeeded(EVP_PKEY_derive(context, output.bytes, &count))
            guard derived, count == 32, output.reduce(0, { $0 | $1 }) != 0 else {
                throw CryptoError(.invalidPoint, "a public key leads to an empty secret")
            }
        }
    }
}
