/// UTF-8 that may be damaged, read line by line and character by character. Offsets are those of the bytes.
struct TextBytes {
    let bytes: [UInt8]

    /// The character at `position` and its length; U+FFFD and 1 for a byte that begins none.
    func scalar(at position: Int) -> (scalar: Unicode.Scalar, length: Int) {
        let lead = bytes[position]
        guard lead >= 0x80 else { return (Unicode.Scalar(lead), 1) }
        let length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2
        guard (0xC2...0xF4).contains(lead), position + length <= bytes.count else { return ("\u{FFFD}", 1) }
        var value = UInt32(lead) & (0x7F >> UInt32(length))
        for byte in bytes[position + 1..<position + length] {
            guard byte & 0xC0 == 0x80 else { return ("\u{FFFD}", 1) }
            value = value << 6 | UInt32(byte & 0x3F)
        }
        return Unicode.Scalar(value).map { ($0, length) } ?? ("\u{FFFD}", 1)
    }

    /// The line that begins at `start`, without its end, and where the next one begins.
    func line(at start: Int) -> (range: Range<Int>, next: Int) {
        let newline = bytes[start...].firstIndex(of: UInt8(ascii: "\n"))
        var end = newline ?? bytes.count
        if end > start, bytes[end - 1] == UInt8(ascii: "\r") { end -= 1 }
        return (start..<end, newline.map { $0 + 1 } ?? bytes.count)
    }

    /// The range without white space at both ends; nil when nothing else is in it.
    func trimmed(_ range: Range<Int>) -> Range<Int>? {
        var start = range.lowerBound
        while start < range.upperBound {
            let (scalar, length) = scalar(at: start)
            guard scalar.isSpace else { break }
            start += length
        }
        guard start < range.upperBound else { return nil }
        var end = range.upperBound
        while true {
            var last = end - 1
            while last > start, last > end - 4, bytes[last] & 0xC0 == 0x80 { last -= 1 }
            let (scalar, length) = scalar(at: last)
            guard last + length == end, scalar.isSpace else { break }
            end = last
        }
        return start..<end
    }

    func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }

    func tokens(in range: Range<Int>) -> Int {
        var estimate = TokenEstimate()
        var position = range.lowerBound
        while position < range.upperBound {
            let (scalar, length) = scalar(at: position)
            estimate.add(scalar)
            position += length
        }
        return estimate.tokens
    }
}

extension Unicode.Scalar {
    /// White space, and the mark that some editors put in front of a text.
    var isSpace: Bool { properties.isWhitespace || value == 0xFEFF || value < 0x20 }
}
