import Cryptography

/// Bytes of a hexadecimal string; spaces are skipped.
func hex(_ text: String) -> [UInt8] {
    let digits = text.utf8.filter { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\n") }
    return stride(from: 0, to: digits.count - 1, by: 2).map { index in
        UInt8(String(decoding: digits[index...index + 1], as: UTF8.self), radix: 16) ?? 0
    }
}

/// Lower-case hexadecimal.
func hex(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
}

func secret(_ bytes: [UInt8]) -> SecretBytes {
    SecretBytes(copying: bytes)
}

func bytes(_ secret: borrowing SecretBytes) -> [UInt8] {
    secret.withUnsafeBytes { Array($0) }
}

extension XAES256GCM {
    /// ciphertext ‖ tag.
    func seal(_ plaintext: [UInt8], nonce: [UInt8], aad: [UInt8] = []) throws(CryptoError) -> [UInt8] {
        var output = plaintext
        var tag = [UInt8](repeating: 0, count: 16)
        let result = Result { () throws(CryptoError) in
            try output.withUnsafeMutableBufferPointer { (output) throws(CryptoError) in
                try tag.withUnsafeMutableBufferPointer { (tag) throws(CryptoError) in
                    try plaintext.withUnsafeBufferPointer { (plaintext) throws(CryptoError) in
                        try nonce.withUnsafeBufferPointer { (nonce) throws(CryptoError) in
                            try aad.withUnsafeBufferPointer { (aad) throws(CryptoError) in
                                try seal(
                                    UnsafeRawBufferPointer(plaintext),
                                    into: UnsafeMutableRawBufferPointer(output),
                                    nonce: UnsafeRawBufferPointer(nonce), aad: UnsafeRawBufferPointer(aad),
                                    tag: UnsafeMutableRawBufferPointer(tag))
                            }
                        }
                    }
                }
            }
        }
        try result.get()
        return output + tag
    }

    /// In place: the plaintext of ciphertext ‖ tag, or what was left in the buffer and the error.
    func open(
        _ sealed: [UInt8], nonce: [UInt8], aad: [UInt8] = []
    ) -> (output: [UInt8], error: CryptoError?) {
        var output = Array(sealed.dropLast(16))
        let tag = Array(sealed.suffix(16))
        var failure: CryptoError?
        output.withUnsafeMutableBytes { output in
            tag.withUnsafeBytes { tag in
                nonce.withUnsafeBytes { nonce in
                    aad.withUnsafeBytes { aad in
                        let input = UnsafeRawBufferPointer(output)
                        do throws(CryptoError) {
                            try open(input, into: output, nonce: nonce, aad: aad, tag: tag)
                        } catch { failure = error }
                    }
                }
            }
        }
        return (output, failure)
    }
}
