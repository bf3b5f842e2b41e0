/// A reference to a character: by its number, or by one of the names of HTML 4. Others stand as text.
enum MarkupReference {
    private static let nameLimit = 8
    private static let replacement: Unicode.Scalar = "\u{FFFD}"

    /// The character that the reference at the beginning of `text` means, and the reference's length; nil
    /// when there is none. A number needs no semicolon.
    static func read(_ text: ArraySlice<UInt8>) -> (scalar: Unicode.Scalar, length: Int)? {
        let rest = text.dropFirst()
        guard let first = rest.first else { return nil }
        if first == UInt8(ascii: "#") { return number(rest.dropFirst()).map { ($0.scalar, $0.length + 2) } }
        let name = rest.prefix(nameLimit + 1).prefix { $0 != UInt8(ascii: ";") }
        guard name.count <= nameLimit, name.endIndex < text.endIndex,
            let scalar = names[String(decoding: name, as: UTF8.self)]
        else { return nil }
        return (scalar, name.count + 2)
    }

    private static func number(_ text: ArraySlice<UInt8>) -> (scalar: Unicode.Scalar, length: Int)? {
        let isHexadecimal = text.first.map { $0 | 0x20 == UInt8(ascii: "x") } ?? false
        let digits = isHexadecimal ? text.dropFirst() : text
        var (value, place): (UInt32, Int) = (0, digits.startIndex)
        while place < text.endIndex, let digit = digit(text[place], isHexadecimal) {
            // Larger ones are none, however many digits follow.
            value = min(value * (isHexadecimal ? 16 : 10) + digit, 0x110000)
            place += 1
        }
        guard place > digits.startIndex else { return nil }
        if place < text.endIndex, text[place] == UInt8(ascii: ";") { place += 1 }
        return (scalar(value), place - text.startIndex)
    }

    private static func digit(_ byte: UInt8, _ isHexadecimal: Bool) -> UInt32? {
        switch byte {
        case 0x30...0x39: UInt32(byte - 0x30)
        case 0x41...0x46 where isHexadecimal, 0x61...0x66 where isHexadecimal: UInt32((byte | 0x20) - 0x57)
        default: nil
        }
    }

    private static func scalar(_ value: UInt32) -> Unicode.Scalar {
        if 0x80...0x9F ~= value { return windows[Int(value - 0x80)] }
        return value == 0 ? replacement : Unicode.Scalar(value) ?? replacement
    }

    /// What numbers of control characters are taken for: those of Windows' code page 1252.
    private static let windows = Array(
        "€\u{81}‚ƒ„…†‡ˆ‰Š‹Œ\u{8D}Ž\u{8F}\u{90}‘’“”•–—˜™š›œ\u{9D}žŸ".unicodeScalars)

    private static let names: [String: Unicode.Scalar] = {
        var names: [String: Unicode.Scalar] = [
            "quot": "\"", "amp": "&", "apos": "'", "lt": "<", "gt": ">", "OElig": "Œ", "oelig": "œ",
            "Scaron": "Š", "scaron": "š", "Yuml": "Ÿ", "fnof": "ƒ", "circ": "ˆ", "tilde": "˜",
            "ensp": "\u{2002}", "emsp": "\u{2003}", "thinsp": "\u{2009}", "zwnj": "\u{200C}",
            "zwj": "\u{200D}", "lrm": "\u{200E}", "rlm": "\u{200F}", "ndash": "–", "mdash": "—", "lsquo": "‘",
            "rsquo": "’", "sbquo": "‚", "ldquo": "“", "rdquo": "”", "bdquo": "„", "dagger": "†",
            "Dagger": "‡", "bull": "•", "hellip": "…", "permil": "‰", "prime": "′", "Prime": "″",
            "lsaquo": "‹", "rsaquo": "›", "oline": "‾", "frasl": "⁄", "euro": "€", "image": "ℑ",
            "weierp": "℘", "real": "ℜ", "trade": "™", "alefsym": "ℵ", "larr": "←", "uarr": "↑", "rarr": "→",
            "darr": "↓", "harr": "↔", "crarr": "↵", "lArr": "⇐", "uArr": "⇑", "rArr": "⇒", "dArr": "⇓",
            "hArr": "⇔", "forall": "∀", "part": "∂", "exist": "∃", "empty": "∅", "nabla": "∇", "isin": "∈",
            "notin": "∉", "ni": "∋", "prod": "∏", "sum": "∑", "minus": "−", "lowast": "∗", "radic": "√",
            "prop": "∝", "infin": "∞", "ang": "∠", "and": "∧", "or": "∨", "cap": "∩", "cup": "∪", "int": "∫",
            "there4": "∴", "sim": "∼", "cong": "≅", "asymp": "≈", "ne": "≠", "equiv": "≡", "le": "≤",
            "ge": "≥", "sub": "⊂", "sup": "⊃", "nsub": "⊄", "sube": "⊆", "supe": "⊇", "oplus": "⊕",
            "otimes": "⊗", "perp": "⊥", "sdot": "⋅", "lceil": "⌈", "rceil": "⌉", "lfloor": "⌊",
            "rfloor": "⌋", "lang": "⟨", "rang": "⟩", "loz": "◊", "spades": "♠", "clubs": "♣", "hearts": "♥",
            "diams": "♦", "thetasym": "ϑ", "upsih": "ϒ", "piv": "ϖ",
        ]
        /// Names of characters that follow each other.
        func add(_ first: UInt32, _ list: String) {
            for (offset, name) in list.split(whereSeparator: \.isWhitespace).enumerated() where name != "-" {
                names[String(name)] = Unicode.Scalar(first + UInt32(offset))
            }
        }
        add(
            0xA0,
            """
            nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg
            plusmn sup2 sup3 acute micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest
            Agrave Aacute Acirc Atilde Auml Aring AElig Ccedil Egrave Eacute Ecirc Euml Igrave Iacute
            Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave Uacute Ucirc Uuml
            Yacute THORN szlig agrave aacute acirc atilde auml aring aelig ccedil egrave eacute ecirc
            euml igrave iacute icirc iuml eth ntilde ograve oacute ocirc otilde ouml divide oslash
            ugrave uacute ucirc uuml yacute thorn yuml
            """)
        add(
            0x391,
            """
            Alpha Beta Gamma Delta Epsilon Zeta Eta Theta Iota Kappa Lambda Mu Nu Xi Omicron Pi Rho -
            Sigma Tau Upsilon Phi Chi Psi Omega
            """)
        add(
            0x3B1,
            """
            alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho
            sigmaf sigma tau upsilon phi chi psi omega
            """)
        return names
    }()
}
