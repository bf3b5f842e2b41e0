import Backup
import Cryptography
import KeyRing
import Testing

/// What prune records excuse, and what they do not.
@Suite struct PruneRecordTests {
    private let scratch: Scratch
    private let store: BackupStore
    private let vault: KeyRing.NewVault
    private let remote = BackupLocation.remote(Array(repeating: 7, count: 16))
    private var keys: VaultBackupKeys { VaultBackupKeys(vault.keys) }
    private var place: BackupLocation { .local(device: keys.deviceID) }

    init() throws {
        scratch = try Scratch()
        store = BackupStore(scratch.directory("backups"))
        try store.prepare()
        vault = try KeyRing.create(
            in: scratch.path + "/keys", name: "test",
            secret: .keyFile(SecretBytes(copying: Array(repeating: 5, count: 32))), time: 1)
    }

    private func backup(after previous: ManifestHead?, id: UInt8) throws -> ManifestHead {
        var random = Seeded(UInt64(id))
        let series = PackSeries(store: store, keys: keys)
        _ = try series.add("unit", random.bytes(100))
        try series.finish()
        let manifest = try Manifest(
            id: Array(repeating: id, count: 16), body: sampleBody(&random), packs: series.packs,
            previous: previous, created: UInt64(id), keys: keys)
        try store.add(manifest)
        return manifest.head
    }

    private func backups(_ count: Int) throws -> [ManifestHead] {
        var heads: [ManifestHead] = []
        for id in 1...count { heads.append(try backup(after: heads.last, id: UInt8(id))) }
        return heads
    }

    private func record(
        _ removed: [ManifestHead], lost: [LostLinks] = [], at location: BackupLocation? = nil,
        after previous: ManifestHead
    ) throws -> PruneRecord {
        try PruneRecord(
            id: Array(repeating: 99, count: 16), removed: removed, lost: lost, at: location ?? place,
            policy: "keep-last 1", previous: previous, created: 100, keys: keys)
    }

    private func path(_ head: ManifestHead) -> String { "\(store.directory)/\(BackupStore.Name(head))" }
    private func remove(_ heads: [ManifestHead]) { for head in heads { _ = run("/bin/rm", path(head)) } }
    private func index(_ location: BackupLocation? = nil) throws -> BackupIndex {
        try BackupIndex(store, at: location ?? place, running: vault.keys.roster)
    }

    @Test func aRecordIsReadAsItWasWritten() throws {
        let heads = try backups(2)
        let lost = LostLinks(device: keys.deviceID, incarnation: 9, first: 1, last: 4)
        let made = try record([heads[1], heads[0]], lost: [lost], after: heads[1])
        let read = try PruneRecord(made.bytes, object: "m")
        #expect(read.clear == made.clear && read.head == made.head && read.bytes == made.bytes)
        #expect(read.clear.removed == heads && read.clear.lost == [lost])
        #expect(try read.policy(keys: keys, object: "m") == "keep-last 1")
        // No restore takes it for a backup, and no index for a backup's manifest.
        #expect(throws: BackupError.self) { try Manifest(made.bytes, object: "m") }
        for cut in [211, 212, 300, made.bytes.count - 1] {
            #expect(throws: BackupError.self) { try PruneRecord(Array(made.bytes[..<cut]), object: "m") }
        }
        for at in stride(from: 116, to: made.bytes.count, by: 37) where !(148..<212).contains(at) {
            var changed = made.bytes
            changed[at] ^= 1
            #expect(throws: BackupError.self, "byte \(at)") { try PruneRecord(changed, object: "m") }
        }
    }

    @Test func aLongPolicyIsCut() throws {
        let policy = String(repeating: "標籤", count: 600)
        let made = try PruneRecord(
            id: Array(repeating: 9, count: 16), removed: [], at: place, policy: policy, previous: nil,
            created: 1, keys: keys)
        let read = try made.policy(keys: keys, object: "m")
        #expect(policy.hasPrefix(read) && read.utf8.count > 990)
        #expect(made.bytes.count < 8000)
    }

    @Test func whatARecordNamesMayBeMissingAndNothingElse() throws {
        let heads = try backups(5)
        let made = try record(Array(heads[0...2]), after: heads[4])
        try store.add(made)
        remove(Array(heads[0...2]))
        var found = try index()
        #expect(found.failures.isEmpty && found.entries.map(\.head) == Array(heads[3...]))
        #expect(found.records.map(\.head) == [made.head] && found.heads.count == 6)
        let tag = BackupStore.writerTag(vaultID: keys.vaultID, deviceID: keys.deviceID)
        #expect(try found.newestHead(of: tag, incarnation: 0) == made.head)
        // The chain goes on behind the record.
        let next = try backup(after: made.head, id: 6)
        #expect(try index().failures.isEmpty)
        remove([heads[3]])
        found = try index()
        #expect(found.entries.map(\.head) == [heads[4], next])
        #expect(found.failures.map(\.code) == [.rollback] && found.gaps.map(\.first) == [4])
        // Without the record nothing is excused.
        remove([made.head])
        #expect(Set(try index().failures.map(\.code)) == [.rollback])
        #expect(try index().gaps.map(\.last) == [4, 6])
    }

    /// A record speaks of one place; at another one the same chain misses what it names.
    @Test func aRecordOfAnotherPlaceExcusesNothingHere() throws {
        let heads = try backups(3)
        try store.add(try record([heads[0]], after: heads[2]))
        remove([heads[0]])
        #expect(try index().failures.isEmpty)
        #expect(try index(remote).failures.map(\.code) == [.rollback])
        #expect(try index(.unknown).failures.isEmpty)
        #expect(try index(.local(device: Array(repeating: 1, count: 16))).failures.map(\.code) == [.rollback])
    }

    @Test func anInterruptedPruneIsSweptAndNotListed() throws {
        let heads = try backups(3)
        try store.add(try record([heads[0], heads[1]], after: heads[2]))
        let found = try index()
        #expect(found.entries.map(\.head) == [heads[2]] && found.leftovers.count == 2)
        #expect(found.failures.isEmpty && found.packs.count == 1)
        #expect(try store.sweep(found).files == 4)
        let after = try index()
        #expect(after.failures.isEmpty && after.leftovers.isEmpty && after.packs.count == 1)
        #expect(try store.sweep(after).files == 0)
    }

    @Test func whatWasPrunedDoesNotComeBackAsAnotherOne() throws {
        let heads = try backups(2)
        var other = heads[0]
        other.created += 1
        other.signature = try keys.sign(other.signedBytes, domain: "ai-team/manifest/v1")
        try store.add(try record([other], after: heads[1]))
        let found = try index()
        #expect(found.breaks.contains { $0.reason.contains("another manifest than") })
        #expect(!found.entries.contains { $0.head == heads[0] })
    }

    /// A record of what would come after it, and one of another vault's backups.
    @Test func recordsThatNobodyMayMakeAreVoidAndNamed() throws {
        let heads = try backups(2)
        var later = heads[1]
        later.sequence = 9
        let first = try record([later], after: heads[1])
        try store.add(first)
        #expect(try index().notices.map(\.code) == [.integrity] && index().entries.count == 2)
        var foreign = heads[0]
        foreign.vaultID[0] ^= 1
        try store.add(try record([foreign], after: first.head))
        #expect(try index().notices.count == 2 && index().breaks.isEmpty)
    }

    @Test func lostLinksAreGivenUpByARecord() throws {
        let heads = try backups(5)
        remove([heads[1], heads[2]])
        let gaps = try index().gaps
        #expect(gaps == [LostLinks(device: keys.deviceID, incarnation: 0, first: 2, last: 3)])
        try store.add(try record([], lost: gaps, after: heads[4]))
        #expect(try index().failures.isEmpty && index().entries.count == 3)
        #expect(try !index(remote).failures.isEmpty)
        // What is missing beside them still counts.
        remove([heads[3]])
        #expect(try index().failures.map(\.code) == [.rollback])
    }

    @Test func theMemoryTakesPrunedOnesForSeen() throws {
        let key = try SecretBytes.random(count: 32)
        let heads = try backups(3)
        var memory = try RollbackMemory(scratch.path + "/heads", key: key)
        try memory.remember(index(), key: key)
        let made = try record(Array(heads[0...1]), after: heads[2])
        try store.add(made)
        remove(Array(heads[0...1]))
        #expect(memory.check(try index(), vaultID: keys.vaultID).isEmpty)
        try memory.remember(index(), key: key)
        remove([made.head])
        #expect(memory.check(try index(), vaultID: keys.vaultID).map(\.code) == [.rollback])
    }
}
