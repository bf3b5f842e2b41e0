import COpenSSL

/// What OpenSSL alone needs to open a page of 4,048 bytes with 44 bytes beside it: AES-256-GCM, a key set for
/// every page, one context. The limit that the database is held to.
enum RawPage {
    static func openSeconds() -> Double {
        var sealed = [UInt8](repeating: 5, count: 4048)
        var plain = sealed
        var tag = [UInt8](repeating: 0, count: 16)
        let secret = [UInt8](repeating: 7, count: 44)
        let nonce = [UInt8](repeating: 9, count: 12)
        let context = EVP_CIPHER_CTX_new()
        let cipher = EVP_CIPHER_fetch(nil, "AES-256-GCM", nil)
        defer {
            EVP_CIPHER_CTX_free(context)
            EVP_CIPHER_free(cipher)
        }
        var count: Int32 = 0
        EVP_EncryptInit_ex2(context, cipher, secret, nonce, nil)
        EVP_EncryptUpdate(context, nil, &count, secret, 44)
        EVP_EncryptUpdate(context, &sealed, &count, plain, 4048)
        EVP_EncryptFinal_ex(context, &plain, &count)
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, &tag)
        EVP_DecryptInit_ex2(context, cipher, nil, nil, nil)
        var isAuthentic = true
        let times = (0..<5).map { _ in
            BenchTime.of {
                for _ in 0..<400 {
                    EVP_DecryptInit_ex2(context, nil, secret, nonce, nil)
                    EVP_DecryptUpdate(context, nil, &count, secret, 44)
                    EVP_DecryptUpdate(context, &plain, &count, sealed, 4048)
                    EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, 16, &tag)
                    isAuthentic = isAuthentic && EVP_DecryptFinal_ex(context, &plain, &count) == 1
                }
                return nil
            }.processor / 400
        }
        return isAuthentic ? DatabaseBench.median(times) : .nan
    }
}
