import COpenSSL

/// HKDF (RFC 5869), written over HMAC because OpenSSL 3.0 limits the length of info.
public enum HKDF {
    /// PRK = HMAC(salt, input key); an empty salt stands for zeros, as the RFC says.
    public static func extract(
        _ function: HashFunction, salt: [UInt8], inputKey: borrowing SecretBytes
    ) throws(CryptoError) -> SecretBytes {
        let salt = salt.isEmpty ? [UInt8](repeating: 0, count: function.digestCount) : salt
        return try inputKey.withUnsafeBytes { (inputKey) throws(CryptoError) -> SecretBytes in
            try SecretBytes(count: function.digestCount) { (output) throws(CryptoError) in
                try salt.withRaw { (salt) throws(CryptoError) in
                    try HMAC.compute(function, key: salt, [inputKey], into: output)
                }
            }
        }
    }

    /// `count` bytes of output key from a pseudorandom key; at most 255 digests long.
    public static func expand(
        _ function: HashFunction, key: borrowing SecretBytes, info: [UInt8], count: Int
    ) throws(CryptoError) -> SecretBytes {
        guard count > 0, count <= 255 * function.digestCount else {
            throw CryptoError(.invalidLength, "HKDF can't give \(count) bytes")
        }
        return try key.withUnsafeBytes { (key) throws(CryptoError) -> SecretBytes in
            try SecretBytes(count: count) { (output) throws(CryptoError) in
                try info.withRaw { (info) throws(CryptoError) in
                    try expand(function, key: key, info: info, into: output)
                }
            }
        }
    }

    /// Extract, then expand.
    public static func derive(
        _ function: HashFunction, salt: [UInt8], inputKey: borrowing SecretBytes, info: [UInt8], count: Int
    ) throws(CryptoError) -> SecretBytes {
        let key = try extract(function, salt: salt, inputKey: inputKey)
        return try expand(function, key: key, info: info, count: count)
    }

    private static func expand(
        _ function: HashFunction, key: UnsafeRawBufferPointer, info: UnsafeRawBufferPointer,
        into output: UnsafeMutableRawBufferPointer
    ) throws(CryptoError) {
        let size = function.digestCount
        // T(i) = HMAC(PRK, T(i-1) | info | i)
        let block = try SecretBytes(count: size + 1) { (block) throws(CryptoError) in
            let digest = block.part(0..<size)
            let counter = block.part(size..<size + 1)
            var done = 0
            while done < output.count {
                counter[0] += 1
                let previous = UnsafeRawBufferPointer(done == 0 ? digest.part(0..<0) : digest)
                try HMAC.compute(
                    function, key: key, [previous, info, UnsafeRawBufferPointer(counter)], into: digest)
                let step = min(size, output.count - done)
                let taken = UnsafeRawBufferPointer(digest.part(0..<step))
                output.part(done..<done + step).copyMemory(from: taken)
                done += step
            }
        }
        _ = consume block
    }
}
