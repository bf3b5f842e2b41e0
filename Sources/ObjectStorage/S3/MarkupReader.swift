/// An element of the small XML documents that stores answer with.
package struct MarkupElement {
    /// Without a namespace's prefix.
    package var name: String
    /// All text directly inside.
    package var text = ""
    package var children: [MarkupElement] = []

    /// The first child of that name.
    package subscript(name: String) -> MarkupElement? { children.first { $0.name == name } }
}

/// Reads XML as far as stores need it: elements, text, the five named and the numbered characters. There are
/// no document types, hence no entities, and nothing is fetched; depth and size have limits.
package struct MarkupReader {
    static let sizeLimit = 1 << 24
    private static let depthLimit = 16

    private struct Malformed: Error {}
    private let bytes: [UInt8]
    private var at = 0

    /// The document's root; nil for anything else than a whole, well-formed document.
    package static func read(_ bytes: [UInt8]) -> MarkupElement? {
        guard bytes.count <= sizeLimit else { return nil }
        var reader = MarkupReader(bytes: bytes)
        do {
            try reader.skipBetween()
            let root = try reader.element(depth: 0)
            try reader.skipBetween()
            return reader.at == bytes.count ? root : nil
        } catch {
            return nil
        }
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    private mutating func element(depth: Int) throws(Malformed) -> MarkupElement {
        guard depth < Self.depthLimit else { throw Malformed() }
        try expect("<")
        let name = try self.name()
        try skipAttributes()
        var element = MarkupElement(name: String(name.split(separator: ":").last ?? ""))
        if accept("/>") { return element }
        try expect(">")
        var text: [UInt8] = []
        while true {
            guard let byte = peek else { throw Malformed() }
            if byte != UInt8(ascii: "<") {
                try character(into: &text)
            } else if accept("</") {
                guard try self.name() == name else { throw Malformed() }
                skipSpace()
                try expect(">")
                element.text = String(decoding: text, as: UTF8.self)
                return element
            } else if accept("<!--") {
                try skip(past: "-->")
            } else if accept("<![CDATA[") {
                let start = at
                try skip(past: "]]>")
                text += bytes[start..<at - 3]
            } else if accept("<?") {
                try skip(past: "?>")
            } else {
                element.children.append(try self.element(depth: depth + 1))
            }
        }
    }

    /// Space, comments and instructions around the root.
    private mutating func skipBetween() throws(Malformed) {
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]), at == 0 { at = 3 }
        while true {
            skipSpace()
            if accept("<?") {
                try skip(past: "?>")
            } else if accept("<!--") {
                try skip(past: "-->")
            } else {
                return
            }
        }
    }

    private mutating func name() throws(Malformed) -> String {
        let start = at
        while let byte = peek, byte.isUnreserved || byte == UInt8(ascii: ":") || byte >= 0x80 { at += 1 }
        guard at > start, at - start <= 256 else { throw Malformed() }
        return String(decoding: bytes[start..<at], as: UTF8.self)
    }

    /// Attributes say nothing here (namespaces, types).
    private mutating func skipAttributes() throws(Malformed) {
        while true {
            skipSpace()
            guard let byte = peek else { throw Malformed() }
            if byte == UInt8(ascii: ">") || byte == UInt8(ascii: "/") { return }
            _ = try name()
            skipSpace()
            try expect("=")
            skipSpace()
            guard let quote = peek, quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") else {
                throw Malformed()
            }
            at += 1
            while let byte = peek, byte != quote, byte != UInt8(ascii: "<") { at += 1 }
            guard peek == quote else { throw Malformed() }
            at += 1
        }
    }

    /// One byte of text, or a character written as `&…;`.
    private mutating func character(into text: inout [UInt8]) throws(Malformed) {
        guard accept("&") else {
            text.append(bytes[at])
            at += 1
            return
        }
        let start = at
        while let byte = peek, byte != UInt8(ascii: ";"), at - start < 12 { at += 1 }
        let word = String(decoding: bytes[start..<at], as: UTF8.self)
        try expect(";")
        switch word {
        case "lt": text.append(UInt8(ascii: "<"))
        case "gt": text.append(UInt8(ascii: ">"))
        case "amp": text.append(UInt8(ascii: "&"))
        case "quot": text.append(UInt8(ascii: "\""))
        case "apos": text.append(UInt8(ascii: "'"))
        default:
            let number =
                word.hasPrefix("#x")
                ? UInt32(word.dropFirst(2), radix: 16)
                : word.hasPrefix("#") ? UInt32(word.dropFirst()) : nil
            guard let scalar = number.flatMap(Unicode.Scalar.init) else { throw Malformed() }
            text += Array(String(Character(scalar)).utf8)
        }
    }

    // MARK: - Bytes

    private var peek: UInt8? { at < bytes.count ? bytes[at] : nil }

    private mutating func skipSpace() {
        while let byte = peek, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { at += 1 }
    }

    private mutating func accept(_ word: StaticString) -> Bool {
        guard bytes.count - at >= word.utf8CodeUnitCount else { return false }
        for index in 0..<word.utf8CodeUnitCount where bytes[at + index] != word.utf8Start[index] {
            return false
        }
        at += word.utf8CodeUnitCount
        return true
    }

    private mutating func expect(_ word: StaticString) throws(Malformed) {
        guard accept(word) else { throw Malformed() }
    }

    private mutating func skip(past word: StaticString) throws(Malformed) {
        while at < bytes.count {
            if accept(word) { return }
            at += 1
        }
        throw Malformed()
    }
}
