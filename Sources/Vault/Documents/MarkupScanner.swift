/// Reads HTML as browsers do as far as text is concerned: comments, tags with their quoted attributes,
/// elements whose content is no markup, references to characters. It only ever goes forward.
struct MarkupScanner {
    enum Token: Equatable {
        /// A byte of the text.
        case byte(UInt8)
        /// A character that was named.
        case scalar(Unicode.Scalar)
        /// The name of an element in lower case; its attributes were passed over.
        case start(String)
        case end(String)
    }

    private static let nameLimit = 15

    private let html: [UInt8]
    private var place: Int

    init(_ html: [UInt8]) {
        self.html = html
        place = html.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    }

    /// Whether the byte that was read last begins an ideograph or a sign as wide as one.
    private(set) var isWide = false

    /// - Returns: nil at the end.
    mutating func next() -> Token? {
        while place < html.count {
            if html[place] != UInt8(ascii: "<") { return text() }
            guard let token = tag() else { continue }
            return token
        }
        return nil
    }

    /// The next piece of an element that has text alone.
    /// - Returns: nil at its end, which is passed over.
    mutating func nextText(until name: String) -> Token? {
        guard place < html.count else { return nil }
        if isEnd(of: name) {
            place = tagEnd(from: place)
            return nil
        }
        return text()
    }

    /// Passes over the content of an element that is no text, and its end.
    mutating func skip(to name: String) {
        while place < html.count {
            if isEnd(of: name) {
                place = tagEnd(from: place)
                return
            }
            place += 1
        }
    }

    static func isWide(_ value: UInt32) -> Bool {
        0x2E80...0xD7FF ~= value || 0xF900...0xFAFF ~= value || 0xFF00...0xFFEF ~= value || value >= 0x20000
    }

    // MARK: - Text

    private mutating func text() -> Token {
        let byte = html[place]
        if byte == UInt8(ascii: "&"), let (scalar, length) = MarkupReference.read(html[place...]) {
            place += length
            return .scalar(scalar)
        }
        // CR LF is one end of a line, and the soft hyphen and the fixed space are as if they were named.
        if byte == 0x0D {
            place += place + 1 < html.count && html[place + 1] == 0x0A ? 2 : 1
            return .byte(0x0A)
        }
        if byte == 0xC2, place + 1 < html.count, html[place + 1] == 0xA0 || html[place + 1] == 0xAD {
            place += 2
            return .scalar(html[place - 1] == 0xA0 ? "\u{A0}" : "\u{AD}")
        }
        if byte >= 0xC0 {
            let next = place + 1 < html.count ? html[place + 1] : 0
            switch byte {
            case 0xE2: isWide = next >= 0xBA
            case 0xE3...0xED: isWide = true
            case 0xEF: isWide = 0xA4...0xAB ~= next || 0xBC...0xBF ~= next
            case 0xF0: isWide = next >= 0xA0
            default: isWide = false
            }
        } else if byte < 0x80 {
            isWide = false
        }
        place += 1
        return .byte(byte)
    }

    // MARK: - Tags

    /// What begins with `<`. Nil for what shows nothing.
    private mutating func tag() -> Token? {
        let start = place
        guard start + 1 < html.count else { return text() }
        switch html[start + 1] {
        case UInt8(ascii: "!") where html[start...].starts(with: "<!--".utf8): skipComment()
        case UInt8(ascii: "!"), UInt8(ascii: "?"): skip(past: UInt8(ascii: ">"))
        case UInt8(ascii: "/"):
            guard let name = name(at: start + 2) else {
                // `</` before anything but a letter is a comment, but for the end of the page.
                guard start + 2 < html.count else { return text() }
                skip(past: UInt8(ascii: ">"))
                return nil
            }
            place = tagEnd(from: start + 2)
            return .end(name)
        default:
            guard let name = name(at: start + 1) else { return text() }
            place = tagEnd(from: start + 1)
            return .start(name)
        }
        return nil
    }

    /// A name's letters and digits; of long ones, which no element has that matters, the beginning.
    private func name(at start: Int) -> String? {
        guard start < html.count, Self.isLetter(html[start]) else { return nil }
        var letters: [UInt8] = []
        for byte in html[start...].prefix(Self.nameLimit) {
            guard byte > 0x20, byte != UInt8(ascii: ">"), byte != UInt8(ascii: "/") else { break }
            letters.append(Self.isLetter(byte) ? byte | 0x20 : byte)
        }
        return String(decoding: letters, as: UTF8.self)
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        0x61...0x7A ~= byte | 0x20
    }

    /// Behind the tag that goes on at `start`. A quotation mark counts where a value begins.
    private func tagEnd(from start: Int) -> Int {
        var place = start
        var isValue = false
        while place < html.count {
            let byte = html[place]
            place += 1
            switch byte {
            case UInt8(ascii: ">"): return place
            case UInt8(ascii: "\""), UInt8(ascii: "'"):
                if isValue {
                    while place < html.count, html[place] != byte { place += 1 }
                    place = min(place + 1, html.count)
                }
                isValue = false
            case UInt8(ascii: "="): isValue = true
            case 0...0x20: break
            default: isValue = false
            }
        }
        return place
    }

    private func isEnd(of name: String) -> Bool {
        guard html[place] == UInt8(ascii: "<"), place + 2 + name.utf8.count <= html.count,
            html[place + 1] == UInt8(ascii: "/")
        else { return false }
        var end = place + 2
        for letter in name.utf8 {
            guard Self.isLetter(html[end]), html[end] | 0x20 == letter else { return false }
            end += 1
        }
        return end == html.count || html[end] <= 0x20 || html[end] == UInt8(ascii: ">")
            || html[end] == UInt8(ascii: "/")
    }

    private mutating func skip(past byte: UInt8) {
        while place < html.count, html[place] != byte { place += 1 }
        place = min(place + 1, html.count)
    }

    /// `<!-->` and `<!--->` are whole.
    private mutating func skipComment() {
        var hyphens = 2
        place += 4
        while place < html.count {
            let byte = html[place]
            place += 1
            if byte == UInt8(ascii: ">"), hyphens >= 2 { return }
            hyphens = byte == UInt8(ascii: "-") ? hyphens + 1 : 0
        }
    }
}
