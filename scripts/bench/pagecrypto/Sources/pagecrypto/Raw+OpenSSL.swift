import COpenSSL

/// What OpenSSL alone does for a page: AES-256-GCM, a key set for every page, one context a direction.
struct RawPages {
    private let sealing = EVP_CIPHER_CTX_new()
    private let opening = EVP_CIPHER_CTX_new()
    private let key = [UInt8](repeating: 7, count: 32)
    private let nonce = [UInt8](repeating: 9, count: 12)

    init() {
        let cipher = EVP_CIPHER_fetch(nil, "AES-256-GCM", nil)
        EVP_EncryptInit_ex2(sealing, cipher, nil, nil, nil)
        EVP_DecryptInit_ex2(opening, cipher, nil, nil, nil)
    }

    func seal(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer, aad: [UInt8],
        tag: UnsafeMutableRawPointer?
    ) {
        var count: Int32 = 0
        var last: UInt8 = 0
        EVP_EncryptInit_ex2(sealing, nil, key, nonce, nil)
        EVP_EncryptUpdate(sealing, nil, &count, aad, Int32(aad.count))
        EVP_EncryptUpdate(
            sealing, output.baseAddress?.assumingMemoryBound(to: UInt8.self), &count,
            input.baseAddress?.assumingMemoryBound(to: UInt8.self), Int32(input.count))
        EVP_EncryptFinal_ex(sealing, &last, &count)
        EVP_CIPHER_CTX_ctrl(sealing, EVP_CTRL_AEAD_GET_TAG, 16, tag)
    }

    /// Whether the tag fitted.
    func open(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer, aad: [UInt8],
        tag: UnsafeMutableRawPointer?
    ) -> Bool {
        var count: Int32 = 0
        var last: UInt8 = 0
        EVP_DecryptInit_ex2(opening, nil, key, nonce, nil)
        EVP_DecryptUpdate(opening, nil, &count, aad, Int32(aad.count))
        EVP_DecryptUpdate(
            opening, output.baseAddress?.assumingMemoryBound(to: UInt8.self), &count,
            input.baseAddress?.assumingMemoryBound(to: UInt8.self), Int32(input.count))
        EVP_CIPHER_CTX_ctrl(opening, EVP_CTRL_AEAD_SET_TAG, 16, tag)
        return EVP_DecryptFinal_ex(opening, &last, &count) == 1
    }
}
