import Cryptography
import KeyRing
import TestSupport
import Testing

/// Recovery with the passphrase, where it was turned on.
@Suite struct PassphraseRecoveryTests {
    private let old = "correct horse battery staple anew"
    private let next = "quite another five words here"

    private func secret(_ text: String) throws -> RecoverySecret {
        try .passphrase(Fixture.passphrase(text))
    }

    @Test func itOpensWhatTheCodeOpensOnceItIsOn() throws {
        let (home, elsewhere) = (try Fixture(), try TemporaryDirectory())
        let before = home.vault.keys
        let off = #expect(throws: KeyError.self) {
            try Recovery.open(before.roster.chain, with: secret(old))
        }
        #expect(off?.code == .wrongKey && off?.hint?.contains("not turned on") == true)
        expect(.guardRefused) {
            _ = try KeyRing.setPassphraseRecovery(
                Fixture.passphrase("correct horse battery"), in: home.path, keys: before, time: Fixture.time)
        }
        expect(.guardRefused) {
            _ = try KeyRing.setPassphraseRecovery(nil, in: home.path, keys: before, time: Fixture.time)
        }
        let on = try KeyRing.setPassphraseRecovery(
            Fixture.passphrase(old), in: home.path, keys: before, time: Fixture.time)
        #expect(on.roster.hasPassphraseRecovery && on.currentEpoch == 2)
        let found = try Recovery.open(on.roster.chain, with: secret(old))
        #expect(found.epochs == [1, 2])
        #expect(try Recovery.open(on.roster.chain, with: home.vault.recoveryCode).epochs == [1, 2])
        expect(.wrongKey) { _ = try Recovery.open(on.roster.chain, with: secret("wrong")) }
        // The new home has no slot for a code that nobody typed.
        let keys = try KeyRing.recover(
            in: elsewhere("keys"), from: found, confirmsMembers: true, name: "new",
            secret: Fixture.keyFile(5), time: Fixture.time)
        #expect(keys.slots.map(\.kind) == [.keyFile] && keys.epochs == [1, 2, 3, 4])
        #expect(try Recovery.open(keys.roster.chain, with: home.vault.recoveryCode).epochs.count == 4)
    }

    @Test func aNewPassphraseTakesItsPlaceAndTurningItOffEndsIt() throws {
        let home = try Fixture()
        var keys = try KeyRing.addSlot(
            Fixture.passphrase(old), in: home.path, keys: home.vault.keys, cost: Fixture.cost,
            time: Fixture.time)
        keys = try KeyRing.setPassphraseRecovery(
            Fixture.passphrase(old), in: home.path, keys: keys, time: Fixture.time)
        let chain = keys.roster.chain
        keys = try KeyRing.changePassphrase(
            to: Fixture.passphrase(next), isCompromised: true, in: home.path, keys: keys,
            cost: Fixture.cost, time: Fixture.time)
        #expect(keys.currentEpoch == 4)
        #expect(try Recovery.open(keys.roster.chain, with: secret(next)).epochs.count == 4)
        expect(.wrongKey) { _ = try Recovery.open(keys.roster.chain, with: secret(old)) }
        // What was written before stays readable with it.
        #expect(try Recovery.open(chain, with: secret(old)).epochs == [1, 2])
        keys = try KeyRing.setPassphraseRecovery(nil, in: home.path, keys: keys, time: Fixture.time)
        #expect(!keys.roster.hasPassphraseRecovery)
        expect(.wrongKey) { _ = try Recovery.open(keys.roster.chain, with: secret(next)) }
        try KeyRing.testRecovery(home.vault.recoveryCode, in: home.path)
    }

    /// The pair's keys follow from scrypt with 2^18, 8, 1 and no other cost: by hand, from FORMAT.md.
    @Test func itsCostIsFixed() throws {
        let (salt, text) = ([UInt8](repeating: 8, count: 32), Array("five words that nobody says".utf8))
        for (n, opens) in [(1 << 18 as UInt64, true), (1 << 15, false)] {
            let roster = try HandMadeRoster(code: [UInt8](repeating: 9, count: 32))
            let stretched = try Scrypt.derive(
                passphrase: ByHand.secret(text), salt: salt, parameters: ScryptParameters(n: n, r: 8, p: 1))
            let phrase = try HandMadeIdentity(recovery: stretched.withUnsafeBytes { Array($0) })
            let pairs = [roster.recovery.pair(), phrase.pair(kind: 2, salt: salt)]
            roster.accept(
                try roster.recoveryChange(
                    pairs, by: roster.owner, new: [phrase], to: [roster.owner, roster.recovery, phrase]))
            let secret = try RecoverySecret.passphrase(Fixture.passphrase("five words that nobody says"))
            if opens {
                #expect(try Recovery.open(roster.chain, with: secret).epochs == [1, 2])
            } else {
                expect(.wrongKey) { _ = try Recovery.open(roster.chain, with: secret) }
            }
        }
    }

    @Test(arguments: [
        ("correct horse battery staple anew", true), ("correct-horse-battery-staple-anew", true),
        ("kX7#pQ2v!mZ9&wR4tB6$", true), ("五個字的密語很長很安全", true), ("correct horse battery staple", false),
        ("correct correct correct correct correct correct", false), ("password1234567890", false),
        ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false), ("12345678901234567890", false), ("", false),
    ])
    func strengthIsMeasuredInWords(_ text: String, isEnough: Bool) {
        let bits = Fixture.passphrase(text).guessBits
        #expect((bits >= SlotSecret.recoveryBits) == isEnough, "\(bits) bits")
    }
}
