import FileSystem
import KeyRing
import TestSupport
import Testing

@Suite(.serialized) struct PowerCutTests {
    /// After a cut at any moment the ring is the old or the new one, opens with every slot of it, takes
    /// another change, and leaves no older copy behind.
    private func survivesEveryCut(
        _ home: Fixture, old: UnlockedKeys, secrets: [SlotSecret], _ change: () throws -> UnlockedKeys
    ) throws {
        let start = try TemporaryDirectory()
        try TemporaryDirectory.copyTree(home.path, to: start("keys"))
        let recorder = PowerCut()
        let new = try recorder.record(below: home.path, change)
        for cut in 0...recorder.count {
            for seed: UInt64 in [1, 2] {
                let disk = try TemporaryDirectory()
                try TemporaryDirectory.copyTree(start("keys"), to: disk("keys"))
                try recorder.replay(upTo: cut, seed: seed, original: home.path, root: disk("keys"))
                for secret in secrets {
                    let opened = try KeyRing.open(in: disk("keys"), with: secret)
                    let expected = opened.ringGeneration == old.ringGeneration ? old : new
                    #expect(opened.ringGeneration == expected.ringGeneration, "cut \(cut), seed \(seed)")
                    #expect(opened.epochs == expected.epochs)
                    if cut == recorder.count { #expect(opened.ringGeneration == new.ringGeneration) }
                }
                guard seed == 1 else { continue }
                var keys = try KeyRing.open(in: disk("keys"), with: secrets[0])
                keys = try KeyRing.newRecoveryCode(in: disk("keys"), keys: keys, time: Fixture.time).keys
                #expect(try KeyRing.summary(in: disk("keys")).damagedCopies.isEmpty)
                #expect(
                    try Files.list(disk("keys") + "/roster").count == Int(keys.roster.headSequence) + 1)
            }
        }
    }

    @Test func removingASlot() throws {
        let home = try Fixture()
        let old = try KeyRing.addSlot(
            Fixture.keyFile(2), in: home.path, keys: home.vault.keys, time: Fixture.time)
        let secrets = [home.secret, SlotSecret.recoveryCode(home.vault.recoveryCode)]
        try survivesEveryCut(home, old: old, secrets: secrets) {
            try KeyRing.removeSlot(
                #require(old.slots.last).id, in: home.path, keys: old, time: Fixture.time)
        }
    }

    @Test func aNewRecoveryCode() throws {
        let home = try Fixture()
        try survivesEveryCut(home, old: home.vault.keys, secrets: [home.secret]) {
            try KeyRing.newRecoveryCode(in: home.path, keys: home.vault.keys, time: Fixture.time).keys
        }
    }

    @Test func addingASlot() throws {
        let home = try Fixture()
        try survivesEveryCut(home, old: home.vault.keys, secrets: [home.secret]) {
            try KeyRing.addSlot(
                Fixture.keyFile(2), in: home.path, keys: home.vault.keys, time: Fixture.time)
        }
    }

    /// A cut while a vault is made leaves no ring, and making it again works; or a whole one.
    @Test func makingAVault() throws {
        let home = try TemporaryDirectory()
        let secret = try Fixture.keyFile(1)
        let recorder = PowerCut()
        _ = try recorder.record(below: home.path) {
            try KeyRing.create(in: home("keys"), name: "x", secret: secret, time: Fixture.time)
        }
        for cut in 0...recorder.count {
            let disk = try TemporaryDirectory()
            try recorder.replay(upTo: cut, seed: UInt64(cut), original: home.path, root: disk.path)
            if try KeyRing.exists(in: disk("keys")) {
                _ = try KeyRing.open(in: disk("keys"), with: secret)
            } else {
                _ = try KeyRing.create(in: disk("keys"), name: "x", secret: secret, time: Fixture.time)
            }
        }
    }
}
