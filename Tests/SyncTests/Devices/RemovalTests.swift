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

    /// What was sent too late is shown to a member, who may want it: what was taken back here, and what is in
    /// the remote alone. What somebody else puts there is not.
    @Test func whatWasSentTooLateIsShownAndTakenOver() throws {
        let (owner, writer, other) = try team()
        try writer.makeTasks(["seen by one"])
        try writer.sync()
        try other.sync()
        try writer.makeTasks(["seen by nobody"])
        try writer.sync()
        try owner.remove(writer.keys.device)
        try owner.sync(pulls: false)
        try other.sync()
        func titles(_ device: SyncDevice) throws -> [String] {
            try device.vault.read { try $0.voidChanges(of: writer.keys.device) }
                .flatMap { change in change.values.filter { $0.name == "title" }.map { "\($0.value)" } }
        }
        #expect(try titles(other) == ["\(FieldValue.text("seen by one"))"])
        #expect(try titles(owner).isEmpty)
        for device in [owner, other] {
            #expect(try device.fetchVoid(of: writer).isEmpty)
            #expect(try device.fetchVoid(of: writer).isEmpty)
            #expect(try titles(device).count == 2)
            #expect(try device.titles() == ["sent"])
        }
        let late = try #require(owner.vault.read { try $0.voidChanges(of: writer.keys.device) }.last)
        try owner.vault.write { try $0.take(late) }
        #expect(try owner.vault.read { try $0.voidChangeCount() } == 1)
        try owner.sync()
        try other.sync()
        #expect(try other.titles() == ["seen by nobody", "sent"])
        #expect(try owner.root() == other.root())
        // Rubbish under a later name is named, and hides nothing.
        let planted = scene.segment(of: writer, 4)
        let honest = try scene.remote.read(scene.segment(of: writer, 3), limit: 1 << 20)
        _ = try scene.remote.put(planted, .bytes(honest), .none)
        #expect(try other.fetchVoid(of: writer).map(\.code) == [.integrityFailure])
        #expect(try titles(other).count == 2)
    }

    /// What waited, sealed and not sent, when its author learnt of a removal is sealed anew; what may have
    /// left goes as it is, and is counted. The twin without a removal changes nothing.
    @Test(arguments: [true, false])
    func whatNeverLeftIsSealedAnew(isRemoved: Bool) throws {
        let (owner, writer, other) = try team()
        try other.sync()
        try other.makeTasks(["may have left"])
        let files = try TemporaryDirectory()
        try Durable.replace(files("note.txt"), with: Array("never left".utf8))
        _ = try other.vault.upload([Array("note.txt".utf8)], workingDirectory: Array(files.path.utf8))
        // Tasks go first, so what names the document is sealed and never tried.
        let closed = ClosedStore(store: other.remote)
        #expect(try other.sync(pulls: false, at: closed).failure != nil)
        if isRemoved { try owner.remove(writer.keys.device) }
        try owner.sync()
        #expect(try other.sync(at: closed).failure != nil)
        let waiting = try VaultSync.overview(of: other.vault, keys: other.keys)
        #expect(waiting.underOldEpochs == (isRemoved ? 1 : 0))
        #expect(try other.sync().failure == nil)
        let epochs = try [SyncStream.tasks, SyncStream.knowledgeBase].map { stream in
            let bytes = try scene.remote.read(scene.segment(of: other, 1, in: stream), limit: 1 << 20)
            return try SignedObject(bytes, name: "s").header.epoch
        }
        #expect(epochs == (isRemoved ? [1, 2] : [1, 1]))
        try owner.sync()
        #expect(try owner.titles() == ["may have left", "sent"])
        #expect(try owner.vault.read { try $0.documents().items }.count == 1)
        #expect(try owner.root() == other.root())
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
    /// Fetches what a removed device sent too late.
    func fetchVoid(of device: SyncDevice) throws -> [SyncError] {
        try VaultSync(vault: vault, home: home, keys: keys, now: { 1_800_000_000_000 })
            .fetchVoid(of: device.keys.device, from: remote)
    }

    /// Removes a member as `device revoke` does, up to where its record is sent.
    func remove(_ device: DeviceID) throws {
        let sync = try VaultSync(vault: vault, home: home, keys: keys, now: { 1_800_000_000_000 })
        defer { keys = sync.keys }
        try sync.remove(device, manifests: [])
    }
}

extension SyncScene {
    func segment(
        of device: SyncDevice, _ number: UInt64, in stream: UInt16 = SyncStream.tasks
    ) -> ObjectName {
        let author = Author(device: device.keys.device, incarnation: device.keys.incarnation)
        return SyncName.segment(Lane(author: author, stream: stream), number)
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

/// A remote that takes no segments.
private struct ClosedStore: ForwardingStore {
    let store: any ObjectStore

    func put(_ name: ObjectName, _ body: ObjectBody, _ condition: PutCondition) throws -> ETag {
        guard !name.text.hasPrefix(SyncName.root + "s/") else {
            throw StorageError(.unreachable, "the line was cut by the test")
        }
        return try store.put(name, body, condition)
    }
}

/// A remote that shows a device the roster as it was.
struct StandingStore: ForwardingStore {
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
