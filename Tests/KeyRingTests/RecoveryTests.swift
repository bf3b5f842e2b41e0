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
        expect(.integrityFailure) { _ = try Recovery.open(chain, with: code) }
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

    /// Recovers a home's chain into a directory of its own.
    private func recover(
        _ home: Fixture, to directory: TemporaryDirectory, confirms: Bool = false
    ) throws -> UnlockedKeys {
        let found = try Recovery.open(home.open().roster.chain, with: home.vault.recoveryCode)
        return try KeyRing.recover(
            in: directory("keys"), from: found, confirmsMembers: confirms, name: "new",
            secret: Fixture.keyFile(5), time: Fixture.time)
    }

    @Test func aBareMachineBecomesANewDevice() throws {
        let (home, elsewhere) = (try Fixture(), try TemporaryDirectory())
        let keys = try recover(home, to: elsewhere)
        #expect(keys.vaultID == home.vault.keys.vaultID)
        #expect(keys.device != home.vault.keys.device)
        #expect(keys.roster.members.count == 2 && keys.epochs == [1, 2])
        #expect(try keys.bytes("page", 1) == home.vault.keys.bytes("page", 1))
        let opened = try KeyRing.open(in: elsewhere("keys"), with: Fixture.keyFile(5))
        #expect(try opened.label(of: #require(opened.roster.member(opened.device))) == "new")
        _ = try KeyRing.open(in: elsewhere("keys"), with: .recoveryCode(home.vault.recoveryCode))
        try KeyRing.testRecovery(home.vault.recoveryCode, in: elsewhere("keys"))
        let seal = KeyPurpose(rawValue: "seal")
        let own = try opened.homeKey(seal).withUnsafeBytes { Array($0) }
        #expect(try own != home.vault.keys.homeKey(seal).withUnsafeBytes { Array($0) })
    }

    @Test func itsEpochStaysItsOwnUntilTheMembersAreConfirmed() throws {
        let (home, elsewhere) = (try Fixture(), try TemporaryDirectory())
        let keys = try recover(home, to: elsewhere)
        let old = home.vault.keys.device
        func isSealed(_ keys: UnlockedKeys) -> Bool {
            keys.roster.records.last { $0.bytes.starts(with: Array("ATR1".utf8)) }.map {
                $0.bytes.contains(old.bytes)
            } ?? false
        }
        #expect(!keys.roster.isConfirmed && !isSealed(keys))
        // A new code makes two epochs, and they too are the recovered device's alone.
        let renewed = try KeyRing.newRecoveryCode(in: elsewhere("keys"), keys: keys, time: Fixture.time)
        #expect(!renewed.keys.roster.isConfirmed && !isSealed(renewed.keys))
        #expect(try Recovery.open(renewed.keys.roster.chain, with: renewed.recoveryCode).epochs.count == 4)
        let confirmed = try KeyRing.confirmMembers(
            in: elsewhere("keys"), keys: renewed.keys, time: Fixture.time)
        #expect(confirmed.roster.isConfirmed && isSealed(confirmed) && confirmed.currentEpoch == 5)
        expect(.guardRefused) {
            _ = try KeyRing.confirmMembers(in: elsewhere("keys"), keys: confirmed, time: Fixture.time)
        }
        // The twin: who confirms at once ends at the same place.
        let another = try TemporaryDirectory()
        let quick = try recover(home, to: another, confirms: true)
        #expect(quick.roster.isConfirmed && isSealed(quick) && quick.currentEpoch == 3)
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
