import Cryptography
import FileSystem
import KeyRing
import TestSupport
import Testing

@Suite struct RecoveryTests {
    @Test func theCodeAloneOpensEveryEpochOfTheChain() throws {
        let home = try Fixture()
        var keys = try KeyRing.addSlot(
            Fixture.keyFile(2), in: home.path, keys: home.vault.keys, time: Fixture.time)
        keys = try KeyRing.removeSlot(
            #require(keys.slots.last).id, in: home.path, keys: keys, time: Fixture.time)
        let old = home.vault.recoveryCode
        let recovered = try Recovery.open(keys.roster.chain, with: old)
        #expect(recovered.epochs == [1, 2])
        for epoch in keys.epochs {
            #expect(try recovered.backupKey(epoch: epoch).publicKey == keys.backupPublicKey(epoch: epoch))
            let purpose = KeyPurpose(rawValue: "page")
            let bytes = try recovered.key(purpose, epoch: epoch).withUnsafeBytes { Array($0) }
            #expect(try bytes == keys.bytes("page", epoch))
        }
        let changed = try KeyRing.newRecoveryCode(in: home.path, keys: keys, time: Fixture.time)
        let chain = changed.keys.roster.chain
        #expect(try Recovery.open(chain, with: changed.recoveryCode).epochs == [1, 2, 3, 4])
        expect(.wrongKey) { _ = try Recovery.open(chain, with: old) }
        expect(.wrongKey) { _ = try Recovery.open(chain, with: .random()) }
        // Backups made before the change are still the old code's.
        #expect(try Recovery.open(keys.roster.chain, with: old).epochs == [1, 2])
    }

    /// A31: the provider builds a vault of its own around recovery public keys that it has seen.
    @Test func aForgedGenesisAroundTheRecoveryKeysIsRefused() throws {
        let bytes = Array(repeating: UInt8(77), count: 32)
        let code = RecoveryCode(bytes: bytes)
        let holder = try RecoveryHolder(code: bytes)
        let forged = try ForgedGenesis(around: holder)
        expect(.integrityFailure) { _ = try Recovery.open([forged.uncountersigned], with: code) }
        let forger = try SigningKey(seed: .random(count: 32))
        let chain = [try forged.countersigned(for: holder, with: forger)]
        expect(.invalidRoster) { _ = try Recovery.open(chain, with: code) }
        // The twin: the same record, countersigned by the code's holder, is a vault.
        let honest = [try forged.countersigned(for: holder, with: holder.signing)]
        let recovered = try Recovery.open(honest, with: code)
        #expect(recovered.epochs == [1])
        #expect(recovered.roster.vaultID.bytes == forged.vaultID)
    }

    @Test func aChainMayNotBeCutReorderedOrMixed() throws {
        let home = try Fixture()
        var keys = home.vault.keys
        for _ in 0..<3 {
            keys = try KeyRing.reincarnate(in: home.path, keys: keys, time: Fixture.time)
        }
        let chain = keys.roster.chain
        let other = try Fixture().vault.keys.roster.chain
        _ = try Roster(verifying: chain)
        _ = try Roster(verifying: Array(chain.dropLast()))
        for wrong in [
            [], Array(chain.dropFirst()), [chain[0], chain[2]], [chain[0], chain[2], chain[1]],
            chain + [chain[3]], chain + other, [other[0]] + chain.dropFirst(), [chain[0], chain[0]],
        ] {
            expect(.invalidRoster) { _ = try Roster(verifying: wrong) }
        }
    }

    @Test func aBareMachineBecomesANewDevice() throws {
        let home = try Fixture()
        let elsewhere = try TemporaryDirectory()
        let chain = home.vault.keys.roster.chain
        let secret = try Fixture.keyFile(5)
        let keys = try KeyRing.recover(
            in: elsewhere("keys"), chain: chain, code: home.vault.recoveryCode, name: "new",
            secret: secret, time: Fixture.time)
        #expect(keys.vaultID == home.vault.keys.vaultID)
        #expect(keys.device != home.vault.keys.device)
        #expect(keys.roster.members.count == 2)
        #expect(try keys.bytes("page", 1) == home.vault.keys.bytes("page", 1))
        let opened = try KeyRing.open(in: elsewhere("keys"), with: secret)
        #expect(try opened.label(of: #require(opened.roster.member(opened.device))) == "new")
        let seal = KeyPurpose(rawValue: "seal")
        let own = try opened.homeKey(seal).withUnsafeBytes { Array($0) }
        #expect(try own != home.vault.keys.homeKey(seal).withUnsafeBytes { Array($0) })
        // The new device can do everything: its next epoch is sealed to both devices.
        let more = try KeyRing.newRecoveryCode(in: elsewhere("keys"), keys: opened, time: Fixture.time)
        #expect(try Recovery.open(more.keys.roster.chain, with: more.recoveryCode).epochs.count == 3)
    }

    @Test func aCopyIsTheSameDeviceInANewIncarnation() throws {
        let home = try Fixture()
        let elsewhere = try TemporaryDirectory()
        let copy = try KeyRing.copy(home.vault.keys, to: elsewhere("keys"), time: Fixture.time)
        #expect(copy.device == home.vault.keys.device)
        #expect(copy.incarnation != 0)
        for secret in [home.secret, .recoveryCode(home.vault.recoveryCode)] {
            #expect(try KeyRing.open(in: elsewhere("keys"), with: secret).incarnation == copy.incarnation)
        }
        #expect(try home.open().incarnation == 0)
        expect(.conflict) {
            _ = try KeyRing.copy(home.vault.keys, to: elsewhere("keys"), time: Fixture.time)
        }
    }
}
