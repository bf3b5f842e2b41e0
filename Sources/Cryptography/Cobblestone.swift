/// Cobblestone-256 (c2sp.org/chunked-encryption with SHA-512 and AES-256-GCM): files of any size, in chunks,
/// committing, seekable, and proof against truncation.
///
///     key (32) ‖ base nonce (12) ‖ commitment (32) = HKDF-Expand-SHA-512(input key,
///         "c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM" ‖ 0x00 ‖ salt (24) ‖ context)
///     message = salt (24) ‖ commitment (32) ‖ chunk 0 ‖ chunk 1 ‖ ...
///     chunk i = AES-256-GCM(key, base nonce ⊕ i, AAD = nothing, 16,384 bytes of plaintext) ‖ tag (16)
///
/// The last chunk is always shorter than the others, empty if need be. There is no AAD, so whatever is to be
/// bound (vault, kind, name, sequence) stands in the context.
public enum Cobblestone {
    /// Salt and commitment, which come first.
    public static let headerCount = 56
    /// Bytes of plaintext in every chunk but the last.
    public static let chunkCount = 16384
    /// Bytes of ciphertext in every chunk but the last.
    public static let sealedChunkCount = chunkCount + 16
    static let saltCount = 24
    /// The counter has 38 bits.
    static let chunkLimit: UInt64 = 1 << 38

    /// The size of the whole message, header included, for a plaintext of `count` bytes.
    public static func ciphertextCount(forPlaintext count: Int) -> Int {
        headerCount + count + (count / chunkCount + 1) * 16
    }

    /// The size of the plaintext in a message of `count` bytes, header included; nil when no message has that
    /// size. It is a claim until the last chunk was opened.
    public static func plaintextCount(forCiphertext count: Int) -> Int? {
        guard count >= headerCount else { return nil }
        let body = count - headerCount
        guard body % sealedChunkCount >= 16 else { return nil }
        return body / sealedChunkCount * chunkCount + body % sealedChunkCount - 16
    }

    /// Encrypts in memory.
    public static func seal(
        key: borrowing SecretBytes, context: [UInt8], _ plaintext: [UInt8]
    ) throws(CryptoError) -> [UInt8] {
        try seal(plaintext, with: CobblestoneEncryptor(key: key, context: context))
    }

    /// As `seal`, with a given salt: for vectors alone.
    package static func seal(
        key: borrowing SecretBytes, context: [UInt8], salt: [UInt8], _ plaintext: [UInt8]
    ) throws(CryptoError) -> [UInt8] {
        try seal(plaintext, with: CobblestoneEncryptor(key: key, context: context, salt: salt))
    }

    /// Decrypts in memory; nothing is returned unless everything is authentic.
    public static func open(
        key: borrowing SecretBytes, context: [UInt8], _ ciphertext: [UInt8]
    ) throws(CryptoError) -> [UInt8] {
        guard ciphertext.count >= headerCount else { throw CobblestoneDecryptor.truncated }
        var decryptor = try CobblestoneDecryptor(
            key: key, context: context, header: Array(ciphertext[..<headerCount]))
        var plaintext: [UInt8] = []
        plaintext.reserveCapacity(ciphertext.count - headerCount)
        do {
            try ciphertext.withRaw { (ciphertext) throws in
                try decryptor.update(ciphertext.part(headerCount..<ciphertext.count)) { chunk in
                    plaintext.append(contentsOf: chunk)
                }
            }
            try decryptor.finalize { chunk in plaintext.append(contentsOf: chunk) }
        } catch {
            throw (error as? CryptoError) ?? Library.failure("Cobblestone")
        }
        return plaintext
    }

    private static func seal(
        _ plaintext: [UInt8], with encryptor: consuming CobblestoneEncryptor
    ) throws(CryptoError) -> [UInt8] {
        var ciphertext = encryptor.header
        ciphertext.reserveCapacity(ciphertextCount(forPlaintext: plaintext.count))
        do {
            try encryptor.update(plaintext) { chunk in ciphertext.append(contentsOf: chunk) }
            try encryptor.finalize { chunk in ciphertext.append(contentsOf: chunk) }
        } catch {
            throw (error as? CryptoError) ?? Library.failure("Cobblestone")
        }
        return ciphertext
    }
}
