import COpenSSL

/// An AES-256-GCM context of libcrypto for one direction, reused from message to message (NIST SP 800-38D).
///
/// Not thread-safe: whoever owns it uses it from one thread at a time.
final class GCMContext {
    enum Direction { case seal, open }

    static let keyCount = 32
    static let nonceCount = 12
    static let tagCount = 16

    private let context: OpaquePointer
    private let direction: Direction

    init(_ direction: Direction) throws(CryptoError) {
        guard let cipher = Library.aes256gcm, let context = EVP_CIPHER_CTX_new() else {
            throw Library.failure("AES-256-GCM")
        }
        let result =
            switch direction {
            case .seal: EVP_EncryptInit_ex2(context, cipher, nil, nil, nil)
            case .open: EVP_DecryptInit_ex2(context, cipher, nil, nil, nil)
            }
        guard result == 1 else {
            EVP_CIPHER_CTX_free(context)
            throw Library.failure("AES-256-GCM init")
        }
        self.context = context
        self.direction = direction
    }

    deinit { EVP_CIPHER_CTX_free(context) }

    /// Sets key and nonce, either of which may be nil for "as before". A nonce must be set for every message.
    func start(key: UnsafePointer<UInt8>?, nonce: UnsafePointer<UInt8>?) throws(CryptoError) {
        let result =
            switch direction {
            case .seal: EVP_EncryptInit_ex2(context, nil, key, nonce, nil)
            case .open: EVP_DecryptInit_ex2(context, nil, key, nonce, nil)
            }
        guard result == 1 else { throw Library.failure("AES-256-GCM key") }
    }

    /// Encrypts `input` into `output` (same size, may be the same memory) and writes the tag.
    func seal(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer,
        aad: UnsafeRawBufferPointer, tag: UnsafeMutableRawBufferPointer
    ) throws(CryptoError) {
        try GCMContext.check(input, output, aad, tagCount: tag.count)
        var count: Int32 = 0
        var last: UInt8 = 0
        guard aad.isEmpty || EVP_EncryptUpdate(context, nil, &count, aad.bytes, Int32(aad.count)) == 1,
            input.isEmpty
                || EVP_EncryptUpdate(context, output.bytes, &count, input.bytes, Int32(input.count)) == 1,
            EVP_EncryptFinal_ex(context, &last, &count) == 1,
            EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, tag.baseAddress) == 1
        else { throw Library.failure("AES-256-GCM encryption") }
    }

    /// Decrypts `input` into `output` (same size, may be the same memory). When the tag does not fit, the
    /// output is zeroed and the error is `authenticationFailed`.
    func open(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer,
        aad: UnsafeRawBufferPointer, tag: UnsafeRawBufferPointer
    ) throws(CryptoError) {
        try GCMContext.check(input, output, aad, tagCount: tag.count)
        var count: Int32 = 0
        var last: UInt8 = 0
        let expected = UnsafeMutableRawPointer(mutating: tag.baseAddress)
        guard aad.isEmpty || EVP_DecryptUpdate(context, nil, &count, aad.bytes, Int32(aad.count)) == 1,
            input.isEmpty
                || EVP_DecryptUpdate(context, output.bytes, &count, input.bytes, Int32(input.count)) == 1,
            EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, 16, expected) == 1
        else {
            OPENSSL_cleanse(output.baseAddress, output.count)
            throw Library.failure("AES-256-GCM decryption")
        }
        guard EVP_DecryptFinal_ex(context, &last, &count) == 1 else {
            ERR_clear_error()
            if let start = output.baseAddress { OPENSSL_cleanse(start, output.count) }
            throw CryptoError(.authenticationFailed, "authentication failed")
        }
    }

    @inline(__always)
    private static func check(
        _ input: UnsafeRawBufferPointer, _ output: UnsafeMutableRawBufferPointer,
        _ aad: UnsafeRawBufferPointer, tagCount: Int
    ) throws(CryptoError) {
        guard input.count == output.count, tagCount == GCMContext.tagCount, input.count <= Int32.max,
            aad.count <= Int32.max
        else { throw CryptoError(.invalidLength, "AES-256-GCM got buffers of wrong sizes") }
    }
}
