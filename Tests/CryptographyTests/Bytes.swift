import Cryptography

/// Bytes of a hexadecimal string; whatever is no digit is skipped.
func hex(_ text: String) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.utf8.count / 2)
    var high: UInt8?
    for character in text.utf8 {
        let value: UInt8
        switch character {
        case 0x30...0x39: value = character - 0x30
        case 0x61...0x66: value = character - 0x57
        default: continue
        }
        if let first = high {
            bytes.append(first << 4 | value)
            high = nil
        } else {
            high = value
        }
    }
    return bytes
}

/// Lower-case hexadecimal.
func hex(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    text.reserveCapacity(bytes.count * 2)
    for byte in bytes {
        text.append(digits[Int(byte >> 4)])
        text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
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
