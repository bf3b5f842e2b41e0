import Backup
import Cryptography
import KeyRing
import Testing

@Suite struct BackupRunTests {
    let scratch: Scratch
    let store: BackupStore
    let vault: KeyRing.NewVault
    let source = FakePages(count: 70)

    init() throws {
        scratch = try Scratch()
        store = BackupStore(scratch.path + "/backups")
        vault = try KeyRing.create(
            in: scratch.path + "/keys", name: "test",
            secret: .keyFile(SecretBytes(copying: Array(repeating: 5, count: 32))), time: 1)
    }

    private var keys: VaultBackupKeys { VaultBackupKeys(vault.keys) }

    private func make(_ time: UInt64, isFull: Bool = false) throws -> Manifest {
        var random = Seeded(time)
        var input = BackupRun<VaultBackupKeys>.Input()
        input.tags = ["t"]
        input.isFull = isFull
        var content = BackupRun<VaultBackupKeys>.Content()
        for (i, size) in [0, 1000, 9_000_000].enumerated() {
            let location = "\(scratch.path)/blob\(i)"
            put(Array(repeating: UInt8(random.next(below: 256)), count: size), location)
            content.files.append(.init(path: "documents/\(i)", location: location))
        }
        return try BackupRun(store: store, keys: keys, root: FakePages.root)
            .make(input, running: vault.keys.roster, time: time) { try $0(source, content) }.manifest
    }

    private func failures(_ manifest: Manifest, _ depth: BackupCheck<VaultBackupKeys>.Depth = .data) throws
        -> [BackupError]
    {
        let packs = PackSet(manifest.clear.packs, from: store, keys: keys)
        let body = try manifest.body(keys: keys, object: "m")
        return try BackupCheck(store: store, keys: keys).failures(manifest, body, packs, depth)
    }

    @Test func backupsFollowEachOtherAndVerify() throws {
        let first = try make(1_700_000_000_000)
        let second = try make(1_700_000_000_001)
        #expect(second.head.previous == first.head.hash)
        let index = try BackupIndex(store, at: .local(device: keys.deviceID), running: vault.keys.roster)
        #expect(index.entries.count == 2 && index.failures.isEmpty)
        for manifest in [first, second] { #expect(try failures(manifest).isEmpty) }
        let body = try second.body(keys: keys, object: "m")
        let packs = PackSet(second.clear.packs, from: store, keys: keys)
        var files: [DocumentFile] = []
        try DocumentList(body.documents) { try $0.plain("documents", packs.read) }
            .each { files.append($0) }
        #expect(files.map(\.length) == [0, 1000, 9_000_000] && files[2].extents.count == 3)
    }

    /// What goes when those before it go, and what was under their epoch.
    @Test func aFullBackupLeansOnNoneBefore() throws {
        let first = try make(1_700_000_000_000)
        let packs = { (manifest: Manifest) in Set(manifest.clear.packs.map(\.id)) }
        let next = try make(1_700_000_000_001)
        #expect(!packs(next).isDisjoint(with: packs(first)))
        let full = try make(1_700_000_000_002, isFull: true)
        #expect(packs(full).isDisjoint(with: packs(first).union(packs(next))))
        #expect(full.head.previous == next.head.hash)
        #expect(try failures(full).isEmpty)
        // Others go on from it.
        let last = try make(1_700_000_000_003)
        #expect(!packs(last).isDisjoint(with: packs(full)) && packs(last).isDisjoint(with: packs(first)))
    }

    @Test func damagedAndMissingPacksAreNamed() throws {
        let manifest = try make(1)
        let path = store.packPath(manifest.clear.packs[0])
        var bytes = try #require(contents(path))
        bytes[bytes.count / 2] ^= 1
        put(bytes, path)
        #expect(try failures(manifest, .presence).isEmpty)
        #expect(try failures(manifest).map(\.message) == ["it was changed"])
        put(Array(bytes.dropLast()), path)
        #expect(try failures(manifest, .presence).count == 1)
        _ = run("/bin/rm", path)
        #expect(try failures(manifest, .presence).map(\.message) == ["it is missing"])
    }

    @Test func aFailedRunLeavesNothing() throws {
        _ = try make(1)
        let before = run("/usr/bin/find", store.directory, "-type", "f").output
        var content = BackupRun<VaultBackupKeys>.Content()
        content.files = [.init(path: "documents/x", location: scratch.path + "/not-there")]
        #expect(throws: (any Error).self) {
            try BackupRun(store: store, keys: keys, root: FakePages.root)
                .make(.init(), running: vault.keys.roster, time: 2) { try $0(source, content) }
        }
        #expect(run("/usr/bin/find", store.directory, "-type", "f").output == before)
    }

    @Test func aDamagedOwnHeadStopsTheNextBackup() throws {
        let first = try make(1)
        put([1, 2, 3], "\(store.directory)/\(BackupStore.Name(first.head))")
        let error = #expect(throws: BackupError.self) { try make(2) }
        #expect(error?.code == .rollback)
    }
}
