import Cryptography
import FileSystem
import KeyRing
import TestSupport
import Testing

/// The ring of a device that was let in, made from the chain alone.
@Suite struct JoiningTests {
    private let owner: Fixture
    private let other: TemporaryDirectory
    private let joining: JoiningIdentity
    private let secret: SlotSecret

    init() throws {
        owner = try Fixture()
        other = try TemporaryDirectory()
        joining = try JoiningIdentity.random()
        secret = try Fixture.keyFile(2)
    }

    private func add(_ role: MemberRole = .writer) throws -> UnlockedKeys {
        try KeyRing.addMember(
            joining.publicKeys, as: role, name: "desk 桌機", inviteTag: [UInt8](repeating: 1, count: 32),
            in: owner.path, keys: owner.open(), time: Fixture.time)
    }

    private func join(_ keys: UnlockedKeys, _ vault: VaultID? = nil, head: [UInt8]? = nil) throws
        -> UnlockedKeys
    {
        try KeyRing.join(
            in: other("keys"), as: joining, roster: Roster(verifying: keys.roster.chain),
            of: vault ?? keys.vaultID, containing: head ?? Array(keys.roster.headHash.prefix(16)),
            secret: secret, time: Fixture.time)
    }

    @Test func whoWasLetInHasEveryEpochAndItsOwnKeys() throws {
        _ = try KeyRing.newRecoveryCode(in: owner.path, keys: owner.open(), time: Fixture.time)
        let keys = try add()
        #expect(keys.epochs.count > 2)
        let joined = try join(keys)
        #expect(joined.vaultID == keys.vaultID && joined.device == joining.device)
        #expect(joined.roster.chain == keys.roster.chain && joined.epochs == keys.epochs)
        for epoch in keys.epochs {
            #expect(try joined.bytes("page", epoch) == keys.bytes("page", epoch))
        }
        let again = try KeyRing.open(in: other("keys"), with: secret)
        let member = try #require(again.roster.member(joining.device))
        #expect(try again.label(of: member) == "desk 桌機")
        expect(.conflict) { _ = try join(keys) }
    }

    @Test func aDeviceIsCalledOtherwise() throws {
        var keys = try add()
        for device in [keys.device, joining.device] {
            keys = try KeyRing.rename(
                device, to: "neu \(device == keys.device)", in: owner.path, keys: keys, time: Fixture.time)
        }
        let again = try owner.open()
        let names = try again.roster.members.map { try again.label(of: $0) }
        #expect(names == ["neu true", "neu false"])
        expect(.malformed) {
            _ = try KeyRing.rename(
                keys.device, to: String(repeating: "x", count: 64), in: owner.path, keys: keys,
                time: Fixture.time)
        }
        expect(.notFound) {
            _ = try KeyRing.rename(
                JoiningIdentity.random().device, to: "x", in: owner.path, keys: keys, time: Fixture.time)
        }
    }

    @Test func epochsThatBeganBetweenTheRecordAndTheRingOpenToo() throws {
        _ = try add()
        let vault = try KeyRing.newRecoveryCode(in: owner.path, keys: owner.open(), time: Fixture.time)
        let joined = try join(vault.keys)
        #expect(joined.epochs == vault.keys.epochs)
        #expect(try joined.bytes("page", 1) == vault.keys.bytes("page", 1))
        #expect(
            try joined.bytes("page", joined.currentEpoch)
                == vault.keys.bytes("page", joined.currentEpoch))
    }

    @Test func noRingIsMadeForAnotherVaultOrAnOlderStateOrAStranger() throws {
        let before = try owner.open()
        expect(.notFound) { _ = try join(before) }
        let keys = try add()
        let foreign = try Fixture().open()
        expect(.integrityFailure) { _ = try join(keys, foreign.vaultID) }
        expect(.integrityFailure) { _ = try join(before, head: Array(keys.roster.headHash.prefix(16))) }
        #expect(try !Files.exists(other("keys/ring.a")))
        _ = try join(keys, head: Array(before.roster.headHash.prefix(16)))
    }

    @Test func keysThatWaitOpenWithTheirSecretAndNothingElse() throws {
        let note = SecretBytes(copying: Array("a note".utf8))
        try joining.store(in: other("keys"), note: note, secret: secret, time: Fixture.time)
        let opened = try JoiningIdentity.open(in: other("keys"), with: secret)
        #expect(opened.publicKeys == joining.publicKeys)
        #expect(opened.withNote { Array($0) } == Array("a note".utf8))
        expect(.wrongKey) { _ = try JoiningIdentity.open(in: other("keys"), with: Fixture.keyFile(3)) }
        expect(.conflict) {
            try joining.store(in: other("keys"), note: note, secret: secret, time: Fixture.time)
        }
        let path = other("keys/joining")
        let whole = try Files.readAll(path, limit: 1 << 16)
        for place in stride(from: 0, to: whole.count, by: 7) {
            var changed = whole
            changed[place] ^= 1
            try Durable.replace(path, with: changed)
            expect(.damagedRing) { _ = try JoiningIdentity.open(in: other("keys"), with: secret) }
            // With the checksum of who means it.
            let body = Array(changed.dropLast(32))
            try Durable.replace(path, with: body + Hash.digest(.sha256, body))
            guard place < body.count, !isFree(place) else { continue }
            expect(.damagedRing, .newerFormat, .integrityFailure, .wrongKey) {
                _ = try JoiningIdentity.open(in: other("keys"), with: secret)
            }
        }
        try JoiningIdentity.remove(in: other("keys"))
        expect(.notFound) { _ = try JoiningIdentity.open(in: other("keys"), with: secret) }
    }

    /// The slot's time of making is for people and decides nothing.
    private func isFree(_ place: Int) -> Bool { (8 + 17..<8 + 25).contains(place) }

    /// A tamperer who seals keys of his own to the slot's public half can't make its MAC name them.
    @Test func foreignKeysInThePlaceOfThoseThatWaitAreRefused() throws {
        let note = SecretBytes(copying: [1])
        try joining.store(in: other("keys"), note: note, secret: secret, time: Fixture.time)
        let honest = try Files.readAll(other("keys/joining"), limit: 1 << 16)
        let foreign = try TemporaryDirectory()
        try JoiningIdentity.random().store(
            in: foreign("keys"), note: note, secret: Fixture.keyFile(7), time: Fixture.time)
        let theirs = try Files.readAll(foreign("keys/joining"), limit: 1 << 16)
        // Slot: id 16, kind 1, time 8, logN 1, salt 32, public key 32, authority 32, MAC 32, the box.
        let publicKey = 8 + 16 + 1 + 8 + 1 + 32
        var mixed = Array(theirs.dropLast(32))
        mixed.replaceSubrange(publicKey..<publicKey + 32, with: honest[publicKey..<publicKey + 32])
        try Durable.replace(other("keys/joining"), with: mixed + Hash.digest(.sha256, mixed))
        expect(.integrityFailure) { _ = try JoiningIdentity.open(in: other("keys"), with: secret) }
        try Durable.replace(other("keys/joining"), with: honest)
        _ = try JoiningIdentity.open(in: other("keys"), with: secret)
    }
}
