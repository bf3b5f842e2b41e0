import Backup
import Cryptography
import Glibc
import KeyRing
import Testing

/// Which older backup's list a new backup goes along with.
@Suite struct OutsideBasesTests {
    let scratch: Scratch
    let store: BackupStore
    let vault: KeyRing.NewVault
    /// Milliseconds since 1970, long after every file of the test.
    let time: UInt64

    init() throws {
        scratch = try Scratch()
        store = BackupStore(scratch.path + "/backups")
        vault = try KeyRing.create(
            in: scratch.path + "/keys", name: "test",
            secret: .keyFile(SecretBytes(copying: Array(repeating: 5, count: 32))), time: 1)
        time = UInt64(Glibc.time(nil) + 3600) * 1000
        for name in ["a", "b", "c"] {
            let directory = scratch.directory(name)
            var random = Seeded(UInt64(name.utf8.first ?? 0))
            for number in 0..<5 { put(random.bytes(50_000), "\(directory)/\(number)") }
        }
    }

    /// Backs up these directories; returns the numbers of what was outside.
    private func make(_ number: UInt64, _ names: String...) throws -> BackupStatistics {
        let keys = VaultBackupKeys(vault.keys)
        var input = BackupRun<VaultBackupKeys>.Input()
        if !names.isEmpty {
            let selection = OutsideSelection(paths: names.map { Array("\(scratch.path)/\($0)".utf8) })
            let key = try OutsideKey(
                vault.keys, device: vault.keys.device.bytes, epoch: vault.keys.currentEpoch)
            input.outside = (selection, key)
        }
        let manifest = try BackupRun(store: store, keys: keys, root: FakePages.root)
            .make(input, running: vault.keys.roster, time: time + number) { lend in
                try lend(FakePages(count: 3), BackupRun<VaultBackupKeys>.Content())
            }.manifest
        let body = try manifest.body(keys: keys, object: "m")
        let packs = PackSet(manifest.clear.packs, from: store, keys: keys)
        #expect(try BackupCheck(store: store, keys: keys).failures(manifest, body, packs, .data).isEmpty)
        return body.statistics
    }

    @Test func theListOfTheSameRootsIsFoundBehindOthers() throws {
        #expect(try make(1, "a").outside.added == 5)
        #expect(try make(2).outside.items == 0)
        #expect(try make(3, "b").outside.added == 5)
        let again = try make(4, "a")
        #expect(again.outside.items == 5 && again.outside.added == 0 && again.outside.bytesAdded == 0)
    }

    @Test func withoutOneTheNewestThatHasSomethingInCommonServes() throws {
        _ = try make(1, "a", "b")
        _ = try make(2, "c")
        let some = try make(3, "b", "c")
        #expect(some.outside.items == 10 && some.outside.added == 5)
        #expect(try make(4, "a").outside.added == 0)
    }

    @Test func aListWhosePacksAreGoneDoesNotServe() throws {
        _ = try make(1, "a")
        let before = run("/usr/bin/find", store.directory + "/p", "-type", "f").output
        _ = try make(2, "b")
        let lost = before.split(separator: "\n").map(String.init)
        #expect(!lost.isEmpty)
        for path in lost { unlink(path) }
        #expect(try make(3, "a").outside.added == 5)
    }
}
