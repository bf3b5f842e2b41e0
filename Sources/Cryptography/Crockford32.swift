/// Crockford's base32, lower case, unpadded: names of objects, tags, ids, the recovery code.
public enum Crockford32 {
    private static let alphabet = Array("0123456789abcdefghjkmnpqrstvwxyz".utf8)

    private static let values: [UInt8: UInt8] = {
        var values: [UInt8: UInt8] = [:]
        for (value, letter) in alphabet.enumerated() {
            values[letter] = UInt8(value)
            if letter >= UInt8(ascii: "a") { values[letter - 32] = UInt8(value) }
        }
        for letter in "oO".utf8 { values[letter] = 0 }
        for letter in "iIlL".utf8 { values[letter] = 1 }
        return values
    }()

    /// Five bits a letter, the most significant first; the last letter is filled with zero bits.
    public static func encode(_ bytes: [UInt8]) -> String {
        var letters: [UInt8] = []
        letters.reserveCapacity((bytes.count * 8 + 4) / 5)
        var buffer: UInt32 = 0
        var bits = 0
        for byte in bytes {
            buffer = buffer << 8 | UInt32(byte)
            bits += 8
            while bits >= 5 {
                bits -= 5
                letters.append(alphabet[Int(buffer >> UInt32(bits) & 31)])
            }
        }
        if bits > 0 { letters.append(alphabet[Int(buffer << UInt32(5 - bits) & 31)]) }
        return String(decoding: letters, as: UTF8.self)
    }

    /// The bytes of what a person typed: case, spaces and hyphens do not matter, o is 0, i and l are 1. Nil
    /// for other letters, for a length no encoding has, and when bits are left that are not zero.
    ///
    /// Several texts lead to the same bytes; a name that must be unique is compared with its `encode`.
    public static func decode(_ text: String) -> [UInt8]? {
        var bytes: [UInt8] = []
        var buffer: UInt32 = 0
        var bits = 0
        for letter in text.utf8 where letter != UInt8(ascii: "-") && letter != UInt8(ascii: " ") {
            guard let value = values[letter] else { return nil }
            buffer = buffer << 5 | UInt32(value)
            bits += 5
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(truncatingIfNeeded: buffer >> UInt32(bits)))
            }
        }
        guard bits < 5, buffer & (1 << UInt32(bits) - 1) == 0 else { return nil }
        return bytes
    }
}
