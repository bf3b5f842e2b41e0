import Cryptography
import KeyRing
import TestSupport
import Testing

/// What each kind of record has to fulfil. Every refusal stands beside what is accepted.
@Suite struct RosterRuleTests {
    private let roster: HandMadeRoster
    private let (admin, writer, stranger): (HandMadeIdentity, HandMadeIdentity, HandMadeIdentity)
    private var owner: HandMadeIdentity { roster.owner }
    private var recovery: HandMadeIdentity { roster.recovery }
    private var everybody: [HandMadeIdentity] { [owner, admin, writer, recovery] }

    /// A vault with an owner, an admin and a writer.
    init() throws {
        roster = try HandMadeRoster(code: [UInt8](repeating: 9, count: 32))
        (admin, writer, stranger) = (try .init(), try .init(), try .init())
        roster.accept(try roster.add(admin, .admin, by: owner))
        roster.accept(try roster.add(writer, .writer, by: admin))
    }

    private func holds(_ record: [UInt8], at place: SourceLocation = #_sourceLocation) {
        #expect(throws: Never.self, sourceLocation: place) {
            try Roster(verifying: roster.chain + [record])
        }
    }

    private func fails(_ record: [UInt8], at place: SourceLocation = #_sourceLocation) {
        expect(.invalidRoster, at: place) { _ = try Roster(verifying: roster.chain + [record]) }
    }

    private func pin(_ incarnation: UInt32 = 0) -> [UInt8] {
        HandMadeRoster.pin(3, [UInt8](repeating: 4, count: 32), incarnation: incarnation)
    }

    @Test func membersAreRemovedByThoseAboveThem() throws {
        let rest = [owner, admin, recovery]
        holds(try roster.remove(writer, by: owner, pins: [pin()], to: rest))
        holds(try roster.remove(writer, by: admin, to: rest))
        holds(try roster.remove(admin, by: owner, to: [owner, writer, recovery]))
        fails(try roster.remove(owner, by: admin, to: [admin, writer, recovery]))
        fails(try roster.remove(admin, by: writer, to: [owner, writer, recovery]))
        fails(try roster.remove(admin, by: admin, to: [owner, writer, recovery]))
        fails(try roster.remove(stranger, by: owner, to: everybody))
        fails(try roster.remove(writer, by: stranger, to: rest))
        fails(try roster.remove(writer, by: recovery, to: rest))
        fails(try roster.remove(writer, by: owner, to: everybody))
        fails(try roster.remove(writer, by: owner, to: [owner, recovery]))
        fails(try roster.remove(writer, by: owner, pins: [pin(7)], to: rest))
        fails(try roster.remove(writer, by: owner, pins: [pin(), pin()], to: rest))
    }

    @Test func anInvitationLetsOneDeviceIn() throws {
        let tag = [UInt8](repeating: 6, count: 32)
        let other = try HandMadeIdentity()
        roster.accept(try roster.add(stranger, .writer, by: owner, inviteTag: tag))
        #expect(try Roster(verifying: roster.chain).hasUsed(inviteTag: tag))
        fails(try roster.add(other, .writer, by: owner, inviteTag: tag))
        holds(try roster.add(other, .writer, by: owner, inviteTag: tag.map { $0 + 1 }))
        // Devices that were not invited have no tag, and there may be many.
        holds(try roster.add(other, .writer, by: owner))
    }

    @Test func devicesAreNamedByThemselvesAndThoseAboveThem() throws {
        roster.accept(try roster.add(stranger, .backup, by: owner))
        holds(try roster.relabel(writer, by: writer))
        holds(try roster.relabel(writer, by: admin))
        holds(try roster.relabel(admin, by: owner))
        holds(try roster.relabel(stranger, by: admin))
        fails(try roster.relabel(owner, by: admin))
        fails(try roster.relabel(admin, by: writer))
        fails(try roster.relabel(stranger, by: stranger))
        fails(try roster.relabel(writer, by: writer, epoch: 2))
        fails(try roster.relabel(writer, by: recovery))
    }

    @Test func anEpochIsRetiredByAnOwnerOrAdminOnceAnotherIsInUse() throws {
        fails(try roster.retire(1, by: owner))
        roster.accept(try roster.rotate(by: owner, to: [owner, admin, writer, recovery]))
        holds(try roster.retire(1, by: owner))
        holds(try roster.retire(1, by: admin))
        fails(try roster.retire(1, by: writer))
        fails(try roster.retire(1, by: recovery))
        fails(try roster.retire(1, by: stranger))
        fails(try roster.retire(2, by: owner))
        fails(try roster.retire(0, by: owner))
        #expect(try !Roster(verifying: roster.chain).isRetired(1))
        roster.accept(try roster.retire(1, by: admin))
        let verified = try Roster(verifying: roster.chain)
        #expect(verified.isRetired(1) && !verified.isRetired(2))
        // What was written by who did not know of it counts; whoever knew of it writes under a newer one.
        let (before, last) = (verified.headSequence - 1, verified.headSequence)
        #expect(verified.accepts(epoch: 1, knowing: before) && !verified.accepts(epoch: 1, knowing: last))
        #expect(verified.accepts(epoch: 2, knowing: last))
    }

    @Test func whoWasRemovedSaysNothingMoreAndDoesNotComeBack() throws {
        holds(try roster.rekey(writer, to: stranger, sealedTo: [owner, admin, writer, recovery]))
        roster.accept(try roster.remove(writer, by: owner, to: [owner, admin, recovery]))
        let verified = try Roster(verifying: roster.chain)
        #expect(verified.members.count == 2 && verified.former.map(\.id.bytes) == [writer.id])
        fails(try roster.rekey(writer, to: stranger, sealedTo: [owner, admin, recovery]))
        fails(try roster.add(writer, .writer, by: owner))
        holds(try roster.add(stranger, .writer, by: owner))
    }

    @Test func recipientsAreNamedByThoseWhoAdminister() throws {
        let (one, two) = (try AgreementKey.random().publicKey, try AgreementKey.random().publicKey)
        holds(try roster.recipients([one, two], by: owner))
        holds(try roster.recipients([], by: admin))
        fails(try roster.recipients([one], by: writer))
        fails(try roster.recipients([one], by: stranger))
        fails(try roster.recipients([one, one], by: owner))
        // A point of small order makes every shared secret zeros.
        fails(try roster.recipients([[UInt8](repeating: 0, count: 32)], by: owner))
        roster.accept(try roster.recipients([one, two], by: owner))
        roster.accept(try roster.recipients([two], by: admin))
        #expect(try Roster(verifying: roster.chain).backupRecipients.map(\.key) == [two])
    }

    @Test func rolesAreGivenByThoseAboveThem() throws {
        holds(try roster.role(.reader, of: writer, by: admin, pins: [pin()]))
        holds(try roster.role(.owner, of: admin, by: owner))
        fails(try roster.role(.owner, of: writer, by: admin))
        fails(try roster.role(.reader, of: owner, by: admin))
        fails(try roster.role(.owner, of: admin, by: admin))
        fails(try roster.role(.writer, of: writer, by: owner))
        fails(try roster.role(.backup, of: writer, by: owner))
        holds(try roster.role(.agent, of: writer, by: admin))
        fails(try roster.role(.agent, of: writer, by: admin, rights: []))
        fails(try roster.role(.writer, of: admin, by: owner, rights: [0, 0, 0, 0]))
        fails(try roster.role(.agent, of: writer, by: admin, rights: [0, 0, 0, 1, 0, 0, 0, 5, 2]))
        fails(try roster.role(.reader, of: admin, by: writer))
        fails(try roster.role(.reader, of: writer, by: admin, pins: [pin(1)]))
        holds(try roster.add(stranger, .owner, by: owner))
        fails(try roster.add(stranger, .owner, by: admin))
        roster.accept(try roster.role(.agent, of: writer, by: owner))
        fails(try roster.add(stranger, .reader, by: writer))
        fails(try roster.role(.agent, of: writer, by: owner))
        holds(try roster.role(.agent, of: writer, by: owner, rights: [0, 0, 0, 0]))
        roster.accept(try roster.role(.reader, of: admin, by: owner))
        fails(try roster.add(stranger, .writer, by: admin))
    }

    @Test func aRotationIsForEverybody() throws {
        holds(try roster.rotate(by: admin, to: everybody))
        fails(try roster.rotate(by: writer, to: everybody))
        fails(try roster.rotate(by: recovery, to: everybody))
        fails(try roster.rotate(by: owner, to: [owner, recovery]))
        fails(try roster.rotate(by: owner, to: everybody + [stranger]))
        fails(try roster.record(5, roster.epoch(everybody), by: owner, and: [(3, recovery.id, recovery)]))
    }

    @Test func recoveryKeysConfineTheirEpochToTheDeviceThatTheyAdd() throws {
        fails(try roster.recoveryUse(by: recovery, to: everybody))
        fails(try roster.recoveryUse(by: owner, to: [owner, recovery]))
        roster.accept(try roster.add(stranger, .owner, by: recovery))
        holds(try roster.recoveryUse(by: recovery, to: [stranger, recovery]))
        fails(try roster.recoveryUse(by: recovery, to: everybody + [stranger]))
        fails(try roster.recoveryUse(by: recovery, to: [owner, recovery]))
        fails(try roster.recoveryUse(by: recovery, to: [recovery]))
        fails(try roster.recoveryUse(by: stranger, to: [stranger, recovery]))
        roster.accept(try roster.rotate(by: owner, to: everybody + [stranger]))
        fails(try roster.recoveryUse(by: recovery, to: [stranger, recovery]))  // something stands between
    }

    @Test func onlyAnOwnerThatRecoveryKeysAddedIsRecovered() throws {
        roster.accept(try roster.add(stranger, .owner, by: owner))
        fails(try roster.recoveryUse(by: recovery, to: [stranger, recovery]))
        let second = try HandMadeIdentity()
        roster.accept(try roster.add(second, .writer, by: recovery))
        fails(try roster.recoveryUse(by: recovery, to: [second, recovery]))
    }

    @Test func untilARotationEpochsStayWithTheRecoveredDevice() throws {
        let (found, next) = (try HandMadeIdentity(), try HandMadeIdentity())
        roster.accept(try roster.add(found, .owner, by: recovery))
        roster.accept(try roster.recoveryUse(by: recovery, to: [found, recovery]))
        #expect(try !Roster(verifying: roster.chain).isConfirmed)
        holds(try roster.rekey(found, to: next, sealedTo: [found, recovery]))
        fails(try roster.rekey(found, to: next, sealedTo: everybody + [found]))
        fails(try roster.rekey(writer, to: next, sealedTo: [found, recovery]))
        holds(try roster.remove(writer, by: found, to: [found, recovery]))
        fails(try roster.remove(writer, by: owner, to: [found, recovery]))
        fails(try roster.rotate(by: found, to: [found, recovery]))
        holds(try roster.rotate(by: found, to: everybody + [found]))
        roster.accept(try roster.add(next, .owner, by: recovery))  // recovered once more
        holds(try roster.recoveryUse(by: recovery, to: [next, recovery]))
        roster.accept(try roster.rotate(by: found, to: everybody + [found, next]))
        #expect(try Roster(verifying: roster.chain).isConfirmed)
        holds(try roster.rekey(writer, to: stranger, sealedTo: everybody + [found, next]))
    }

    @Test func everyNewRecoveryPairCountersigns() throws {
        let (code, phrase) = (try HandMadeIdentity(), try HandMadeIdentity())
        let salt = [UInt8](repeating: 8, count: 32)
        let both = everybody + [phrase]
        let pairs = [recovery.pair(), phrase.pair(kind: 2, salt: salt)]
        holds(try roster.recoveryChange(pairs, by: admin, new: [phrase], to: both))
        fails(try roster.recoveryChange(pairs, by: admin, new: [], to: both))
        fails(try roster.recoveryChange(pairs, by: admin, new: [code], to: both))
        fails(try roster.recoveryChange(pairs, by: writer, new: [phrase], to: both))
        fails(try roster.recoveryChange(pairs, by: admin, new: [phrase], to: everybody))
        let alone = [owner, admin, writer, phrase]
        fails(try roster.recoveryChange([pairs[1]], by: admin, new: [phrase], to: alone))
        for wrong in [phrase.pair(kind: 2), phrase.pair(kind: 1, salt: salt)] {
            fails(try roster.recoveryChange([pairs[0], wrong], by: admin, new: [phrase], to: both))
        }
        let second = pairs + [code.pair(kind: 2, salt: salt)]
        fails(try roster.recoveryChange(second, by: admin, new: [phrase, code], to: both + [code]))
        roster.accept(try roster.recoveryChange(pairs, by: admin, new: [phrase], to: both))
        holds(try roster.rotate(by: owner, to: both))
        fails(try roster.rotate(by: owner, to: everybody))
    }
}
