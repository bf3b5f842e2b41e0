import Backup
import Cryptography
import KeyRing
import Testing

@Suite struct BackupIndexTests {
    let scratch: Scratch
    let store: BackupStore
    let vault: KeyRing.NewVault

    init() throws {
        scratch = try Scratch()
        store = BackupStore(scratch.directory("backups"))
        try store.prepare()
        vault = try Self.vault(scratch.path + "/keys")
    }

    private static func vault(_ keys: String) throws -> KeyRing.NewVault {
        try KeyRing.create(
            in: keys, name: "test", secret: .keyFile(SecretBytes(copying: Array(repeating: 5, count: 32))),
            time: 1)
    }

    /// Adds a backup with one pack to the store.
    @discardableResult
    private func add(
        after previous: ManifestHead?, id: UInt8, keys: UnlockedKeys? = nil, to store: BackupStore? = nil
    ) throws -> ManifestHead {
        let manifest = try make(after: previous, id: id, keys: keys, in: store)
        try (store ?? self.store).add(manifest)
        return manifest.head
    }

    private func make(
        after previous: ManifestHead?, id: UInt8, keys: UnlockedKeys? = nil, in store: BackupStore? = nil
    ) throws -> Manifest {
        let keys = VaultBackupKeys(keys ?? vault.keys)
        var random = Seeded(UInt64(id))
        let series = PackSeries(store: store ?? self.store, keys: keys)
        _ = try series.add("unit", random.bytes(100))
        try series.finish()
        return try Manifest(
            id: Array(repeating: id, count: 16), body: sampleBody(&random), packs: series.packs,
            previous: previous, created: UInt64(id), keys: keys)
    }

    private var place: BackupLocation { .local(device: vault.keys.device.bytes) }

    private func path(_ head: ManifestHead) -> String { "\(store.directory)/\(BackupStore.Name(head))" }

    @Test func aChainIsBelievedAndFoundById() throws {
        let first = try add(after: nil, id: 1)
        try add(after: first, id: 2)
        let index = try BackupIndex(store, at: place, running: vault.keys.roster)
        #expect(index.entries.count == 2 && index.failures.isEmpty)
        let id = index.entries[1].id
        #expect(try index.entry(id).head.sequence == 2)
        #expect(try index.entry(String(id.suffix(5))).id == id)
        #expect(throws: BackupError.self) { try index.entry("backup-zzzz") }
        // A bare machine takes the roster from the manifests.
        #expect(try BackupIndex(store, at: place, running: nil).entries.count == 2)
    }

    @Test func oneBadManifestDoesNotBlockTheOthers() throws {
        let first = try add(after: nil, id: 1)
        let second = try add(after: first, id: 2)
        try add(after: second, id: 3)
        var bytes = try #require(contents(path(second)))
        bytes[bytes.count / 2] ^= 1
        put(bytes, path(second))
        let index = try BackupIndex(store, at: place, running: vault.keys.roster)
        #expect(index.entries.map(\.head.sequence) == [1, 3])
        #expect(index.failures.contains { $0.object.hasSuffix("0002") && $0.code == .integrity })
        #expect(index.failures.contains { $0.object.hasSuffix("0003") && $0.code == .rollback })
    }

    @Test func aSecondManifestUnderOneNameIsRefused() throws {
        try add(after: nil, id: 1)
        let error = #expect(throws: BackupError.self) { try add(after: nil, id: 2) }
        #expect(error?.code == .conflict)
    }

    @Test func aBrokenChainIsNotBelieved() throws {
        let first = try add(after: nil, id: 1)
        var other = first
        other.created += 1
        try add(after: other, id: 2)
        let index = try BackupIndex(store, at: place, running: vault.keys.roster)
        #expect(index.entries.count == 1 && index.failures.count == 1)
    }

    @Test func aManifestUnderAnothersNameIsNamed() throws {
        let first = try add(after: nil, id: 1)
        let second = try add(after: first, id: 2)
        put(try #require(contents(path(first))), path(second))
        let index = try BackupIndex(store, at: place, running: vault.keys.roster)
        #expect(index.entries.map(\.head.sequence) == [1])
        #expect(index.failures.first?.reason == "a manifest under another's name")
    }

    @Test func strangersAreNotBelieved() throws {
        try add(after: nil, id: 1)
        let stranger = try Self.vault(scratch.path + "/other")
        try add(after: nil, id: 9, keys: stranger.keys)
        let index = try BackupIndex(store, at: place, running: vault.keys.roster)
        #expect(index.entries.count == 1)
        #expect(index.failures.first?.reason == "a backup of another vault")
    }

    @Test func newKeysCountFromTheRecordThatBringsThem() throws {
        let first = try add(after: nil, id: 1)
        let renewed = try KeyRing.newRecoveryCode(in: scratch.path + "/keys", keys: vault.keys, time: 2).keys
        try add(after: first, id: 2, keys: renewed)
        let index = try BackupIndex(store, at: place, running: renewed.roster)
        #expect(index.entries.count == 2 && index.failures.isEmpty)
    }

    /// Files that are no manifests, directories where files should be, and a pipe that would never answer.
    @Test func objectsThatNobodyPutsThereAreNamedAndBlockNothing() throws {
        let first = try add(after: nil, id: 1)
        let second = try add(after: first, id: 2)
        let folder = String(path(first).dropLast(17))
        put([1], store.directory + "/m/notes.txt")
        put([1], store.directory + "/m/UPPERCASELETTERS")
        put([1], folder + "/1")
        put([1], folder + "/00000000000000x3")
        put(Array("ATBM".utf8), folder + "/0000000000000003")
        _ = run("/bin/mkdir", "-p", folder + "/0000000000000004/x")
        _ = run("/usr/bin/mkfifo", folder + "/0000000000000005")
        put([], folder + "/0000000000000006")
        let index = try BackupIndex(store, at: place, running: vault.keys.roster)
        #expect(index.entries.map(\.head) == [first, second])
        #expect(index.failures.count == 8 && index.failures.allSatisfy { $0.code == .integrity })
        #expect(Set(index.failures.map(\.object)).count == 8)
    }

    @Test func aFloodOfStrangersIsCounted() throws {
        let listing = ManifestListing(paths: (0..<1000).map { "m/\($0)" })
        #expect(listing.strangers.count == 100 && listing.furtherStrangers == 900)
        #expect(listing.names.isEmpty)
    }

    @Test func aStoreThatWasPutBackIsNoticed() throws {
        let key = try SecretBytes.random(count: 32)
        let memoryPath = scratch.path + "/heads"
        let first = try add(after: nil, id: 1)
        let second = try add(after: first, id: 2)
        var memory = try RollbackMemory(memoryPath, key: key)
        try memory.remember(BackupIndex(store, at: place, running: nil), key: key)
        _ = run("/bin/rm", path(second))
        let index = try BackupIndex(store, at: place, running: vault.keys.roster)
        #expect(index.failures.isEmpty)
        var again = try RollbackMemory(memoryPath, key: key)
        let found = again.check(index, vaultID: vault.keys.vaultID.bytes)
        #expect(found.map(\.code) == [.rollback])
        // Another manifest under the same name is as bad.
        try add(after: first, id: 7)
        let fork = try BackupIndex(store, at: place, running: vault.keys.roster)
        #expect(again.check(fork, vaultID: vault.keys.vaultID.bytes).map(\.code) == [.rollback])
        // Elsewhere nothing was seen yet, and what is accepted there changes nothing here.
        let elsewhere = BackupLocation.remote(Array(repeating: 7, count: 16))
        let copy = try BackupIndex(store, at: elsewhere, running: vault.keys.roster)
        #expect(again.check(copy, vaultID: vault.keys.vaultID.bytes).isEmpty)
        try again.accept(copy, key: key)
        #expect(again.check(fork, vaultID: vault.keys.vaultID.bytes).map(\.code) == [.rollback])
        try again.accept(fork, key: key)
        #expect(again.check(fork, vaultID: vault.keys.vaultID.bytes).isEmpty)
        var bytes = try #require(contents(memoryPath))
        bytes[20] ^= 1
        put(bytes, memoryPath)
        #expect(throws: BackupError.self) { try RollbackMemory(memoryPath, key: key) }
    }

    @Test func whatAKilledWriterLeftIsSwept() throws {
        let first = try add(after: nil, id: 1)
        _ = try make(after: first, id: 2)  // its pack is there, its manifest is not
        put([1], store.directory + "/p/.tmp-abc")
        put([1], path(first) + ".tmp-xyz")
        #expect(try sweep() == 3)
        #expect(try BackupIndex(store, at: place, running: nil).entries.count == 1)
        // A manifest that can't be read may name any pack.
        _ = try make(after: first, id: 3)
        put([1, 2, 3], path(first))
        #expect(try sweep() == 0)
    }

    private func sweep() throws -> Int {
        try store.sweep(BackupIndex(store, at: place, running: nil)).files
    }
}
