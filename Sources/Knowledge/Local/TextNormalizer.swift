@_spi(_Unicode) import Swift
internal import Vault

/// A step of what a tokenizer does to a text before it cuts it.
enum TextNormalizer: Sendable {
    case bert(cleans: Bool, spacesIdeographs: Bool, stripsAccents: Bool, lowercases: Bool)
    case lowercase
    case stripAccents
    case decompose
    case compose
    case replace([Unicode.Scalar], [Unicode.Scalar])
    case replaceSpaces([Unicode.Scalar])
    case precompiled(CharacterMap)
    case strip(left: Bool, right: Bool)

    static func parse(_ value: JSONValue?, _ path: String) throws -> [TextNormalizer] {
        guard let object = value?.object else { return [] }
        func flag(_ key: String, _ usual: Bool) -> Bool {
            if case .bool(let flag) = object[key] { flag } else { usual }
        }
        switch object["type"]?.string {
        case "Sequence": return try (object["normalizers"]?.array ?? []).flatMap { try parse($0, path) }
        case "BertNormalizer":
            let lowercases = flag("lowercase", true)
            return [
                .bert(
                    cleans: flag("clean_text", true), spacesIdeographs: flag("handle_chinese_chars", true),
                    stripsAccents: flag("strip_accents", lowercases), lowercases: lowercases)
            ]
        case "Lowercase": return [.lowercase]
        case "StripAccents": return [.stripAccents]
        case "NFD": return [.decompose]
        case "NFC": return [.compose]
        case "Strip": return [.strip(left: flag("strip_left", true), right: flag("strip_right", true))]
        case "Precompiled":
            return [.precompiled(try CharacterMap(object["precompiled_charsmap"]?.string ?? "", path))]
        case "Replace":
            let new = Array((object["content"]?.string ?? "").unicodeScalars)
            let pattern = object["pattern"]?.object
            if let old = pattern?["String"]?.string, !old.isEmpty {
                return [.replace(Array(old.unicodeScalars), new)]
            }
            if pattern?["Regex"]?.string == " {2,}" { return [.replaceSpaces(new)] }
            throw TokenizerFile.unknown(path, "the pattern of a replacement")
        case let type: throw TokenizerFile.unknown(path, "the normaliser \(type ?? "without a type")")
        }
    }

    func apply(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        switch self {
        case .bert(let cleans, let spacesIdeographs, let stripsAccents, let lowercases):
            var text = cleans ? text.compactMap(Self.cleaned) : text
            if spacesIdeographs { text = text.flatMap { Self.isIdeograph($0) ? [" ", $0, " "] : [$0] } }
            if stripsAccents { text = Self.withoutAccents(Self.decomposed(text)) }
            return lowercases ? Self.lowercased(text) : text
        case .lowercase: return Self.lowercased(text)
        case .stripAccents: return Self.withoutAccents(text)
        case .decompose: return Self.decomposed(text)
        case .compose: return Array(Self.string(text)._nfc)
        case .replace(let old, let new): return Self.replacing(old, new, in: text)
        case .replaceSpaces(let new): return Self.replacingSpaces(new, in: text)
        case .precompiled(let map): return map.apply(text)
        case .strip(let left, let right):
            var rest = text[...]
            while left, rest.first?.properties.isWhitespace == true { rest.removeFirst() }
            while right, rest.last?.properties.isWhitespace == true { rest.removeLast() }
            return Array(rest)
        }
    }

    private static func string(_ text: [Unicode.Scalar]) -> String {
        var string = String.UnicodeScalarView()
        string.append(contentsOf: text)
        return String(string)
    }

    /// The standard library decomposes every text that it compares, but offers that to nobody else by a
    /// public name; Foundation, which does, would double the program.
    private static func decomposed(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        Array(string(text)._nfd)
    }

    private static func withoutAccents(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        text.filter { $0.isASCII || $0.properties.generalCategory != .nonspacingMark }
    }

    private static func lowercased(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        text.flatMap { $0.properties.lowercaseMapping.unicodeScalars }
    }

    /// Nil for what is left out, a space for any white space.
    private static func cleaned(_ scalar: Unicode.Scalar) -> Unicode.Scalar? {
        if ["\t", "\n", "\r", " "].contains(scalar) { return " " }
        if scalar.value == 0 || scalar.value == 0xFFFD { return nil }
        switch scalar.properties.generalCategory {
        case .control, .format, .unassigned, .privateUse, .surrogate: return nil
        case .spaceSeparator, .lineSeparator, .paragraphSeparator: return " "
        default: return scalar
        }
    }

    private static func isIdeograph(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0x20000...0x2A6DF, 0x2A700...0x2B73F, 0x2B740...0x2B81F,
            0x2B920...0x2CEAF, 0xF900...0xFAFF, 0x2F800...0x2FA1F:
            true
        default: false
        }
    }

    private static func replacing(
        _ old: [Unicode.Scalar], _ new: [Unicode.Scalar], in text: [Unicode.Scalar]
    ) -> [Unicode.Scalar] {
        var result: [Unicode.Scalar] = []
        var place = 0
        while place < text.count {
            if text[place...].starts(with: old) {
                result += new
                place += old.count
            } else {
                result.append(text[place])
                place += 1
            }
        }
        return result
    }

    private static func replacingSpaces(
        _ new: [Unicode.Scalar], in text: [Unicode.Scalar]
    ) -> [Unicode.Scalar] {
        var result: [Unicode.Scalar] = []
        var place = 0
        while place < text.count {
            let spaces = text[place...].prefix { $0 == " " }.count
            if spaces >= 2 { result += new } else { result.append(text[place]) }
            place += max(1, spaces)
        }
        return result
    }
}
