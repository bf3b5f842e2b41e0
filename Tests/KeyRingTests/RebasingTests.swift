import Cryptography
import FileSystem
import KeyRing
import TestSupport
import Testing

/// Two members that have both made records; those of the second are settled first.
@Suite(.serialized) struct RebasingTests {
    private let first: Fixture
    private let other: TemporaryDirectory
    private let secret: SlotSecret
    private var one: UnlockedKeys
    private var two: UnlockedKeys
    private let time = Fixture.time

    init() throws {
        first = try Fixture()
        other = try TemporaryDirectory()
        secret = try Fixture.keyFile(2)
        let joining = try JoiningIdentity.random()
        one = try KeyRing.addMember(
            joining.publicKeys, as: .owner, name: "desk", in: first.path, keys: first.open(), time: time)
        two = try KeyRing.join(
            in: other("keys"), as: joining, roster: one.roster, of: one.vaultID,
            containing: Array(one.roster.headHash.prefix(16)), secret: secret, time: time)
        one = try KeyRing.settle(through: 1, in: first.path, keys: one, time: time)
        two = try KeyRing.settle(through: 1, in: other("keys"), keys: two, time: time)
    }

    private func rebase(_ keys: UnlockedKeys, at path: String, from sequence: UInt64 = 2) throws
        -> KeyRing.Rebase
    {
        try KeyRing.rebase(
            onto: Array(two.roster.chain.dropFirst(Int(sequence))), from: sequence, in: path, keys: keys,
            time: time)
    }

    private func joiner(_ name: String, at path: String, _ keys: UnlockedKeys) throws -> UnlockedKeys {
        try KeyRing.addMember(
            JoiningIdentity.random().publicKeys, as: .writer, name: name, in: path, keys: keys, time: time)
    }

    private func recipient(_ name: String, at path: String, _ keys: UnlockedKeys) throws -> UnlockedKeys {
        try KeyRing.addBackupRecipient(
            AgreementKey.random().publicKey, name: name, in: path, keys: keys, time: time)
    }

    /// Records of every kind that a home makes, and a foreign tail with new epochs, members and recipients.
    private mutating func part() throws {
        one = try recipient("stays", at: first.path, one)
        one = try KeyRing.settle(through: 2, in: first.path, keys: one, time: time)
        two = try KeyRing.follow([one.roster.chain[2]], in: other("keys"), keys: two, time: time)
        let guest = try JoiningIdentity.random()
        let victim = try JoiningIdentity.random()
        for keys in [guest, victim] {
            two = try KeyRing.addMember(
                keys.publicKeys, as: .writer, name: "theirs", in: other("keys"), keys: two, time: time)
        }
        two = try recipient("theirs", at: other("keys"), two)
        two = try KeyRing.removeMember(victim.device, pins: [], in: other("keys"), keys: two, time: time)
        two = try KeyRing.newRecoveryCode(in: other("keys"), keys: two, time: time).keys

        one = try KeyRing.addMember(
            guest.publicKeys, as: .reader, name: "twice", in: first.path, keys: one, time: time)
        one = try joiner("mine", at: first.path, one)
        one = try KeyRing.rename(one.device, to: "renamed 改名", in: first.path, keys: one, time: time)
        one = try recipient("mine", at: first.path, one)
        one = try KeyRing.addSlot(Fixture.keyFile(3), in: first.path, keys: one, time: time)
        one = try KeyRing.removeSlot(
            #require(one.slots.last).id, in: first.path, keys: one, time: time)
        one = try KeyRing.reincarnate(in: first.path, keys: one, time: time)
        one = try KeyRing.setRole(
            .agent, of: guest.device, pins: [], in: first.path, keys: one, time: time)
        one = try KeyRing.newRecoveryCode(in: first.path, keys: one, time: time).keys
        one = try joiner("mine too", at: first.path, one)
    }

    @Test mutating func whatWasMadeHereIsMadeAnewBehindTheOthers() throws {
        try part()
        #expect(one.hasWaitingEpoch && one.currentEpoch == 1)
        let before = one
        let rebase = try rebase(one, at: first.path, from: 3)
        one = rebase.keys
        // The device that is a member already, and the recovery code.
        #expect(rebase.givenUp.count == 2, "\(rebase.givenUp)")
        #expect(rebase.givenUp.contains { $0.hasPrefix("letting a device in") })
        #expect(rebase.givenUp.contains { $0.contains("ai-team key recovery") })
        #expect(one.roster.extends(two.roster))
        #expect(one.incarnation == before.incarnation && !one.isReplaced)
        #expect(one.currentEpoch == two.roster.currentEpoch && one.hasWaitingEpoch)
        #expect(one.publicKeys == before.publicKeys)
        let names = try one.roster.members.map { try one.label(of: $0) }
        #expect(names == ["renamed 改名", "desk", "theirs", "mine", "mine too"])
        let recipients = try one.roster.backupRecipients.map { try one.label(of: $0) }
        #expect(recipients == ["stays", "theirs", "mine"])

        // The home opens with what it has on disk, and the other one can follow all of it.
        let opened = try first.open()
        #expect(opened.roster.chain == one.roster.chain && opened.epochs == one.epochs)
        two = try KeyRing.settle(through: two.roster.headSequence, in: other("keys"), keys: two, time: time)
        let tail = one.roster.chain.dropFirst(two.roster.records.count)
        two = try KeyRing.follow(Array(tail), in: other("keys"), keys: two, time: time)
        #expect(two.roster.chain == one.roster.chain && two.epochs == one.epochs)
        for epoch in two.epochs { #expect(try two.bytes("page", epoch) == one.bytes("page", epoch)) }
        one = try KeyRing.settle(through: one.roster.headSequence, in: first.path, keys: one, time: time)
        #expect(!one.hasWaitingEpoch && one.currentEpoch == two.currentEpoch)
    }

    /// Displaced twice in a row, by one record each: the former keys of the device still sign.
    @Test mutating func whatWasMadeAnewMayBeDisplacedAgain() throws {
        one = try KeyRing.newRecoveryCode(in: first.path, keys: one, time: time).keys
        let fresh = one.publicKeys
        for sequence: UInt64 in [2, 3, 4] {
            two = try KeyRing.rename(two.device, to: "n\(sequence)", in: other("keys"), keys: two, time: time)
            one = try rebase(one, at: first.path, from: sequence).keys
            #expect(try first.open().roster.extends(two.roster))
        }
        #expect(one.publicKeys == fresh && one.roster.headSequence == 5)
        two = try KeyRing.follow(
            Array(one.roster.chain.suffix(1)), in: other("keys"), keys: two, time: time)
        #expect(two.roster.member(one.device)?.keys == fresh)
    }

    /// A power cut at any moment leaves the old chain or the new one, whole.
    @Test mutating func aCutLeavesTheOldChainOrTheNewOne() throws {
        try part()
        let start = try TemporaryDirectory()
        try TemporaryDirectory.copyTree(first.path, to: start("keys"))
        let recorder = PowerCut()
        let (old, records) = (one, Array(two.roster.chain.dropFirst(3)))
        let new = try recorder.record(below: first.path) { [first, time] in
            try KeyRing.rebase(onto: records, from: 3, in: first.path, keys: old, time: time).keys
        }
        #expect(try Files.list(first.path + "/roster").count == new.roster.records.count)
        var seen: Set<Int> = []
        for cut in 0...recorder.count {
            let disk = try TemporaryDirectory()
            try TemporaryDirectory.copyTree(start("keys"), to: disk("keys"))
            try recorder.replay(upTo: cut, seed: UInt64(cut), original: first.path, root: disk("keys"))
            let opened = try KeyRing.open(in: disk("keys"), with: first.secret)
            let expected = opened.ringGeneration == old.ringGeneration ? old : new
            #expect(opened.roster.chain == expected.roster.chain, "cut \(cut)")
            seen.insert(expected.roster.records.count)
            let next = try KeyRing.rename(
                opened.device, to: "x", in: disk("keys"), keys: opened, time: time)
            #expect(try Files.list(disk("keys") + "/roster").count == next.roster.records.count)
            #expect(
                try KeyRing.open(in: disk("keys"), with: first.secret).ringGeneration == next.ringGeneration)
        }
        #expect(seen == [old.roster.records.count, new.roster.records.count])
        // The twin: the new ring beside the old records is refused, so a cut could have shown.
        for copy in ["ring.a", "ring.b"] {
            try Durable.replace(
                start("keys/" + copy), with: Files.readAll(first.path + "/" + copy, limit: 1 << 20))
        }
        expect(.invalidRoster) { _ = try KeyRing.open(in: start("keys"), with: first.secret) }
    }

    /// Two copies of one device: the incarnation that was settled counts, and the other copy stops.
    @Test mutating func ofTwoNewLivesTheSettledOneCounts() throws {
        let copy = try TemporaryDirectory()
        try TemporaryDirectory.copyTree(first.path, to: copy("keys"))
        let theirs = try KeyRing.reincarnate(in: copy("keys"), keys: one, time: time)
        one = try KeyRing.reincarnate(in: first.path, keys: one, time: time)
        let rebase = try KeyRing.rebase(
            onto: [theirs.roster.chain[2]], from: 2, in: first.path, keys: one, time: time)
        #expect(rebase.givenUp.count == 1)
        let opened = try first.open()
        #expect(opened.isReplaced && opened.incarnation == one.incarnation)
        #expect(opened.roster.chain == theirs.roster.chain)
        #expect(!theirs.isReplaced)
    }

    /// What can't be made anew changes nothing.
    @Test mutating func whatOnlyThePersonCanSettleStays() throws {
        // Another copy of this device has new keys.
        let copy = try TemporaryDirectory()
        try TemporaryDirectory.copyTree(first.path, to: copy("keys"))
        let rekeyed = try KeyRing.newRecoveryCode(in: copy("keys"), keys: one, time: time).keys
        let tail = Array(rekeyed.roster.chain.dropFirst(2))
        let own = try KeyRing.rename(one.device, to: "x", in: first.path, keys: one, time: time)
        expect(.conflict) {
            _ = try KeyRing.rebase(onto: tail, from: 2, in: first.path, keys: own, time: time)
        }
        #expect(try first.open().roster.chain == own.roster.chain)
        expect(.conflict) { _ = try KeyRing.follow(tail, in: other("keys2"), keys: one, time: time) }

        // An epoch that was in use before a remote ordered anything.
        let alone = try Fixture()
        let fork = try TemporaryDirectory()
        try TemporaryDirectory.copyTree(alone.path, to: fork("keys"))
        let settled = try KeyRing.rename(
            alone.vault.keys.device, to: "x", in: fork("keys"), keys: alone.vault.keys, time: time)
        let used = try KeyRing.newRecoveryCode(in: alone.path, keys: alone.open(), time: time).keys
        #expect(!used.hasWaitingEpoch)
        expect(.conflict) {
            _ = try KeyRing.rebase(
                onto: [settled.roster.chain[1]], from: 1, in: alone.path, keys: used, time: time)
        }
        #expect(try alone.open().roster.chain == used.roster.chain)

        // A forged record, and the twin.
        two = try KeyRing.rename(two.device, to: "y", in: other("keys"), keys: two, time: time)
        var forged = two.roster.chain[2]
        forged[forged.count - 1] ^= 1
        expect(.invalidRoster) {
            _ = try KeyRing.rebase(onto: [forged], from: 2, in: first.path, keys: own, time: time)
        }
        _ = try KeyRing.rebase(
            onto: [two.roster.chain[2]], from: 2, in: first.path, keys: own, time: time)
    }

    /// A backup that was made before its writer's records were displaced still has an author; a chain that
    /// another device has forked has none.
    @Test mutating func anOwnTailOfAManifestIsNoFork() throws {
        try part()
        let chain = one.roster.chain
        one = try rebase(one, at: first.path, from: 3).keys
        let place = try ManifestPlace(
            device: one.device, incarnation: one.incarnation, sequence: 1,
            hash: [UInt8](repeating: 1, count: 32),
            recordCount: #require(one.roster.recordCount(known: chain, by: one.device)))
        #expect(try one.roster.manifestAuthority(at: place).key == one.publicKeys.signing)
        #expect(one.roster.recordCount(known: chain, by: two.device) == nil)
        #expect(one.roster.recordCount(known: two.roster.chain, by: two.device) == two.roster.records.count)
    }
}
