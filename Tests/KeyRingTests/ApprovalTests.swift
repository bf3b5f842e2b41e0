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
        // The same for a role of less, and for nothing else.
        #expect(try !isValid(roster.role(.reader, of: third, by: owner)))
        #expect(try !isValid(roster.role(.admin, of: third, by: owner)))
        #expect(try isValid(roster.role(.owner, of: second, by: owner)))
        #expect(try isValid(removal(of: writer, by: second, and: [])))
        #expect(try !isValid(removal(of: writer, by: second, and: [(4, third.id, third)])))
    }

    /// The twin: of two, one may remove the other.
    @Test func ofTwoOneIsEnough() throws {
        roster.accept(try removal(of: second, by: roster.owner, and: [(4, third.id, third)]))
        let rest = [roster.owner, writer, roster.recovery]
        #expect(try isValid(roster.remove(third, by: roster.owner, to: rest)))
    }
}
