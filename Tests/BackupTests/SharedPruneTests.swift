import Backup
import Cryptography
import KeyRing
import TestSupport
import Testing

/// Pruning a store that others write to at the same time.
@Suite struct SharedPruneTests {
    private let scratch: Scratch
    private let vault: KeyRing.NewVault
    private let bucket = Bucket()
    private var keys: VaultBackupKeys { VaultBackupKeys(vault.keys) }
    private static let hour: UInt64 = 3_600_000

    init() throws {
        scratch = try Scratch()
        vault = try KeyRing.create(
            in: scratch.path + "/keys", name: "test",
            secret: .keyFile(SecretBytes(copying: Array(repeating: 5, count: 32))), time: 1)
    }

    private func key() -> SecretBytes {
        SecretBytes(copying: Array(repeating: 6, count: 32))
    }

    private func pack(_ id: UInt8) -> PackRecord {
        PackRecord(
            id: Array(repeating: id, count: 16), length: 100, sha256: Array(repeating: 0, count: 32),
            md5: Array(repeating: 0, count: 16), header: Array(repeating: 0, count: 56), epoch: 1, wraps: [])
    }

    @discardableResult
    private func backup(
        _ packs: [UInt8], after previous: ManifestHead? = nil, storing: Bool = true
    ) throws -> ManifestHead {
        var random = Seeded(1)
        let manifest = try Manifest(
            id: try RandomBytes.bytes(16), body: sampleBody(&random), packs: packs.map(pack),
            previous: previous, created: 1, keys: keys)
        if storing { for id in packs { bucket.store(pack: pack(id).name) } }
        bucket.manifests[BackupStore.Name(manifest.head)] = manifest.bytes
        return manifest.head
    }

    private func index() throws -> BackupIndex {
        try BackupIndex(bucket, at: bucket.location, running: vault.keys.roster)
    }

    private func prune() throws -> SharedPrune<Bucket, VaultBackupKeys>.Report {
        var memory = try MarkMemory(scratch.path + "/marks", at: bucket.location, key: key())
        let prune = SharedPrune(bucket, keys: keys, roster: vault.keys.roster)
        let (report, marked) = try prune.run(index(), &memory, now: bucket.ours)
        try memory.keep(marked, key: key())
        return report
    }

    /// Removes backups as `backup cloud prune` does: record first.
    private func remove(_ heads: [ManifestHead], after previous: ManifestHead) throws -> ManifestHead {
        let record = try #require(
            try PruneSigning(keys, index()).record(
                removing: heads, policy: "", previous: previous, time: 9))
        bucket.manifests[BackupStore.Name(record.head)] = record.bytes
        return record.head
    }

    @Test func aPackGoesWhenBothClocksSaySo() throws {
        let first = try backup([1, 2])
        let second = try backup([2, 3], after: first)
        _ = try remove([first], after: second)
        var report = try prune()
        #expect(report.manifests == 1 && report.marked == 1 && report.packs == 0)
        #expect(bucket.packs.count == 3 && bucket.marked.keys.sorted() == [pack(1).name])
        // Only the store's clock went on, then only ours.
        bucket.now += 100 * Self.hour
        report = try prune()
        #expect(report.packs == 0 && report.waiting == 1)
        bucket.now -= 90 * Self.hour
        bucket.ours += 100 * Self.hour
        #expect(try prune().packs == 0)
        bucket.now += 90 * Self.hour
        report = try prune()
        #expect(report.packs == 1 && bucket.packs.keys.sorted() == [pack(2).name, pack(3).name])
        #expect(bucket.marked.isEmpty)
        #expect(try index().failures.isEmpty && prune() == .init())
    }

    @Test func aPackThatIsNamedAgainStays() throws {
        let first = try backup([1])
        bucket.store(pack: pack(2).name)
        #expect(try prune().marked == 1)
        bucket.pass(24 * Self.hour)
        try backup([1, 2], after: first)
        #expect(try prune().packs == 0 && bucket.packs.count == 2 && bucket.marked.isEmpty)
    }

    /// The manifest appears between the pruner's first look and its last.
    @Test func aManifestOfTheLastMomentKeepsItsPacks() throws {
        let first = try backup([1])
        bucket.store(pack: pack(2).name)
        _ = try prune()
        bucket.pass(24 * Self.hour)
        let before = try index()
        try backup([1, 2], after: first)
        var memory = try MarkMemory(scratch.path + "/marks", at: bucket.location, key: key())
        let report = try SharedPrune(bucket, keys: keys, roster: vault.keys.roster)
            .run(before, &memory, now: bucket.ours).report
        #expect(report.packs == 0 && bucket.packs.count == 2 && bucket.marked.isEmpty)
    }

    /// An upload that takes days has packs and no manifest.
    @Test func aRunningUploadKeepsWhatIsOlderThanItsEnd() throws {
        try backup([1])
        bucket.running["writer"] = (began: bucket.now, spoke: bucket.now)
        bucket.store(pack: pack(2).name)
        bucket.pass(Self.hour)
        _ = try prune()
        bucket.pass(72 * Self.hour)
        bucket.running["writer"]?.spoke = bucket.now
        #expect(try prune().postponed == 1 && bucket.packs.count == 2)
        // It fell silent, and is taken for dead after a week.
        bucket.pass(8 * 24 * Self.hour)
        #expect(try prune().packs == 1 && bucket.running.isEmpty)
        // One that began after the mark can't have what was there before it.
        bucket.store(pack: pack(3).name)
        _ = try prune()
        bucket.pass(Self.hour)
        bucket.running["writer"] = (began: bucket.now, spoke: bucket.now)
        bucket.pass(24 * Self.hour)
        #expect(try prune().packs == 1)
    }

    /// Marks that nobody of the vault made, for another pack or elsewhere, do not age a pack.
    @Test(arguments: ["garbage", "stranger", "other pack", "other place"])
    func foreignMarksCountForNothing(_ attack: String) throws {
        try backup([1])
        let name = pack(2).name
        bucket.store(pack: name)
        let honest = { (id: UInt8, place: BackupLocation) throws in
            try PackMark(
                on: Array(repeating: id, count: 16), at: place, created: 0, keys: self.keys).bytes
        }
        switch attack {
        case "garbage": bucket.addMark(name, [1, 2, 3])
        case "stranger":
            var bytes = try honest(2, bucket.location)
            bytes[bytes.count - 1] ^= 1
            bucket.addMark(name, bytes)
        case "other pack": try bucket.addMark(name, honest(9, bucket.location))
        default: try bucket.addMark(name, honest(2, .local(device: keys.deviceID)))
        }
        bucket.pass(48 * Self.hour)
        #expect(try prune().marked == 1)
        bucket.pass(10 * Self.hour)
        #expect(try prune().packs == 0)
        bucket.pass(24 * Self.hour)
        #expect(try prune().packs == 1)
    }

    /// A mark that this home has just met counts from now, however old the store says it is.
    @Test func anOldMarkIsNewToWhoHasNotSeenIt() throws {
        try backup([1])
        bucket.store(pack: pack(2).name)
        _ = try prune()
        bucket.pass(24 * Self.hour)
        _ = run("/bin/rm", scratch.path + "/marks")
        #expect(try prune().packs == 0)
        bucket.pass(24 * Self.hour)
        #expect(try prune().packs == 1)
    }

    @Test func aLockedStoreIsLaterAndNotAnError() throws {
        let first = try backup([1])
        let second = try backup([2], after: first)
        bucket.isLocked = true
        _ = try remove([first], after: second)
        #expect(try prune().locked == 1 && bucket.manifests.count == 3)
        bucket.isLocked = false
        #expect(try prune().manifests == 1)
        bucket.pass(24 * Self.hour)
        bucket.isLocked = true
        #expect(try prune().locked == 1)
        bucket.isLocked = false
        #expect(try prune().packs == 1 && bucket.packs.count == 1)
    }

    @Test func whatHasNoPacksNameStays() throws {
        try backup([1])
        bucket.store(pack: "readme")
        _ = try prune()
        bucket.pass(48 * Self.hour)
        #expect(try prune().packs == 0 && bucket.packs.count == 2 && bucket.marked.isEmpty)
    }

    /// A writer that begins, sleeps, wakes up and ends at any moment beside prunes whose clocks differ: a
    /// manifest always has its packs.
    @Test func noManifestEverLosesAPack() throws {
        let seed = printedSeed()
        for round in 0..<20 {
            var world = try World(SplitMix64(seed: seed &+ UInt64(round)), self)
            for _ in 0..<60 { try world.step() }
            #expect(world.isWhole, "seed \(seed), round \(round)")
        }
    }

    /// One writer at a time in the bucket's chain, in steps that anything may come between.
    private struct World {
        private var random: SplitMix64
        private let test: SharedPruneTests
        private var heads: [ManifestHead] = []
        private var next: UInt8 = 10
        /// The packs of a backup that is being shipped, and how far it is: 0 not stored, 1 stored,
        /// 2 looked at, and then named.
        private var upload: (packs: [UInt8], stored: Int, isNamed: Bool)?
        private var wanted: [[UInt8]] = []
        private var bucket: Bucket { test.bucket }

        init(_ random: SplitMix64, _ test: SharedPruneTests) throws {
            self.random = random
            self.test = test
            bucket.clear()
            heads = [try test.backup([1])]
            wanted = [[1]]
        }

        /// Every manifest's packs are there, but for an upload whose last look is still to come.
        var isWhole: Bool {
            wanted.allSatisfy { packs in
                packs.allSatisfy { bucket.packs[test.pack($0).name] != nil }
                    || (upload?.isNamed == true && packs == upload?.packs)
            }
        }

        mutating func step() throws {
            switch random.next() % 8 {
            case 0, 1: bucket.pass(random.next() % (40 * SharedPruneTests.hour))
            case 2: bucket.ours += random.next() % (3 * SharedPruneTests.hour)
            case 3, 4: _ = try test.prune()
            case 5: try forget()
            default: try write()
            }
        }

        /// The oldest backup is pruned.
        private mutating func forget() throws {
            guard wanted.count > 2, let last = heads.last else { return }
            let old = heads.filter { $0.kind == .backup && bucket.manifests[BackupStore.Name($0)] != nil }
            guard let oldest = old.first else { return }
            heads.append(try test.remove([oldest], after: last))
            wanted.removeFirst()
        }

        private mutating func write() throws {
            guard var running = upload else {
                next += 1
                // It builds on what the last backup has, marked or not.
                upload = ((wanted.last ?? []).suffix(2) + [next], 0, false)
                bucket.running["w"] = (bucket.now, bucket.now)
                return
            }
            bucket.running["w"]?.spoke = bucket.now
            switch (running.stored, running.isNamed) {
            case (_, true):
                // Once more after the manifest: what is gone or marked is stored again.
                repair(running.packs)
                bucket.running["w"] = nil
                upload = nil
                return
            case (0, _):
                bucket.store(pack: test.pack(next).name)
                running.stored = 1
            case (1, _):
                repair(running.packs)
                running.stored = 2
            default:
                guard let last = heads.last else { return }
                heads.append(try test.backup(running.packs, after: last, storing: false))
                wanted.append(running.packs)
                running.isNamed = true
            }
            upload = running
        }

        private func repair(_ packs: [UInt8]) {
            for id in packs {
                let name = test.pack(id).name
                if bucket.packs[name] == nil || bucket.marked[name] != nil { bucket.store(pack: name) }
            }
        }
    }
}

/// A bucket in memory with a clock of its own.
private final class Bucket: PruneTarget {
    let location = BackupLocation.remote(Array(repeating: 7, count: 16))
    var manifests: [BackupStore.Name: [UInt8]] = [:]
    var packs: [String: UInt64] = [:]
    var marked: [String: (bytes: [UInt8], stored: UInt64)] = [:]
    var running: [String: (began: UInt64, spoke: UInt64)] = [:]
    var isLocked = false
    /// Its clock, and that of whoever prunes.
    var now: UInt64 = 1_000_000_000_000
    var ours: UInt64 = 1_790_000_000_000

    func pass(_ span: UInt64) {
        now += span
        ours += span
    }

    func clear() {
        (manifests, packs, marked, running) = ([:], [:], [:], [:])
    }

    func store(pack: String) { packs[pack] = 100 }

    func manifestListing() -> ManifestListing { ManifestListing(names: manifests.keys.sorted()) }

    func manifestBytes(_ name: BackupStore.Name) throws -> [UInt8] {
        guard let bytes = manifests[name] else { throw BackupError(.notFound, "gone", object: "\(name)") }
        return bytes
    }

    func removeManifest(_ name: BackupStore.Name) -> Bool {
        if isLocked { return false }
        manifests[name] = nil
        return true
    }

    func eachPack(_ body: (String, UInt64) throws -> Void) throws {
        for (name, bytes) in packs.sorted(by: { $0.key < $1.key }) { try body(name, bytes) }
    }

    func removePack(_ name: String) -> Bool {
        if isLocked { return false }
        packs[name] = nil
        return true
    }

    func marks() -> [StoredMark] {
        marked.map { StoredMark(pack: $0.key, bytes: $0.value.bytes, age: now - min(now, $0.value.stored)) }
    }

    func addMark(_ pack: String, _ bytes: [UInt8]) { marked[pack] = (bytes, now) }
    func removeMark(_ pack: String) { marked[pack] = nil }

    func uploads() -> [StoredUpload] {
        running.map {
            StoredUpload(
                writer: $0.key, age: now - min(now, $0.value.began), silence: now - min(now, $0.value.spoke))
        }
    }

    func removeUpload(_ writer: String) { running[writer] = nil }
}
