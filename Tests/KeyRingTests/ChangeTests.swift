import FileSystem
import KeyRing
import TestSupport
import Testing

@Suite struct ChangeTests {
    /// Random changes: every live secret opens, every removed one never does, epochs grow as they must.
    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func anyLiveSlotOpensAndNoRemovedOneDoes(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let home = try Fixture()
        var keys = home.vault.keys
        var code = home.vault.recoveryCode
        var live: [(id: SlotID, secret: SlotSecret)] = [(try #require(keys.openedSlot), home.secret)]
        var dead: [SlotSecret] = []
        var next: UInt8 = 10
        for step in 0..<14 {
            let before = keys
            switch Int.random(in: 0..<5, using: &random) {
            case 0, 1:
                next += 1
                let secret = try Fixture.keyFile(next)
                keys = try KeyRing.addSlot(secret, in: home.path, keys: keys, time: Fixture.time)
                live.append((try #require(keys.slots.last).id, secret))
            case 2 where live.count > 1:
                let victim = live.remove(at: Int.random(in: 0..<live.count, using: &random))
                keys = try KeyRing.removeSlot(victim.id, in: home.path, keys: keys, time: Fixture.time)
                dead.append(victim.secret)
                #expect(keys.currentEpoch == before.currentEpoch + 1)
            case 3:
                dead.append(.recoveryCode(code))
                let changed = try KeyRing.newRecoveryCode(
                    in: home.path, keys: keys, time: Fixture.time)
                (keys, code) = (changed.keys, changed.recoveryCode)
                #expect(keys.currentEpoch == before.currentEpoch + 2)
            default:
                keys = try KeyRing.reincarnate(in: home.path, keys: keys, time: Fixture.time)
                #expect(keys.incarnation != before.incarnation)
            }
            #expect(keys.ringGeneration >= before.ringGeneration, "seed \(seed), step \(step)")
            #expect(keys.roster.extends(before.roster))
            for secret in live.map(\.secret) + [.recoveryCode(code)] {
                let opened = try home.open(secret)
                #expect(opened.epochs == keys.epochs)
                #expect(try opened.bytes("page", 1) == before.bytes("page", 1))
            }
            for secret in dead { expect(.wrongKey) { _ = try home.open(secret) } }
        }
        try KeyRing.testRecovery(code, in: home.path)
    }

    @Test func aPlainPassphraseChangeKeepsRootAndEpoch() throws {
        let home = try Fixture()
        let (old, new) = (Fixture.passphrase("old"), Fixture.passphrase("new"))
        _ = try KeyRing.addSlot(
            old, in: home.path, keys: home.vault.keys, cost: Fixture.cost, time: Fixture.time)
        let keys = try KeyRing.changePassphrase(
            to: new, in: home.path, keys: home.open(old), cost: Fixture.cost, time: Fixture.time)
        #expect(keys.currentEpoch == 1)
        expect(.wrongKey) { _ = try home.open(old) }
        // A process that has the old root goes on.
        _ = try KeyRing.open(in: home.path, rootKey: home.vault.keys.rootKey())
        #expect(try home.open(new).ringGeneration == 3)
        expect(.guardRefused) {
            _ = try KeyRing.changePassphrase(
                to: Fixture.passphrase(""), in: home.path, keys: keys, time: Fixture.time)
        }
    }

    @Test func aCompromisedPassphraseLeadsToNothingNew() throws {
        let home = try Fixture()
        let (old, new) = (Fixture.passphrase("old"), Fixture.passphrase("new"))
        let before = try KeyRing.addSlot(
            old, in: home.path, keys: home.vault.keys, cost: Fixture.cost, time: Fixture.time)
        let stolen = try TemporaryDirectory()
        try TemporaryDirectory.copyTree(home.path, to: stolen("keys"))
        let keys = try KeyRing.changePassphrase(
            to: new, isCompromised: true, in: home.path, keys: before, cost: Fixture.cost,
            time: Fixture.time)
        #expect(keys.currentEpoch == 2)
        #expect(keys.device == before.device)
        #expect(keys.publicKeys != before.publicKeys)
        expect(.wrongKey) { _ = try home.open(old) }
        expect(.locked) { _ = try KeyRing.open(in: home.path, rootKey: before.rootKey()) }
        #expect(try home.open().currentEpoch == 2)
        // The thief's copy still opens what it held, and no more.
        #expect(try KeyRing.open(in: stolen("keys"), with: old).epochs == [1])
        // Both copies of the ring were replaced: none still holds the old root.
        #expect(try home.ring("a") == home.ring("b"))
    }

    @Test func nobodyLocksHimselfOut() throws {
        let home = try Fixture()
        let slots = home.vault.keys.slots
        for slot in slots {
            expect(.guardRefused) {
                _ = try KeyRing.removeSlot(
                    slot.id, in: home.path, keys: home.vault.keys, time: Fixture.time)
            }
        }
        expect(.notFound) {
            _ = try KeyRing.removeSlot(
                #require(SlotID([UInt8](repeating: 0, count: 16))), in: home.path, keys: home.vault.keys,
                time: Fixture.time)
        }
        expect(.guardRefused) {
            _ = try KeyRing.addSlot(
                .recoveryCode(.random()), in: home.path, keys: home.vault.keys, time: Fixture.time)
        }
        #expect(try home.open().ringGeneration == 1)
    }

    @Test func aNewRootIsMadeBesideAnOpenVaultAndNotBesideARestore() throws {
        let home = try Fixture()
        let keys = try KeyRing.addSlot(
            Fixture.keyFile(2), in: home.path, keys: home.vault.keys, time: Fixture.time)
        let slot = try #require(keys.slots.last).id
        let own = try home.open()
        let open = try HomeLock.shared(in: home.path)
        let live = LiveKeys(own, in: home.path)
        _ = try KeyRing.removeSlot(slot, in: home.path, keys: keys, time: Fixture.time)
        #expect(live.current.currentEpoch == 1)
        #expect(try live.reload().currentEpoch == 2)
        open.release()
        // Keys from before a new root change the ring all the same, by the slot that opened them.
        _ = try KeyRing.newRecoveryCode(in: home.path, keys: own, time: Fixture.time)
        expect(.locked) {
            _ = try KeyRing.reincarnate(in: home.path, keys: home.vault.keys, time: Fixture.time)
        }
    }

    @Test func aLaterRingIsOpenedByTheSameSlotAlone() throws {
        let home = try Fixture()
        let more = try KeyRing.addSlot(
            Fixture.keyFile(2), in: home.path, keys: home.open(), time: Fixture.time)
        let second = try home.open(Fixture.keyFile(2))
        let (own, other) = (LiveKeys(more, in: home.path), LiveKeys(second, in: home.path))
        _ = try KeyRing.removeSlot(
            #require(second.openedSlot), in: home.path, keys: more, time: Fixture.time)
        expect(.locked) { try other.reload() }
        expect(.locked) { try other.reload() }
        #expect(try own.reload().currentEpoch == 2)
        // A ring of another vault in its place is not followed, whatever its generation.
        let foreign = try Fixture()
        var keys = try foreign.open()
        for _ in 0..<4 { keys = try KeyRing.repair(in: foreign.path, keys: keys, time: Fixture.time) }
        for name in ["ring.a", "ring.b"] {
            let bytes = try Files.readAll(foreign.path + "/" + name, limit: 1 << 20)
            try Durable.replace(home.path + "/" + name, with: bytes)
        }
        #expect(throws: KeyError.self) { try own.reload() }
    }

    @Test func aRingThatWasPutBackIsRollback() throws {
        let home = try Fixture()
        let (a, b) = (try home.ring("a"), try home.ring("b"))
        let keys = try KeyRing.addSlot(
            Fixture.keyFile(2), in: home.path, keys: home.vault.keys, time: Fixture.time)
        try Durable.replace(home.path + "/ring.a", with: a)
        // One old copy beside a newer one changes nothing.
        #expect(try home.open().ringGeneration == 2)
        #expect(try home.ring("a") == home.ring("b"))
        try Durable.replace(home.path + "/ring.a", with: a)
        try Durable.replace(home.path + "/ring.b", with: b)
        // Both: the generation, which the database's seal knows, is lower.
        #expect(try home.open().ringGeneration < keys.ringGeneration)
        expect(.rollback) {
            _ = try KeyRing.reincarnate(in: home.path, keys: keys, time: Fixture.time)
        }
    }

    @Test func restoredAndPinnedHistoryStaysInTheRoster() throws {
        let home = try Fixture()
        let origin = BackupOrigin(
            device: home.vault.keys.device, incarnation: 0, sequence: 4,
            manifestHash: [UInt8](repeating: 9, count: 32))
        var keys = try KeyRing.recordRestored(
            from: origin, in: home.path, keys: home.vault.keys, time: Fixture.time)
        let pin = Pin(
            incarnation: 0, kind: .manifests, stream: 0, sequence: 4,
            hash: [UInt8](repeating: 9, count: 32))
        keys = try KeyRing.reincarnate(in: home.path, keys: keys, pins: [pin], time: Fixture.time)
        let member = try #require(try home.open().roster.member(keys.device))
        #expect(member.pins == [pin])
        #expect(member.incarnations == [0, keys.incarnation])
        #expect(keys.roster.headSequence == 2)
    }
}
