/// The replacements of SentencePiece's `precompiled_charsmap`: a trie over bytes as a double array (Darts),
/// whose values are offsets of texts that end with a zero byte.
struct CharacterMap: Sendable {
    private let units: [UInt32]
    private let texts: [UInt8]

    /// - Throws: `EmbeddingError` when it is not such a map.
    init(_ base64: String, _ path: String) throws {
        guard let bytes = Self.decode(base64), bytes.count >= 4 else {
            throw TokenizerFile.unknown(path, "precompiled_charsmap")
        }
        let size = bytes[0..<4].reversed().reduce(0) { $0 << 8 | Int($1) }
        guard size % 4 == 0, size <= bytes.count - 4 else {
            throw TokenizerFile.unknown(path, "precompiled_charsmap")
        }
        units = bytes[4..<4 + size].withUnsafeBytes { StoredBytes.array(of: UInt32(0), from: $0) }
        texts = Array(bytes[(4 + size)...])
    }

    /// The longest beginning that the map has is replaced, again and again; what it has not stays. Whole
    /// characters are looked up first, then their scalars, as the makers' tools do it.
    func apply(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: text)
        var result: [Unicode.Scalar] = []
        for character in String(view) {
            let bytes = Array(character.utf8)
            if bytes.count < 6, let new = replacement(bytes) {
                result += new
                continue
            }
            for scalar in character.unicodeScalars {
                result += replacement(Array(String(scalar).utf8)) ?? [scalar]
            }
        }
        return result
    }

    /// The text for the shortest beginning of `key` that the map has; nil when it has none.
    private func replacement(_ key: [UInt8]) -> [Unicode.Scalar]? {
        guard let root = units.first else { return nil }
        var place = Self.offset(root)
        for byte in key where byte != 0 {
            place ^= Int(byte)
            guard units.indices.contains(place) else { return nil }
            let unit = units[place]
            guard unit & 0x8000_00FF == UInt32(byte) else { return nil }
            place ^= Self.offset(unit)
            guard units.indices.contains(place) else { return nil }
            if unit >> 8 & 1 == 1 { return text(at: Int(units[place] & 0x7FFF_FFFF)) }
        }
        return nil
    }

    private static func offset(_ unit: UInt32) -> Int { Int((unit >> 10) << ((unit & 0x200) >> 6)) }

    private func text(at start: Int) -> [Unicode.Scalar]? {
        guard texts.indices.contains(start) else { return nil }
        let bytes = texts[start...].prefix { $0 != 0 }
        return Array(String(decoding: bytes, as: UTF8.self).unicodeScalars)
    }

    /// RFC 4648, section 4; nil for anything else.
    private static func decode(_ base64: String) -> [UInt8]? {
        var bytes: [UInt8] = []
        var (word, bits): (UInt32, UInt32) = (0, 0)
        for letter in base64.utf8.prefix(while: { $0 != UInt8(ascii: "=") }) {
            let value: UInt8
            switch letter {
            case 0x41...0x5A: value = letter - 0x41
            case 0x61...0x7A: value = letter - 0x61 + 26
            case 0x30...0x39: value = letter - 0x30 + 52
            case UInt8(ascii: "+"): value = 62
            case UInt8(ascii: "/"): value = 63
            default: return nil
            }
            word = word << 6 | UInt32(value)
            bits += 6
            guard bits >= 8 else { continue }
            bits -= 8
            bytes.append(UInt8(truncatingIfNeeded: word >> bits))
        }
        return bytes
    }
}
