import Cryptography
import KeyRing
import TestSupport
import Testing

/// With three owners and admins one alone takes no other out.
struct ApprovalTests {
    private let roster: HandMadeRoster
    private let (second, third, writer): (HandMadeIdentity, HandMadeIdentity, HandMadeIdentity)

    init() throws {
        roster = try HandMadeRoster(code: [UInt8](repeating: 3, count: 32))
        (second, third, writer) = try (HandMadeIdentity(), HandMadeIdentity(), HandMadeIdentity())
        roster.accept(try roster.add(second, .admin, by: roster.owner))
        roster.accept(try roster.add(third, .owner, by: roster.owner))
        roster.accept(try roster.add(writer, .writer, by: roster.owner))
    }

    private func isValid(_ record: [UInt8]) -> Bool {
        do {
            _ = try Roster(verifying: roster.chain + [record])
            return true
        } catch { return false }
    }

    private func removal(
        of device: HandMadeIdentity, by author: HandMadeIdentity, and signers: [HandMadeRoster.Signer]
    ) throws -> [UInt8] {
        let rest = [roster.owner, second, third, writer, roster.recovery].filter { $0.id != device.id }
        return try roster.remove(device, by: author, to: rest, and: signers)
    }

    @Test func oneAdminAloneTakesNoOtherOut() throws {
        let owner = roster.owner
        #expect(try !isValid(removal(of: second, by: owner, and: [])))
        #expect(try isValid(removal(of: second, by: owner, and: [(4, third.id, third)])))
        #expect(try isValid(removal(of: second, by: owner, and: [(4, roster.recovery.id, roster.recovery)])))
        // Not by its author, the one it is about, a writer, a stranger, or under another's name; nor as an
        // author.
        for signer in [owner, second, writer, try HandMadeIdentity()] {
            #expect(try !isValid(removal(of: second, by: owner, and: [(4, signer.id, signer)])))
        }
        #expect(try !isValid(removal(of: second, by: owner, and: [(4, third.id, writer)])))
        #expect(try !isValid(removal(of: second, by: owner, and: [(1, third.id, third)])))
        #expect(
            try !isValid(removal(of: second, by: owner, and: [(4, third.id, third), (4, third.id, third)])))
        // The same for a role of less, and for nobody else.
        #expect(try !isValid(roster.role(.reader, of: third, by: owner)))
        #expect(try !isValid(roster.role(.admin, of: third, by: owner)))
        #expect(try isValid(removal(of: writer, by: second, and: [])))
        #expect(try !isValid(removal(of: writer, by: second, and: [(4, third.id, third)])))
    }

    /// Who has broken into one admin's device lets in nobody who would agree to removals.
    @Test func oneAdminAloneLetsNoOtherIn() throws {
        let (owner, recovery, new) = (roster.owner, roster.recovery, try HandMadeIdentity())
        for role in [HandMadeRoster.Role.admin, .owner] {
            #expect(try !isValid(roster.add(new, role, by: owner)))
            for signer in [second, third, recovery] {
                #expect(try isValid(roster.add(new, role, by: owner, and: [(4, signer.id, signer)])))
            }
            for signer in [owner, writer, new, try HandMadeIdentity()] {
                #expect(try !isValid(roster.add(new, role, by: owner, and: [(4, signer.id, signer)])))
            }
            // As everywhere, the recovery keys alone do.
            #expect(try isValid(roster.add(new, role, by: recovery)))
        }
        #expect(try isValid(roster.add(new, .writer, by: second)))
        #expect(try !isValid(roster.add(new, .writer, by: second, and: [(4, third.id, third)])))
    }

    @Test func oneAdminAloneRaisesNobody() throws {
        let owner = roster.owner
        #expect(try !isValid(roster.role(.admin, of: writer, by: owner)))
        #expect(try !isValid(roster.role(.owner, of: second, by: owner)))
        #expect(try isValid(roster.role(.admin, of: writer, by: owner, and: [(4, second.id, second)])))
        #expect(try isValid(roster.role(.owner, of: second, by: owner, and: [(4, third.id, third)])))
        for signer in [owner, writer, try HandMadeIdentity()] {
            #expect(try !isValid(roster.role(.admin, of: writer, by: owner, and: [(4, signer.id, signer)])))
        }
        #expect(try !isValid(roster.role(.owner, of: second, by: owner, and: [(4, second.id, second)])))
        #expect(try isValid(roster.role(.reader, of: writer, by: second)))
    }

    @Test func oneAdminAloneReplacesNoRecoveryCode() throws {
        let (owner, old) = (roster.owner, roster.recovery)
        let new = try HandMadeIdentity(recovery: [UInt8](repeating: 4, count: 32))
        let readers = [owner, second, third, writer]
        func change(_ signers: [HandMadeRoster.Signer], new list: [HandMadeIdentity]? = nil) throws -> Bool {
            try isValid(
                roster.recoveryChange(
                    [new.pair()], by: owner, new: list ?? [new], to: readers + [new], and: signers))
        }
        #expect(try !change([]))
        for signer in [second, third, old] { #expect(try change([(4, signer.id, signer)])) }
        // Not by the new keys themselves, nor before they have signed, nor in their place.
        for signer in [owner, writer, new] { #expect(try !change([(4, signer.id, signer)])) }
        #expect(try !change([(4, third.id, third), (3, new.id, new)], new: []))
        #expect(try !change([(4, third.id, third)], new: []))
        #expect(try !change([(4, third.id, third), (4, second.id, second)]))
        // Taking one away, too.
        roster.accept(
            try roster.recoveryChange(
                [old.pair(), new.pair()], by: owner, new: [new], to: readers + [old, new],
                and: [(4, third.id, third)]))
        #expect(
            try !isValid(roster.recoveryChange([new.pair()], by: owner, new: [], to: readers + [new])))
        #expect(
            try isValid(
                roster.recoveryChange(
                    [new.pair()], by: owner, new: [], to: readers + [new], and: [(4, old.id, old)])))
    }

    /// The twin: of two, one may remove the other, and do all the rest.
    @Test func ofTwoOneIsEnough() throws {
        roster.accept(try removal(of: second, by: roster.owner, and: [(4, third.id, third)]))
        let rest = [roster.owner, writer, roster.recovery]
        #expect(try isValid(roster.remove(third, by: roster.owner, to: rest)))
        let new = try HandMadeIdentity(recovery: [UInt8](repeating: 4, count: 32))
        #expect(try isValid(roster.add(second, .admin, by: roster.owner)) == false, "its keys were used")
        #expect(try isValid(roster.add(HandMadeIdentity(), .owner, by: third)))
        #expect(try isValid(roster.role(.admin, of: writer, by: third)))
        let readers = [roster.owner, third, writer]
        #expect(
            try isValid(
                roster.recoveryChange([new.pair()], by: third, new: [new], to: readers + [new])))
        #expect(
            try !isValid(
                roster.recoveryChange(
                    [new.pair()], by: third, new: [new], to: readers + [new],
                    and: [(4, roster.owner.id, roster.owner)])))
    }

    /// What a home of three owners makes: nothing alone, all of it with the code, or with another one.
    @Test func ofThreeTheOldCodeAgreesToANewOne() throws {
        let (home, desk, disk) = (try Fixture(), try JoiningIdentity.random(), try TemporaryDirectory())
        var keys = home.vault.keys
        for device in [desk, try JoiningIdentity.random()] {
            keys = try KeyRing.addMember(
                device.publicKeys, as: .admin, name: "desk", in: home.path, keys: keys, time: Fixture.time)
        }
        let fourth = try JoiningIdentity.random().publicKeys
        expect(.guardRefused) {
            _ = try KeyRing.addMember(
                fourth, as: .admin, name: "x", in: home.path, keys: keys, time: Fixture.time)
        }
        expect(.guardRefused) {
            _ = try KeyRing.newRecoveryCode(in: home.path, keys: keys, time: Fixture.time)
        }
        expect(.guardRefused) {
            _ = try KeyRing.setPassphraseRecovery(nil, in: home.path, keys: keys, time: Fixture.time)
        }
        let wrong = try RecoveryCode.random()
        expect(.wrongKey) {
            _ = try KeyRing.newRecoveryCode(
                approvedBy: wrong, in: home.path, keys: keys, time: Fixture.time)
        }
        let made = try KeyRing.newRecoveryCode(
            approvedBy: home.vault.recoveryCode, in: home.path, keys: keys, time: Fixture.time)
        keys = made.keys
        try KeyRing.testRecovery(made.recoveryCode, in: home.path)

        // Another one agrees; the home is opened by the new code once it was told.
        let (proposal, code) = try KeyRing.proposeRecoveryCode(keys: keys, time: Fixture.time)
        #expect(proposal.change == .recovery && proposal.isSigned(in: keys.roster))
        let other = try KeyRing.join(
            in: disk("keys"), as: desk, roster: keys.roster, of: keys.vaultID,
            containing: Array(keys.roster.headHash.prefix(16)), secret: Fixture.keyFile(2),
            time: Fixture.time)
        expect(.guardRefused) {
            _ = try KeyRing.approve(proposal, in: home.path, keys: keys, time: Fixture.time)
        }
        expect(.wrongKey) { _ = try KeyRing.adopt(code, in: home.path, keys: keys, time: Fixture.time) }
        let approved = try KeyRing.approve(
            KeyRing.Proposal(proposal.bytes), in: disk("keys"), keys: other, time: Fixture.time)
        _ = try Recovery.open(approved.roster.chain, with: code)
        expect(.wrongKey) { _ = try Recovery.open(approved.roster.chain, with: made.recoveryCode) }
        keys = try KeyRing.follow(
            [try #require(approved.roster.chain.last)], in: home.path, keys: keys, time: Fixture.time)
        expect(.wrongKey) { try KeyRing.testRecovery(code, in: home.path) }
        _ = try KeyRing.adopt(code, in: home.path, keys: keys, time: Fixture.time)
        try KeyRing.testRecovery(code, in: home.path)
        expect(.wrongKey) { try KeyRing.testRecovery(made.recoveryCode, in: home.path) }
    }
}
