/// Text as the search sees it: words, and runs of Chinese, Japanese and Korean characters. Full-width forms
/// are folded, letters lower-cased, Traditional ideographs taken for their Simplified forms. Index and
/// queries cut text by this one function; whoever changes what it returns raises `TextRuns.version`, and
/// every index is rebuilt.
package enum TextRuns {
    package static let version = "2"

    package enum Kind { case word, ideographs }

    /// A word, or at least one ideograph, as it is compared.
    package struct Run {
        package fileprivate(set) var kind = Kind.word
        /// UTF-8.
        package fileprivate(set) var folded: [UInt8] = []
        /// A word is one piece, each ideograph is one.
        package fileprivate(set) var pieces: [Piece] = []

        /// What a piece compares as.
        package func text(_ piece: Piece) -> String { String(decoding: folded[piece.folded], as: UTF8.self) }
    }

    /// A part of a run, and where it stands in the text and in the run's folded bytes.
    package struct Piece {
        package let start: Int
        package let end: Int
        package let folded: Range<Int>
    }

    /// Of a longer word the rest is not looked at, in bytes.
    fileprivate static let wordLimit = 256
    /// An endless run is cut, so that memory stays bounded; the cut loses one bigram.
    private static let runLimit = 4096

    /// Calls `emit` for each run, from left to right, until it returns false. Invalid UTF-8 separates.
    package static func scan(_ bytes: UnsafeBufferPointer<UInt8>, _ emit: (borrowing Run) -> Bool) {
        var run = Run()
        var position = 0
        func flush() -> Bool {
            guard !run.pieces.isEmpty else { return true }
            defer { run.removeAll() }
            return emit(run)
        }
        while position < bytes.count {
            let start = position
            let lead = bytes[position]
            if lead < 0x80 {
                position += 1
                if let folded = word(ascii: lead) {
                    if run.kind != .word && !flush() { return }
                    run.extendWord(start..<position) { $0.append(folded) }
                } else if !flush() {
                    return
                }
                continue
            }
            let (scalar, length) = decode(bytes, at: position)
            position += length
            guard let folded = scalar.map(fold), let kind = kind(folded) else {
                if !flush() { return }
                continue
            }
            if run.kind != kind && !flush() { return }
            switch kind {
            case .word:
                run.extendWord(start..<position) { append(folded, to: &$0) }
            case .ideographs:
                run.add(folded, start..<position)
                if run.pieces.count == runLimit && !flush() { return }
            }
        }
        _ = flush()
    }

    /// The runs of a text.
    package static func of(_ text: String) -> [Run] {
        var text = text
        var runs: [Run] = []
        text.withUTF8 { bytes in
            scan(bytes) { run in
                runs.append(copy run)
                return true
            }
        }
        return runs
    }

    /// The lower case of a letter, a digit, or an underscore; nil for what separates words.
    private static func word(ascii byte: UInt8) -> UInt8? {
        switch byte {
        case 0x61...0x7A, 0x30...0x39, 0x5F: byte
        case 0x41...0x5A: byte | 0x20
        default: nil
        }
    }

    private static func append(_ scalar: Unicode.Scalar, to word: inout [UInt8]) {
        if scalar.isASCII {
            word.append(self.word(ascii: UInt8(scalar.value)) ?? UInt8(scalar.value))
        } else {
            word.append(contentsOf: scalar.properties.lowercaseMapping.utf8)
        }
    }

    private static func fold(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        guard (0xFF01...0xFF5E).contains(scalar.value) else { return SimplifiedForms.of(scalar) }
        return Unicode.Scalar(scalar.value - 0xFEE0) ?? scalar
    }

    /// Nil for what separates.
    private static func kind(_ scalar: Unicode.Scalar) -> Kind? {
        switch scalar.value {
        case 0..<0x80: return word(ascii: UInt8(scalar.value)).map { _ in .word }
        case 0x3005...0x3007, 0x3040...0x30FF, 0x31F0...0x31FF, 0x3400...0x4DBF, 0x4E00...0x9FFF,
            0xA960...0xA97F, 0xAC00...0xD7FF, 0x1100...0x11FF, 0x3130...0x318F, 0x3100...0x312F,
            0xF900...0xFAFF, 0xFF66...0xFFDC, 0x1B000...0x1B16F, 0x20000...0x323AF:
            return scalar.value == 0x30FB ? nil : .ideographs
        default:
            let properties = scalar.properties
            if properties.isAlphabetic || properties.numericType != nil { return .word }
            switch properties.generalCategory {
            case .nonspacingMark, .spacingMark: return .word
            default: return nil
            }
        }
    }

    /// One scalar beyond ASCII and its length; nil and 1 for a byte that begins none.
    private static func decode(
        _ bytes: UnsafeBufferPointer<UInt8>, at position: Int
    ) -> (Unicode.Scalar?, Int) {
        let lead = bytes[position]
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

extension TextRuns.Run {
    /// The word goes on to the end of these bytes of the text, or begins with them.
    fileprivate mutating func extendWord(_ bytes: Range<Int>, _ append: (inout [UInt8]) -> Void) {
        kind = .word
        if folded.count < TextRuns.wordLimit { append(&folded) }
        let start = pieces.first?.start ?? bytes.lowerBound
        let piece = TextRuns.Piece(start: start, end: bytes.upperBound, folded: 0..<folded.count)
        if pieces.isEmpty { pieces.append(piece) } else { pieces[0] = piece }
    }

    /// One more ideograph, which stands in these bytes of the text.
    fileprivate mutating func add(_ ideograph: Unicode.Scalar, _ bytes: Range<Int>) {
        kind = .ideographs
        let start = folded.count
        folded.append(contentsOf: ideograph.utf8)
        pieces.append(
            TextRuns.Piece(start: bytes.lowerBound, end: bytes.upperBound, folded: start..<folded.count))
    }

    fileprivate mutating func removeAll() {
        folded.removeAll(keepingCapacity: true)
        pieces.removeAll(keepingCapacity: true)
    }
}
