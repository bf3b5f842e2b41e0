import COpenSSL

/// The algorithms of libcrypto, fetched once for the process: a fetch by name costs more than a page.
///
/// libcrypto's method objects are immutable and reference-counted; these are never freed.
enum Library {
    // SAFETY: an EVP_CIPHER is immutable after the fetch and documented as shareable between threads.
    nonisolated(unsafe) static let aes256gcm = EVP_CIPHER_fetch(nil, "AES-256-GCM", nil)
    // SAFETY: as above.
    nonisolated(unsafe) static let aes256ecb = EVP_CIPHER_fetch(nil, "AES-256-ECB", nil)
    // SAFETY: an EVP_MD is immutable after the fetch and documented as shareable between threads.
    nonisolated(unsafe) static let sha256 = EVP_MD_fetch(nil, "SHA256", nil)
    // SAFETY: as above.
    nonisolated(unsafe) static let sha512 = EVP_MD_fetch(nil, "SHA512", nil)
    // SAFETY: a keyed template that is only ever the source of EVP_MAC_CTX_dup, which does not write to it.
    nonisolated(unsafe) static let hmacSHA256 = hmacTemplate("SHA256")
    // SAFETY: as above.
    nonisolated(unsafe) static let hmacSHA512 = hmacTemplate("SHA512")

    /// An HMAC context that has looked its digest up already (and holds a key of zeros), to be copied.
    private static func hmacTemplate(_ digest: String) -> OpaquePointer? {
        guard let mac = EVP_MAC_fetch(nil, "HMAC", nil) else { return nil }
        defer { EVP_MAC_free(mac) }
        guard let context = EVP_MAC_CTX_new(mac) else { return nil }
        var name = Array(digest.utf8CString)
        let zeros = [UInt8](repeating: 0, count: 32)
        let ready = name.withUnsafeMutableBufferPointer { name in
            let parameters = [
                OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name.baseAddress, 0),
                OSSL_PARAM_construct_end(),
            ]
            return EVP_MAC_init(context, zeros, zeros.count, parameters)
        }
        guard ready == 1 else {
            EVP_MAC_CTX_free(context)
            return nil
        }
        return context
    }

    /// An error for something that libcrypto must be able to do; empties its error queue.
    static func failure(_ what: String) -> CryptoError {
        ERR_clear_error()
        return CryptoError(
            .libraryFailure, "libcrypto failed: \(what)",
            hint: "OpenSSL 3.0 or newer with its default provider is needed")
    }

    /// Says whether a call to libcrypto went well, and empties the error queue when it did not.
    static func succeeded(_ result: Int32) -> Bool {
        if result == 1 { return true }
        ERR_clear_error()
        return false
    }
}
