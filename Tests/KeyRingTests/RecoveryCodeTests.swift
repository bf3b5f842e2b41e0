import KeyRing
import TestSupport
import Testing

@Suite struct RecoveryCodeTests {
    @Test func aCodeHas14GroupsOfFourAndComesBack() throws {
        let code = RecoveryCode(bytes: Array(0..<32))
        let text = code.reveal()
        #expect(text.split(separator: "-").map(\.count) == Array(repeating: 4, count: 14))
        #expect(try RecoveryCode(text).reveal() == text)
        #expect(text.hasPrefix("000g-40r4-0m30-e209-185g-r38e"))
    }

    @Test func inputIsForgiving() throws {
        let text = RecoveryCode(bytes: Array(0..<32)).reveal()
        var typed = text.uppercased().replacing("-", with: " ").replacing("0", with: "o")
        typed = " " + typed.replacing("1", with: "L") + "\n"
        #expect(try RecoveryCode(typed).reveal() == text)
    }

    @Test func everyTypoIsMalformed() throws {
        let letters = Array(RecoveryCode(bytes: Array(32..<64)).reveal())
        for place in letters.indices where letters[place] != "-" {
            var typo = letters
            typo[place] = letters[place] == "z" ? "y" : "z"
            expect(.malformed) { _ = try RecoveryCode(String(typo)) }
        }
        let whole = String(letters)
        for wrong in ["", "abc", String(whole.dropLast()), whole + "0", "u" + whole.dropFirst()] {
            expect(.malformed) { _ = try RecoveryCode(wrong) }
        }
    }

    @Test func nothingOfACodeIsPrinted() throws {
        let code = try RecoveryCode.random()
        #expect("\(code)" == "recovery code")
        #expect(String(reflecting: code) == "recovery code")
    }
}
