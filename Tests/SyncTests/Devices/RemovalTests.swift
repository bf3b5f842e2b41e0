import Cryptography
import FileSystem
import KeyRing
import ObjectStorage
import Sync
import TestSupport
import Testing
import Vault

/// A member is removed: what it has sent stays, what it sends later counts for nobody, and what is written
/// later it can't read.
struct RemovalTests {
    private let scene: SyncScene

    init() throws { scene = try SyncScene() }

    /// An owner, a writer that has sent something, and another owner that watches.
    private func team() throws -> (owner: SyncDevice, writer: SyncDevice, other: SyncDevice) {
        let owner = try scene.firstDevice().0
        let writer = try scene.join("writer", as: .writer, by: owner)
        let other = try scene.join("other", by: owner)
        try writer.makeTasks(["sent"])
        try writer.sync()
        try owner.sync()
        return (owner, writer, other)
    }

    /// A19: whoever was removed goes on writing, under the roster that it knew. Its twin is the device that
    /// was not removed.
    @Test(arguments: [true, false])
    func whatARemovedDeviceWritesCountsForNobody(isRemoved: Bool) throws {
        let (owner, writer, other) = try team()
        if isRemoved { try owner.remove(writer.keys.device) }
        try owner.sync()
        // It has not heard of it, and nothing keeps it from reaching the remote.
        try writer.makeTasks(["late"])
        try writer.sync(pulls: false, at: StandingStore(scene.remote, roster: writer.keys.roster))
        #expect(try scene.remote.head(scene.segment(of: writer, 2)) != nil)
        for device in [other, owner] {
            let report = try device.sync(looksAtAll: true)
            #expect(report.failure == nil && report.alarms.isEmpty, "\(report)")
            #expect(try device.titles() == (isRemoved ? ["sent"] : ["late", "sent"]))
        }
        #expect(try owner.root() == other.root())
        #expect(owner.keys.roster.chain == other.keys.roster.chain)
    }

    /// What somebody had taken in already, and the device that removed its author had not, goes back out.
    @Test func whatWasTakenInAbovePinsIsTakenBack() throws {
        let (owner, writer, other) = try team()
        try writer.makeTasks(["seen by one"])
        try writer.sync()
        try other.sync()
        #expect(try other.titles() == ["seen by one", "sent"])
        try owner.remove(writer.keys.device)
        try owner.sync(pulls: false)
        try other.sync()
        #expect(try other.titles() == ["sent"])
        try owner.sync(looksAtAll: true)
        #expect(try owner.root() == other.root())
        #expect(try owner.titles() == ["sent"])
    }

    /// A20: given the whole bucket and its own keys, the removed device reads nothing that was written since.
    @Test(arguments: [true, false])
    func aRemovedDeviceReadsNothingNew(isRemoved: Bool) throws {
        let (owner, writer, other) = try team()
        let before = try scene.readable(with: writer.keys)
        #expect(before > 0)
        if isRemoved { try owner.remove(writer.keys.device) }
        try owner.sync()
        try other.sync()
        let between = try scene.readable(with: writer.keys)
        try owner.makeTasks(["a secret"])
        try owner.sync()
        try other.makeTasks(["another"])
        try other.sync()
        let after = try scene.readable(with: writer.keys)
        #expect(isRemoved ? after <= between : after > between)
        #expect(
            owner.keys.currentEpoch == (isRemoved ? 2 : 1)
                && other.keys.currentEpoch == owner.keys.currentEpoch)
        if isRemoved {
            let error = #expect(throws: KeyError.self) { try writer.sync() }
            #expect(error?.code == .deviceRevoked)
        }
        // The others read it.
        try owner.sync()
        #expect(try owner.titles() == ["a secret", "another", "sent"])
    }

    /// A device that does not take in a stream can't say where it ends.
    @Test func whoDoesNotTakeInEverythingRemovesNobody() throws {
        let (owner, writer, _) = try team()
        try owner.vault.write {
            try HomeConfiguration.set("sync_config.knowledge_base.direction", to: "off", in: owner.home, $0)
        }
        let error = #expect(throws: SyncError.self) { try owner.remove(writer.keys.device) }
        #expect(error?.code == .guardNeeded)
        #expect(owner.keys.roster.member(writer.keys.device) != nil)
    }

    /// Members that may not, and a device itself.
    @Test func whoMayNotRemovesNobody() throws {
        let (owner, writer, other) = try team()
        for (device, victim) in [(writer, other), (owner, owner)] {
            let error = #expect(throws: KeyError.self) { try device.remove(victim.keys.device) }
            #expect(error?.code == .guardRefused)
        }
    }
}

extension SyncDevice {
    /// Removes a member as `device revoke` does, up to where its record is sent.
    func remove(_ device: DeviceID) throws {
        let sync = try VaultSync(vault: vault, home: home, keys: keys, now: { 1_800_000_000_000 })
        defer { keys = sync.keys }
        try sync.remove(device, manifests: [])
    }
}

extension SyncScene {
    func segment(of device: SyncDevice, _ number: UInt64) -> ObjectName {
        let author = Author(device: device.keys.device, incarnation: device.keys.incarnation)
        return SyncName.segment(Lane(author: author, stream: SyncStream.tasks), number)
            .objectName(vault: device.keys.vaultID)
    }

    /// How many objects of the remote these keys open, by whatever epoch they have.
    func readable(with keys: UnlockedKeys) throws -> Int {
        var count = 0
        try remote.forEach(prefix: SyncName.root) { page in
            for object in page.objects {
                let bytes = try remote.read(object.name, limit: 1 << 24)
                guard let object = try? SignedObject(bytes, name: object.name.text) else { continue }
                for epoch in keys.epochs {
                    let key = try keys.key(object.header.kind.purpose, epoch: epoch)
                    if (try? Cobblestone.open(key: key, context: object.context, object.body)) != nil {
                        count += 1
                    }
                }
            }
        }
        return count
    }
}

/// A remote that shows a device the roster as it was.
private struct StandingStore: ForwardingStore {
    let store: any ObjectStore
    private let hidden: Set<String>

    init(_ store: any ObjectStore, roster: Roster) {
        self.store = store
        hidden = Set(
            (1...16).map { number in
                SyncName.record(roster.headSequence + number).objectName(vault: roster.vaultID).text
            })
    }

    func get(
        _ name: ObjectName, range: Range<UInt64>?, unless: ETag?,
        _ sink: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> ObjectInfo? {
        guard !hidden.contains(name.text) else {
            throw StorageError(.notFound, "there is no \(name.text)")
        }
        return try store.get(name, range: range, unless: unless, sink)
    }
}
