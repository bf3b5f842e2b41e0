/// A path that stays below the directory it is used in: checked once, then only names.
///
/// Names are bytes, as Linux has them. Refused: absolute paths, `.`, `..`, empty components, NUL, names of
/// more than 255 bytes, more than 512 levels.
package struct RelativePath: Hashable, Sendable {
    /// At least one name.
    package let components: [[UInt8]]

    /// Checks `bytes`; nil if the path is not one that stays below.
    package init?(_ bytes: [UInt8]) {
        var bytes = bytes[...]
        if bytes.last == UInt8(ascii: "/") { bytes = bytes.dropLast() }
        guard !bytes.isEmpty, bytes.count <= 16_384 else { return nil }
        let parts = bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard parts.count <= 512 else { return nil }
        for part in parts {
            guard !part.isEmpty, part.count <= 255, !part.contains(0) else { return nil }
            if part.elementsEqual(".".utf8) || part.elementsEqual("..".utf8) { return nil }
        }
        components = parts.map(Array.init)
    }

    package init?(_ text: String) { self.init(Array(text.utf8)) }

    /// The path again, with slashes.
    package var bytes: [UInt8] { Array(components.joined(separator: [UInt8(ascii: "/")])) }

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
