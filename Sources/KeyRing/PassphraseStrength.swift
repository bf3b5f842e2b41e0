import Cryptography

extension SlotSecret {
    /// The strength of five words drawn from a list of 7,776 (diceware): what a passphrase needs that whoever
    /// holds the backups may guess at leisure.
    public static let recoveryBits = 64

    /// How many bits a passphrase is worth to somebody who guesses words before letters.
    ///
    /// A rough estimate from below: it knows no list of leaked ones, and a quotation looks as good to it as
    /// words that were drawn.
    public var guessBits: Int {
        secret.bytes.withUnsafeBytes { bytes in
            PassphraseStrength.bits(String(decoding: bytes, as: UTF8.self))
        }
    }

    /// Throws `guardRefused` for a passphrase that is weaker than five words.
    func requireRecoveryStrength() throws(KeyError) {
        guard guessBits >= SlotSecret.recoveryBits else {
            throw KeyError(
                .guardRefused, "this passphrase is too weak to recover a vault: whoever holds the backups"
                    + " may guess it",
                hint: "use at least five words that a die or a program has drawn")
        }
    }
}

/// Counts what a passphrase is made of.
private enum PassphraseStrength {
    private enum Part { case letter, digit, mark, gap, other }

    static func bits(_ text: String) -> Int {
        var words: Set<String> = []
        var bits = 0.0
        var run: [Unicode.Scalar] = []
        for scalar in text.unicodeScalars {
            if let last = run.last, part(last) != part(scalar) {
                bits += worth(run, &words)
                run = []
            }
            run.append(scalar)
        }
        return Int(bits + worth(run, &words))
    }

    private static func part(_ scalar: Unicode.Scalar) -> Part {
        switch scalar {
        case "a"..."z", "A"..."Z": .letter
        case "0"..."9": .digit
        case " ", "-", "_", ".", ",": .gap
        case _ where scalar.isASCII: .mark
        default: .other
        }
    }

    /// A run of one part; what stood there before is worth nothing.
    private static func worth(_ run: [Unicode.Scalar], _ words: inout Set<String>) -> Double {
        guard let first = run.first else { return 0 }
        let text = String(String.UnicodeScalarView(run)).lowercased()
        guard part(first) != .gap, words.insert(text).inserted else { return 0 }
        let (count, distinct) = (Double(run.count), Double(Set(run).count))
        let steps = Set(zip(run, run.dropFirst()).map { Int($1.value) - Int($0.value) })
        let isSequence = run.count > 2 && steps.count == 1
        if isSequence { return 5 }
        return switch part(first) {
        // As letters, or as words of seven: log2(7776) is 12.9.
        case .letter: min(4.7 * count, 12.93 * (count / 7).rounded(.up))
        case .digit: 3.3 * distinct
        case .mark: 4 * distinct
        case .other: 9 * distinct
        case .gap: 0
        }
    }
}
