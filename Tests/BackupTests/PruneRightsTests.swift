import Backup
import Cryptography
import KeyRing
import TestSupport
import Testing

/// Who may remove whose backups.
@Suite struct PruneRightsTests {
    private let scratch: Scratch
    private let store: BackupStore
    private let roster: HandMadeRoster
    private let writer: HandMadeIdentity
    private let admin: HandMadeIdentity
    private let remote = BackupLocation.remote(Array(repeating: 7, count: 16))

    init() throws {
        scratch = try Scratch()
        store = BackupStore(scratch.directory("backups"))
        try store.prepare()
        roster = try HandMadeRoster(code: [UInt8](repeating: 9, count: 32))
        writer = try HandMadeIdentity()
        admin = try HandMadeIdentity()
        roster.accept(try roster.add(writer, .writer, by: roster.owner))
        roster.accept(try roster.add(admin, .admin, by: roster.owner))
    }

    private func backup(by member: HandMadeIdentity, after previous: ManifestHead? = nil) throws
        -> ManifestHead
    {
        var random = Seeded(1)
        let manifest = try Manifest(
            id: try RandomBytes.bytes(16), body: sampleBody(&random), packs: [], previous: previous,
            created: 1, keys: HandMadeKeys(member, roster))
        try store.add(manifest)
        return manifest.head
    }

    private func prune(
        _ heads: [ManifestHead], lost: [LostLinks] = [], by member: HandMadeIdentity,
        after previous: ManifestHead? = nil, at location: BackupLocation? = nil
    ) throws -> ManifestHead {
        let record = try PruneRecord(
            id: Array(repeating: 5, count: 16), removed: heads, lost: lost, at: location ?? remote,
            policy: "", previous: previous, created: 2, keys: HandMadeKeys(member, roster))
        try store.add(record)
        return record.head
    }

    private func remove(_ head: ManifestHead) {
        _ = run("/bin/rm", "\(store.directory)/\(BackupStore.Name(head))")
    }

    private func index(_ location: BackupLocation? = nil) throws -> BackupIndex {
        try BackupIndex(store, at: location ?? remote, running: Roster(verifying: roster.chain))
    }

    @Test func anAdministratorRemovesWhatOthersMade() throws {
        let first = try backup(by: writer)
        let second = try backup(by: writer, after: first)
        _ = try prune([first], by: admin)
        remove(first)
        #expect(try index().failures.isEmpty && index().entries.map(\.head) == [second])
    }

    @Test func aWriterRemovesItsOwnAndNobodyElses() throws {
        let own = try backup(by: writer)
        let others = try backup(by: admin)
        let record = try prune([own], by: writer, after: own)
        remove(own)
        #expect(try index().failures.isEmpty)
        // Having removed it all the same, it is caught: its record is void, and the backup is missing.
        _ = try backup(by: admin, after: others)
        _ = try prune([others], by: writer, after: record)
        #expect(try index().notices.map(\.code) == [.integrity] && index().entries.count == 2)
        remove(others)
        #expect(try index().breaks.map(\.code) == [.rollback])
    }

    /// In its own store a writer may remove what it fetched.
    @Test func inItsOwnStoreADeviceRemovesWhatItLikes() throws {
        let others = try backup(by: admin)
        let own = BackupLocation.local(device: writer.id)
        _ = try prune([others], by: writer, at: own)
        remove(others)
        #expect(try index(own).failures.isEmpty)
        #expect(try index(.local(device: admin.id)).entries.isEmpty)
    }

    @Test func aRecordOfAnothersBackupsNeedsTheirSignatures() throws {
        let first = try backup(by: writer)
        var forged = first
        forged.created += 1
        _ = try prune([forged], by: admin)
        let found = try index()
        #expect(found.entries.map(\.head) == [first])
        #expect(found.notices.contains { $0.reason.contains("nobody signed") } && found.breaks.isEmpty)
    }

    @Test func onlyWhoMayRemoveMayGiveUpLinks() throws {
        let first = try backup(by: admin)
        let second = try backup(by: admin, after: first)
        remove(first)
        let gaps = try index().gaps
        let record = try prune([], lost: gaps, by: writer)
        #expect(try index().breaks.count == 1 && index().notices.count == 1)
        _ = try prune([], lost: gaps, by: admin, after: second)
        #expect(try index().breaks.isEmpty)
        withExtendedLifetime(record) {}
    }

    /// What an administrator removed stays removed when it is one no longer; what it signs later is void.
    @Test func rightsAreThoseOfTheTime() throws {
        let first = try backup(by: writer)
        let record = try prune([first], by: admin)
        remove(first)
        let pin = HandMadeRoster.pin(record.sequence, record.hash)
        roster.accept(try roster.role(.writer, of: admin, by: roster.owner, pins: [pin]))
        #expect(try index().failures.isEmpty)
        let second = try backup(by: writer, after: first)
        remove(second)
        _ = try backup(by: writer, after: second)
        _ = try prune([second], by: admin, after: record)
        #expect(try !index().failures.isEmpty)
    }
}

/// A hand-made member's keys.
private struct HandMadeKeys: BackupKeys {
    let vaultID: [UInt8]
    let deviceID: [UInt8]
    let incarnation: UInt32 = 0
    let currentEpoch: UInt32 = 1
    let rosterRecords: [[UInt8]]
    let recipients: [(id: [UInt8], key: [UInt8])] = []
    private let member: HandMadeIdentity

    init(_ member: HandMadeIdentity, _ roster: HandMadeRoster) {
        self.member = member
        vaultID = roster.vaultID
        deviceID = member.id
        rosterRecords = roster.chain
    }

    func backupPublicKey(epoch: UInt32) throws -> [UInt8] { member.agreement.publicKey }

    func openBackupBox(
        _ box: [UInt8], ephemeral: [UInt8], info: [UInt8], epoch: UInt32
    ) throws -> SecretBytes {
        try SealedBox.open(
            box, with: member.agreement, ephemeralPublicKey: ephemeral, salt: vaultID, info: info)
    }

    func sign(_ bytes: [UInt8], domain: String) throws -> [UInt8] {
        try member.signing.sign(bytes, domain: domain)
    }
}
