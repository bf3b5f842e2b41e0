/// AES-256-GCM with a nonce of 96 bits (NIST SP 800-38D) for short records whose key or nonce is unique by
/// construction. Pages use `XAES256GCM`, files use Cobblestone.
public enum AESGCM {
    /// The size of the tag that `seal` appends.
    public static let tagCount = 16

    /// ciphertext ‖ tag (16).
    public static func seal(
        key: borrowing SecretBytes, nonce: [UInt8], aad: [UInt8], _ plaintext: [UInt8]
    ) throws(CryptoError) -> [UInt8] {
        try plaintext.withRaw { (plaintext) throws(CryptoError) -> [UInt8] in
            try seal(key: key, nonce: nonce, aad: aad, plaintext)
        }
    }

    /// ciphertext ‖ tag (16) of a secret.
    public static func seal(
        key: borrowing SecretBytes, nonce: [UInt8], aad: [UInt8], _ secret: borrowing SecretBytes
    ) throws(CryptoError) -> [UInt8] {
        try secret.withUnsafeBytes { (plaintext) throws(CryptoError) -> [UInt8] in
            try seal(key: key, nonce: nonce, aad: aad, plaintext)
        }
    }

    /// The plaintext of what `seal` made, or `authenticationFailed`.
    public static func open(
        key: borrowing SecretBytes, nonce: [UInt8], aad: [UInt8], _ sealed: [UInt8]
    ) throws(CryptoError) -> [UInt8] {
        var plaintext = [UInt8](repeating: 0, count: try plainCount(sealed))
        try plaintext.withMutableRaw { (output) throws(CryptoError) in
            try open(key: key, nonce: nonce, aad: aad, sealed, into: output)
        }
        return plaintext
    }

    /// The secret of what `seal` made, or `authenticationFailed`.
    public static func openSecret(
        key: borrowing SecretBytes, nonce: [UInt8], aad: [UInt8], _ sealed: [UInt8]
    ) throws(CryptoError) -> SecretBytes {
        let count = try plainCount(sealed)
        // The closure of SecretBytes can't capture a borrowed secret, so its bytes are lent to it.
        return try key.withUnsafeBytes { (key) throws(CryptoError) -> SecretBytes in
            try SecretBytes(count: count) { (output) throws(CryptoError) in
                try open(key: key, nonce: nonce, aad: aad, sealed, into: output)
            }
        }
    }

    private static func plainCount(_ sealed: [UInt8]) throws(CryptoError) -> Int {
        guard sealed.count >= tagCount else {
            throw CryptoError(.authenticationFailed, "authentication failed")
        }
        return sealed.count - tagCount
    }

    private static func check(
        key: UnsafeRawBufferPointer, nonce: [UInt8]
    ) throws(CryptoError) {
        guard key.count == GCMContext.keyCount, nonce.count == GCMContext.nonceCount else {
            throw CryptoError(.invalidLength, "AES-256-GCM wants a key of 32 and a nonce of 12 bytes")
        }
    }

    private static func seal(
        key: borrowing SecretBytes, nonce: [UInt8], aad: [UInt8], _ plaintext: UnsafeRawBufferPointer
    ) throws(CryptoError) -> [UInt8] {
        var sealed = [UInt8](repeating: 0, count: plaintext.count + tagCount)
        try key.withUnsafeBytes { (key) throws(CryptoError) in
            try check(key: key, nonce: nonce)
            let context = try GCMContext(.seal)
            try context.start(key: key.bytes, nonce: nonce)
            try sealed.withMutableRaw { (sealed) throws(CryptoError) in
                try aad.withRaw { (aad) throws(CryptoError) in
                    try context.seal(
                        plaintext, into: sealed.part(0..<plaintext.count), aad: aad,
                        tag: sealed.part(plaintext.count..<sealed.count))
                }
            }
        }
        return sealed
    }

    private static func open(
        key: borrowing SecretBytes, nonce: [UInt8], aad: [UInt8], _ sealed: [UInt8],
        into output: UnsafeMutableRawBufferPointer
    ) throws(CryptoError) {
        try key.withUnsafeBytes { (key) throws(CryptoError) in
            try open(key: key, nonce: nonce, aad: aad, sealed, into: output)
        }
    }

    private static func open(
        key: UnsafeRawBufferPointer, nonce: [UInt8], aad: [UInt8], _ sealed: [UInt8],
        into output: UnsafeMutableRawBufferPointer
    ) throws(CryptoError) {
        try check(key: key, nonce: nonce)
        let context = try GCMContext(.open)
        try context.start(key: key.bytes, nonce: nonce)
        try sealed.withRaw { (sealed) throws(CryptoError) in
            try aad.withRaw { (aad) throws(CryptoError) in
                try context.open(
                    sealed.part(0..<output.count), into: output, aad: aad,
                    tag: sealed.part(output.count..<sealed.count))
            }
        }
    }
}
