/// Text as the search sees it: words, and runs of Chinese, Japanese and Korean characters. Full-width
/// forms are
/// folded, letters lower-cased. Index and queries cut text by this one function; whoever changes what it
/// returns raises `TextRuns.version`, and every index is rebuilt.
enum TextRuns {
    static let version = "1"

    /// A character with the bytes it stands for in the text.
    struct Piece {
        var folded: String
        var start: Int
        var end: Int
    }

    enum Run {
        /// One token.
        case word(Piece)
        /// At least one character.
        case ideographs([Piece])
    }

    private enum Kind { case other, word, ideograph }

    /// Calls `emit` for each run, from left to right, until it returns false. Invalid UTF-8 separates.
    static func scan(_ bytes: UnsafeBufferPointer<UInt8>, _ emit: (Run) -> Bool) {
        var word = Piece(folded: "", start: 0, end: 0)
        var ideographs: [Piece] = []
        var position = 0
        func flush() -> Bool {
            defer {
                word.folded = ""
                ideographs.removeAll(keepingCapacity: true)
            }
            if !word.folded.isEmpty && !emit(.word(word)) { return false }
            return ideographs.isEmpty || emit(.ideographs(ideographs))
        }
        while position < bytes.count {
            let (scalar, length) = decode(bytes, at: position)
            let start = position
            position += length
            let folded = scalar.map(fold)
            switch folded.map(kind) ?? .other {
            case .other:
                if !flush() { return }
            case .word:
                if !ideographs.isEmpty && !flush() { return }
                if word.folded.isEmpty { word.start = start }
                if word.folded.utf8.count < 256, let folded { append(folded, to: &word.folded) }
                word.end = position
            case .ideograph:
                if !word.folded.isEmpty && !flush() { return }
                guard let folded else { continue }
                ideographs.append(Piece(folded: String(Character(folded)), start: start, end: position))
                // An endless run is cut, so that memory stays bounded; the cut loses one bigram.
                if ideographs.count == 4096 && !flush() { return }
            }
        }
        _ = flush()
    }

    /// The runs of a text.
    static func of(_ text: String) -> [Run] {
        var text = text
        var runs: [Run] = []
        text.withUTF8 { bytes in
            scan(bytes) { run in
                runs.append(run)
                return true
            }
        }
        return runs
    }

    private static func append(_ scalar: Unicode.Scalar, to word: inout String) {
        if scalar.isASCII {
            let upper = (0x41...0x5A).contains(scalar.value)
            word.unicodeScalars.append(upper ? Unicode.Scalar(UInt8(scalar.value) | 0x20) : scalar)
        } else {
            word += scalar.properties.lowercaseMapping
        }
    }

    private static func fold(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        guard (0xFF01...0xFF5E).contains(scalar.value) else { return scalar }
        return Unicode.Scalar(scalar.value - 0xFEE0) ?? scalar
    }

    private static func kind(_ scalar: Unicode.Scalar) -> Kind {
        switch scalar.value {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x5F: return .word
        case 0..<0x80: return .other
        case 0x3005...0x3007, 0x3040...0x30FF, 0x31F0...0x31FF, 0x3400...0x4DBF, 0x4E00...0x9FFF,
            0xA960...0xA97F, 0xAC00...0xD7FF, 0x1100...0x11FF, 0x3130...0x318F, 0x3100...0x312F,
            0xF900...0xFAFF, 0xFF66...0xFFDC, 0x1B000...0x1B16F, 0x20000...0x323AF:
            return scalar.value == 0x30FB ? .other : .ideograph
        default:
            let properties = scalar.properties
            if properties.isAlphabetic || properties.numericType != nil { return .word }
            switch properties.generalCategory {
            case .nonspacingMark, .spacingMark: return .word
            default: return .other
            }
        }
    }

    /// One scalar and its length; nil and 1 for a byte that begins none.
    private static func decode(
        _ bytes: UnsafeBufferPointer<UInt8>, at position: Int
    ) -> (Unicode.Scalar?, Int) {
        let lead = bytes[position]
        if lead < 0x80 { return (Unicode.Scalar(lead), 1) }
        let length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2
        guard (0xC2...0xF4).contains(lead), position + length <= bytes.count else { return (nil, 1) }
        var value = UInt32(lead) & (0x7F >> UInt32(length))
        for i in 1..<length {
            guard bytes[position + i] & 0xC0 == 0x80 else { return (nil, 1) }
            value = value << 6 | UInt32(bytes[position + i] & 0x3F)
        }
        return Unicode.Scalar(value).map { ($0, length) } ?? (nil, 1)
    }
}
