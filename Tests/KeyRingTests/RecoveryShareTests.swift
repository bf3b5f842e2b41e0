import Cryptography
import KeyRing
import TestSupport
import Testing

@Suite struct RecoveryShareTests {
    /// Every choice of `count` of these.
    private static func choices<T>(_ items: [T], _ count: Int) -> [[T]] {
        guard count > 0 else { return [[]] }
        return items.indices.flatMap { index in
            choices(Array(items[(index + 1)...]), count - 1).map { [items[index]] + $0 }
        }
    }

    @Test func multiplicationIsThatOfAES() {
        // FIPS 197, 4.2: {57} · {83} = {c1}, {57} · {13} = {fe}.
        #expect(ShamirSharing.multiply(0x57, 0x83) == 0xC1 && ShamirSharing.multiply(0x57, 0x13) == 0xFE)
        for a in 1...UInt8.max { #expect(ShamirSharing.multiply(a, ShamirSharing.inverse(a)) == 1) }
    }

    @Test func anyThreeOfFiveGiveTheCode() throws {
        let code = try RecoveryCode.random()
        let shares = try RecoveryShare.split(code, threshold: 3, count: 5)
        let texts = shares.map { $0.reveal() }
        #expect(Set(texts).count == 5)
        #expect(texts.allSatisfy { $0.split(separator: "-").map(\.count) == Array(repeating: 4, count: 18) })
        for chosen in Self.choices(texts, 3) {
            let read = try chosen.reversed().map { try RecoveryShare($0.uppercased()) }
            #expect(try RecoveryShare.combine(read).reveal() == code.reveal())
        }
        let all = try RecoveryShare.combine(shares)
        #expect(all.reveal() == code.reveal())
    }

    @Test(arguments: [(2, 2), (2, 16), (16, 16), (7, 9)])
    func asManyAsAreNeededSuffice(threshold: Int, count: Int) throws {
        let code = try RecoveryCode.random()
        let shares = try RecoveryShare.split(code, threshold: threshold, count: count).shuffled()
        #expect(try RecoveryShare.combine(Array(shares.prefix(threshold))).reveal() == code.reveal())
        expect(.malformed) { _ = try RecoveryShare.combine(Array(shares.prefix(threshold - 1))) }
        // The same share twice is one.
        let twice = Array(repeating: shares[0], count: threshold)
        expect(.malformed) { _ = try RecoveryShare.combine(twice) }
    }

    /// Fewer shares fit every secret: with one more, made up, any byte comes out.
    @Test func tooFewSharesSayNothing() throws {
        var secret = [UInt8](repeating: 7, count: 32)
        let shares = try ShamirSharing.split(SecretBytes(wiping: &secret), threshold: 3, count: 3)
        var seen: Set<UInt8> = []
        for guess in UInt8.min...UInt8.max {
            var values = [UInt8](repeating: guess, count: 32)
            let made = ShamirSharing.Share(x: 9, values: SharedSecret(SecretBytes(wiping: &values)))
            let combined = try ShamirSharing.combine([shares[0], shares[1], made])
            seen.insert(combined.bytes.withUnsafeBytes { $0[0] })
        }
        #expect(seen.count == 256)
    }

    @Test func sharesOfDifferentSplitsAreToldApart() throws {
        let code = try RecoveryCode.random()
        let one = try RecoveryShare.split(code, threshold: 2, count: 3)
        let other = try RecoveryShare.split(code, threshold: 2, count: 3)
        expect(.malformed) { _ = try RecoveryShare.combine([one[0], other[1]]) }
        #expect(try RecoveryShare.combine([one[0], one[1]]).reveal() == code.reveal())
    }

    @Test func everyTypoIsMalformed() throws {
        let letters = Array(try RecoveryShare.split(.random(), threshold: 2, count: 2)[1].reveal())
        for place in letters.indices where letters[place] != "-" {
            var typo = letters
            typo[place] = letters[place] == "z" ? "y" : "z"
            expect(.malformed) { _ = try RecoveryShare(String(typo)) }
        }
        for wrong in ["", "abc", String(letters.dropLast()), String(letters) + "0"] {
            expect(.malformed) { _ = try RecoveryShare(wrong) }
        }
    }

    @Test func numbersThatCantBeAreRefused() throws {
        let code = try RecoveryCode.random()
        for (threshold, count) in [(1, 3), (0, 0), (4, 3), (2, 17)] {
            expect(.guardRefused) {
                _ = try RecoveryShare.split(code, threshold: threshold, count: count)
            }
        }
    }
}
