import COpenSSL

/// HMAC (RFC 2104, FIPS 198-1).
public enum HMAC {
    /// The whole tag over `message`; truncating it is the caller's choice.
    public static func authenticate(
        _ function: HashFunction, key: borrowing SecretBytes, _ message: [UInt8]
    ) throws(CryptoError) -> [UInt8] {
        try message.withRaw { (message) throws(CryptoError) in
            try authenticate(function, key: key, message)
        }
    }

    /// The whole tag over `message`.
    public static func authenticate(
        _ function: HashFunction, key: borrowing SecretBytes, _ message: UnsafeRawBufferPointer
    ) throws(CryptoError) -> [UInt8] {
        var tag = [UInt8](repeating: 0, count: function.digestCount)
        try tag.withMutableRaw { (tag) throws(CryptoError) in
            try key.withUnsafeBytes { (key) throws(CryptoError) in
                try compute(function, key: key, [message], into: tag)
            }
        }
        return tag
    }

    /// HMAC over the concatenation of `parts`; `output` has exactly the size of a digest.
    static func compute(
        _ function: HashFunction, key: UnsafeRawBufferPointer, _ parts: [UnsafeRawBufferPointer],
        into output: UnsafeMutableRawBufferPointer
    ) throws(CryptoError) {
        let template = function == .sha256 ? Library.hmacSHA256 : Library.hmacSHA512
        guard let template, let context = EVP_MAC_CTX_dup(template) else { throw Library.failure("HMAC") }
        defer { EVP_MAC_CTX_free(context) }
        // A null key would mean "the key of before".
        var nothing: UInt8 = 0
        let started = withUnsafePointer(to: &nothing) { empty in
            EVP_MAC_init(context, key.bytes ?? empty, key.count, nil)
        }
        guard started == 1 else { throw Library.failure("HMAC init") }
        for part in parts where part.count > 0 {
            guard EVP_MAC_update(context, part.bytes, part.count) == 1 else {
                throw Library.failure("HMAC update")
            }
        }
        var count = 0
        guard EVP_MAC_final(context, output.bytes, &count, output.count) == 1, count == output.count else {
            throw Library.failure("HMAC final")
        }
    }
}
