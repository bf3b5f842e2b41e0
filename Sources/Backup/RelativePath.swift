/// A path that stays below the directory it is used in: checked once, then only names.
///
/// Names are bytes, as Linux has them. Refused: absolute paths, `.`, `..`, empty components, NUL, names of
/// more than 255 bytes, more than 512 levels.
package struct RelativePath: Hashable, Sendable {
    /// The names with slashes between them.
    package let bytes: [UInt8]

    /// Checks `bytes`; nil if the path is not one that stays below. A slash at the end does not count.
    package init?(_ bytes: [UInt8]) {
        let (slash, dot) = (UInt8(ascii: "/"), UInt8(ascii: "."))
        let end = bytes.last == slash ? bytes.count - 1 : bytes.count
        guard end > 0, end <= 16_384 else { return nil }
        var (start, levels) = (0, 0)
        for index in 0...end {
            guard index == end || bytes[index] == slash else {
                if bytes[index] == 0 { return nil }
                continue
            }
            let count = index - start
            guard count > 0, count <= 255 else { return nil }
            if bytes[start] == dot, count == 1 || (count == 2 && bytes[start + 1] == dot) { return nil }
            levels += 1
            start = index + 1
        }
        guard levels <= 512 else { return nil }
        self.bytes = end == bytes.count ? bytes : Array(bytes[..<end])
    }

    /// At least one name.
    package var components: [[UInt8]] { bytes.split(separator: UInt8(ascii: "/")).map(Array.init) }

    package init?(_ text: String) { self.init(Array(text.utf8)) }

    /// Whether a symbolic link that stands here and says `destination` stays below the root.
    package func containsLink(to destination: [UInt8]) -> Bool {
        guard let first = destination.first, first != UInt8(ascii: "/"), !destination.contains(0) else {
            return false
        }
        var depth = components.count - 1
        for part in destination.split(separator: UInt8(ascii: "/")) {
            if part.elementsEqual(".".utf8) { continue }
            depth += part.elementsEqual("..".utf8) ? -1 : 1
            if depth < 0 { return false }
        }
        return true
    }
}

extension [UInt8] {
    /// For messages: invalid UTF-8 and control characters become U+FFFD.
    var printable: String {
        String(
            String.UnicodeScalarView(
                String(decoding: self, as: UTF8.self).unicodeScalars.map {
                    $0.value < 32 || $0.value == 127 ? "\u{FFFD}" : $0
                }))
    }
}
