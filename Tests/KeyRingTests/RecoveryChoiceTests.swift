import Cryptography
import KeyRing
import TestSupport
import Testing

/// A store that shows several chains: which one is the vault's, and what is said of the others.
@Suite struct RecoveryChoiceTests {
    private let roster: HandMadeRoster
    private let code: RecoveryCode
    private let member: HandMadeIdentity
    private static let bytes = [UInt8](repeating: 77, count: 32)
    private var owner: HandMadeIdentity { roster.owner }
    private var all: [HandMadeIdentity] { [owner, member, roster.recovery] }

    /// An owner and an admin.
    init() throws {
        roster = try HandMadeRoster(code: Self.bytes)
        code = RecoveryCode(bytes: Self.bytes)
        member = try HandMadeIdentity()
        roster.accept(try roster.add(member, .admin, by: owner))
        roster.accept(try roster.rotate(by: owner, to: all))
    }

    private func choose(_ chains: [[[UInt8]]], head: String? = nil) throws -> Recovery.Choice {
        try Recovery.choose(among: chains, with: .code(code), head: head)
    }

    @Test func theLongestChainIsTakenAndItsBeginningsAreNoForks() throws {
        let chain = roster.chain
        let choice = try choose([Array(chain[..<1]), chain, Array(chain[..<2]), chain])
        #expect(choice.keys.roster.records.count == 3 && choice.refused.isEmpty)
        #expect(choice.keys.epochs == [1, 2])
        // Cut at its end it is a valid chain: nothing can tell that something newer was withheld.
        #expect(try choose([Array(chain[..<2])]).keys.epochs == [1])
    }

    @Test func everythingForeignIsNamedAndBlocksNothing() throws {
        let other = try Fixture().vault.keys.roster.chain
        let forged = try ForgedGenesis(around: RecoveryHolder(code: Self.bytes))
        var broken = roster.chain
        broken[2][200] ^= 1
        let chains = [
            other, [forged.uncountersigned], broken, [[1, 2, 3]], roster.chain,
            [roster.chain[0], roster.chain[2]], roster.chain + [roster.chain[2]],
        ]
        let choice = try choose(chains)
        #expect(choice.keys.roster.chain == roster.chain)
        #expect(
            choice.refused.map { "\($0.index) \($0.error.code)" } == [
                "0 wrong_key", "1 integrity_failure", "2 invalid_roster", "3 invalid_roster",
                "5 invalid_roster", "6 invalid_roster",
            ])
        // Without the real one the forgery is what counts, and without that the code is a stranger's.
        expect(.integrityFailure) { _ = try choose([other, [forged.uncountersigned], [[1]]]) }
        expect(.wrongKey) { _ = try choose([other, [[1]]]) }
        expect(.invalidRoster) { _ = try choose([[[1]]]) }
        expect(.notFound) { _ = try choose([]) }
    }

    @Test func aForkIsSettledByAPersonAlone() throws {
        // A removed admin goes on from before its removal, with the store's help.
        let before = roster.chain
        let removal = try roster.remove(member, by: owner, to: [owner, roster.recovery])
        let friend = try HandMadeIdentity()
        let own = try roster.add(friend, .owner, by: owner)
        let forged = try roster.add(friend, .admin, by: member)
        let (honest, fork) = (before + [removal], before + [forged])
        #expect(own != forged)
        expect(.integrityFailure) { _ = try choose([honest, fork]) }
        expect(.integrityFailure) { _ = try choose([fork, honest, before]) }
        let head = try Roster(verifying: honest).headText
        let choice = try choose([fork, honest, before], head: String(head.prefix(8)))
        #expect(choice.keys.roster.chain == honest)
        expect(.notFound) { _ = try choose([fork, honest], head: "ffffffff") }
        expect(.notFound) { _ = try choose([fork, honest], head: "") }
        // Shown the fork alone, a bare machine believes it, and lists its members for that reason.
        #expect(try choose([fork]).keys.roster.members.contains { $0.id.bytes == friend.id })
    }

    @Test func anEpochWhoseBackupKeyIsNotDerivedFromItEndsTheChain() throws {
        let honest = roster.chain
        let wrong = try roster.rotate(by: owner, to: all, foreignBackupKey: true)
        // Nobody without the epoch can see it: the records themselves hold.
        _ = try Roster(verifying: honest + [wrong])
        expect(.invalidRoster) { _ = try choose([honest + [wrong]]) }
        let choice = try choose([honest + [wrong], honest])
        #expect(choice.keys.roster.chain == honest && choice.refused.map(\.index) == [0])
        let right = try roster.rotate(by: owner, to: all)
        #expect(try choose([honest + [right]]).keys.epochs == [1, 2, 3])
    }

    @Test func aReplacedCodeIsSaidToBeOne() throws {
        let next = try HandMadeIdentity(recovery: [UInt8](repeating: 78, count: 32))
        let old = roster.chain
        roster.accept(
            try roster.recoveryChange([next.pair()], by: owner, new: [next], to: [owner, member, next]))
        let error = #expect(throws: KeyError.self) { try choose([old, roster.chain]) }
        #expect(error?.code == .wrongKey && error?.message.contains("newer recovery code") == true)
        let newest = RecoveryCode(bytes: [UInt8](repeating: 78, count: 32))
        let opened = try Recovery.choose(among: [old, roster.chain], with: .code(newest))
        #expect(opened.keys.epochs == [1, 2, 3] && opened.refused.isEmpty)
    }
}
