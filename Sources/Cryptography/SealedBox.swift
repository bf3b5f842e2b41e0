/// A secret sealed to one X25519 public key, in HPKE's place, which OpenSSL 3.0 lacks.
///
///     shared = X25519(ephemeral private, recipient public)                 zeros are refused
///     info'  = "ai-team/seal/v1" ‖ 0x00 ‖ recipient public ‖ ephemeral public ‖ info
///     key    = HKDF-SHA-256(salt, shared, info', 32)
///     box    = AES-256-GCM(key, nonce = 12 zero bytes, AAD = info', secret)        ciphertext ‖ tag (16)
///
/// The ephemeral public key is not part of the box: one serves all boxes of a record, which carries it once.
/// A box proves nothing about who made it; the record around it is signed.
public enum SealedBox {
    private static let label = Array("ai-team/seal/v1".utf8) + [0]
    private static let nonce = [UInt8](repeating: 0, count: 12)

    /// The size of a box in bytes around a secret of `count` bytes: 48 for a key.
    public static func count(forSecret count: Int) -> Int { count + AESGCM.tagCount }

    /// Seals `secret` to `publicKey`.
    ///
    /// `ephemeral` is fresh for every record: the same pair, recipient, salt and info must never seal two
    /// different secrets. `info` says where the box stands, of a length that its reader knows.
    public static func seal(
        _ secret: borrowing SecretBytes, to publicKey: [UInt8], ephemeral: borrowing AgreementKey,
        salt: [UInt8], info: [UInt8]
    ) throws(CryptoError) -> [UInt8] {
        let shared = try ephemeral.sharedSecret(with: publicKey)
        let bound = label + publicKey + ephemeral.publicKey + info
        let key = try HKDF.derive(.sha256, salt: salt, inputKey: shared, info: bound, count: 32)
        return try AESGCM.seal(key: key, nonce: nonce, aad: bound, secret)
    }

    /// Opens a box with the recipient's private key; `authenticationFailed` when anything differs.
    public static func open(
        _ box: [UInt8], with recipient: borrowing AgreementKey, ephemeralPublicKey: [UInt8],
        salt: [UInt8], info: [UInt8]
    ) throws(CryptoError) -> SecretBytes {
        let shared = try recipient.sharedSecret(with: ephemeralPublicKey)
        let bound = label + recipient.publicKey + ephemeralPublicKey + info
        let key = try HKDF.derive(.sha256, salt: salt, inputKey: shared, info: bound, count: 32)
        return try AESGCM.openSecret(key: key, nonce: nonce, aad: bound, box)
    }
}
