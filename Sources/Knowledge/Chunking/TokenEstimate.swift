/// How many tokens a language model would make of a text, roughly and without its vocabulary: an ideograph
/// counts 1, a word 1.3 or, when it is long, a quarter of its letters, any other visible sign a half.
package struct TokenEstimate {
    /// Tenths of a token.
    private var tenths = 0
    /// Letters of the word that may go on.
    private var letters = 0

    package init() {}

    /// Tokens so far, rounded up.
    package var tokens: Int { (tenths + wordTenths + 9) / 10 }

    private var wordTenths: Int { letters == 0 ? 0 : max(13, letters * 10 / 4) }

    /// Takes the next character of the text.
    package mutating func add(_ scalar: Unicode.Scalar) {
        switch Self.kind(scalar) {
        case .letter:
            letters += 1
            return
        case .ideograph: endWord(10)
        case .sign: endWord(5)
        case .space: endWord(0)
        }
    }

    /// The tokens of a text.
    package static func tokens(in text: some StringProtocol) -> Int {
        var estimate = TokenEstimate()
        for scalar in text.unicodeScalars { estimate.add(scalar) }
        return estimate.tokens
    }

    private mutating func endWord(_ more: Int) {
        tenths += wordTenths + more
        letters = 0
    }

    private enum Kind { case letter, ideograph, sign, space }

    private static func kind(_ scalar: Unicode.Scalar) -> Kind {
        switch scalar.value {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x5F: return .letter
        case 0...0x20, 0x7F...0xA0, 0x3000: return .space
        case 0..<0x80: return .sign
        case 0x3040...0x30FF, 0x3100...0x31FF, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xAC00...0xD7FF,
            0xF900...0xFAFF, 0x20000...0x323AF:
            return .ideograph
        default:
            let properties = scalar.properties
            if properties.isWhitespace { return .space }
            return properties.isAlphabetic || properties.numericType != nil ? .letter : .sign
        }
    }
}
