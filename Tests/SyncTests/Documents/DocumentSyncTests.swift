import FileSystem
import KeyRing
import ObjectStorage
import Sync
import TestSupport
import Testing
import Vault

/// Documents and their contents between two homes.
struct DocumentSyncTests {
    let scene: DocumentScene

    init() throws { scene = try DocumentScene() }

    private var first: DocumentScene.Device { scene.first }
    private var second: DocumentScene.Device { scene.second }

    @Test func documentsTravelWithTheirContents() throws {
        try scene.write("架構.md", "# 架構\n\nAPI Gateway\n")
        try scene.write("data.bin", madeBytes(seed: 1, count: 100_000))
        let ids = try first.upload(scene.files, "架構.md", "data.bin")
        let sent = try first.sync()
        #expect(sent.failure == nil && sent.alarms.isEmpty && sent.sentBlobs == 2, "\(sent)")
        let got = try second.sync()
        #expect(got.failure == nil && got.alarms.isEmpty && got.fetchedBlobs == 2, "\(got)")
        for id in ids { #expect(try second.content(id) == first.content(id)) }
        #expect(try second.documents().allSatisfy(\.isHere))
        #expect(Set(try second.documents().map(\.title)) == Set(try first.documents().map(\.title)))
        try scene.settle()
        #expect(try second.root() == first.root())
        // Nothing that was written comes back as news, and nothing is sent twice.
        _ = scene.remote.takeRequests()
        try first.sync()
        try second.sync()
        #expect(scene.remote.takeRequests().allSatisfy { $0.name == "sync/v1/x" })
    }

    @Test func aDocumentInTheTrashComesBackEverywhere() throws {
        try scene.write("a.md", "one")
        let id = try first.upload(scene.files, "a.md")[0]
        try scene.settle()
        try second.vault.write { _ = try $0.deleteDocument(id) }
        try scene.settle()
        #expect(try first.documents().isEmpty)
        try first.vault.write { _ = try $0.restoreDocument(id) }
        try scene.settle()
        #expect(try second.documents().map(\.id) == [id])
        try second.vault.write { try $0.purgeDocument(id) }
        try scene.settle()
        #expect(try first.documents().isEmpty && first.root() == second.root())
    }

    @Test func whatBothSidesChangedIsAConflictThatOneSettles() throws {
        try scene.write("plan.md", "one\ntwo\nthree\nfour\nfive\n")
        let id = try first.upload(scene.files, "plan.md")[0]
        try scene.settle()
        try scene.write("plan.md", "one\nTWO\nthree\nfour\nfive\n")
        try first.upload(scene.files, "plan.md")
        try scene.write("plan.md", "one\ntwo\nthree\nfour\nFIVE\n")
        try second.upload(scene.files, "plan.md")
        try scene.settle()
        let here = try #require(try first.conflicts().first)
        let there = try #require(try second.conflicts().first)
        #expect(here.id == there.id && here.kind == .versions && here.key.id == id)
        #expect(here.local == there.remote && here.remote == there.local && here.base == there.base)
        #expect(here.base != .null)
        try second.vault.resolve(conflict: there.id, take: .merged(nil))
        try scene.settle()
        for device in [first, second] {
            #expect(try device.conflicts().isEmpty)
            #expect(try device.content(id) == Array("one\nTWO\nthree\nfour\nFIVE\n".utf8))
            #expect(try device.vault.read { try $0.versions(of: id).count } == 4)
        }
        #expect(try first.root() == second.root())
    }

    @Test func equalChangesJoinByThemselves() throws {
        try scene.write("plan.md", "one")
        let id = try first.upload(scene.files, "plan.md")[0]
        try scene.settle()
        try scene.write("plan.md", "two")
        try first.upload(scene.files, "plan.md")
        try second.upload(scene.files, "plan.md")
        try scene.settle()
        #expect(try first.conflicts().isEmpty && second.conflicts().isEmpty)
        // The next change comes after both.
        try scene.write("plan.md", "three")
        try second.upload(scene.files, "plan.md")
        try scene.settle()
        #expect(try first.conflicts().isEmpty)
        #expect(try first.content(id) == Array("three".utf8))
    }

    /// Neither knows of the other's version, and what is there is taken: no content has to be sent.
    @Test func takingTheOtherSideNeedsItsContentFromNobody() throws {
        try scene.write("plan.md", "one")
        let id = try first.upload(scene.files, "plan.md")[0]
        try scene.settle()
        try scene.write("plan.md", "two")
        try first.upload(scene.files, "plan.md")
        try scene.write("plan.md", "three")
        try second.upload(scene.files, "plan.md")
        try first.sync()
        try second.sync(blobs: .lazy)
        let conflict = try #require(try second.conflicts().first)
        try second.vault.resolve(conflict: conflict.id, take: .remote)
        _ = scene.remote.takeRequests()
        #expect(try second.sync(blobs: .lazy).failure == nil)
        // It looks whether it is still there.
        let requests = scene.remote.takeRequests().filter { $0.name.contains("/b/") }
        #expect(requests.allSatisfy { if case .head = $0 { true } else { false } })
        try scene.settle()
        #expect(try first.content(id) == Array("two".utf8))
        #expect(try second.content(id) == Array("two".utf8))
    }

    @Test func aLazyDeviceGetsContentWhenAsked() throws {
        try scene.write("a.md", "content")
        let id = try first.upload(scene.files, "a.md")[0]
        try first.sync()
        #expect(try second.sync(blobs: .lazy).fetchedBlobs == 0)
        #expect(try second.documents().map(\.isHere) == [false])
        let error = #expect(throws: VaultError.self) { try second.content(id) }
        #expect(error?.code == .notFound && error?.message.contains("not on this device") == true)
        let missing = try second.vault.missingContent(id)
        #expect(missing.count == 1)
        try BlobFetching(vault: second.vault, store: scene.remote).fetch(missing)
        #expect(try second.content(id) == Array("content".utf8))
        #expect(try second.vault.missingContent(id).isEmpty)
        // A sweep takes nothing of it, and a check finds it whole.
        #expect(try second.vault.sweepBlobs().files == 0)
        #expect(try second.vault.verifyDocuments().failures.isEmpty)
    }

    @Test func offSendsAndGetsNoContent() throws {
        try scene.write("a.md", "from the first")
        let id = try first.upload(scene.files, "a.md")[0]
        try first.vault.write { _ = try $0.createTask(TaskDraft(title: "a task")) }
        let held = try first.sync(blobs: .off)
        #expect(held.failure == nil && held.sentBlobs == 0 && held.pushedSegments == 1)
        #expect(try second.sync().pulledSegments == 1)
        #expect(try second.documents().isEmpty)
        #expect(try scene.objects("sync/v1/b/").isEmpty)
        // Turned on again, what waited goes out.
        #expect(try first.sync().sentBlobs == 1)
        #expect(try second.sync(blobs: .off).fetchedBlobs == 0)
        #expect(try second.documents().map(\.isHere) == [false])
        try second.sync()
        #expect(try second.content(id) == Array("from the first".utf8))
    }

    /// Tasks do not wait for contents that can't be sent, and the documents go when they can.
    @Test func aFailureOfContentsHoldsDocumentsAlone() throws {
        try scene.write("a.md", "content")
        let id = try first.upload(scene.files, "a.md")[0]
        try first.vault.write { _ = try $0.createTask(TaskDraft(title: "a task")) }
        scene.remote.hooks.before = { request in
            if case .put(let name, _) = request, name.contains("/b/") { throw WatchedStore.broken }
        }
        let report = try first.sync()
        #expect(report.failure?.code == .remoteUnreachable && report.pushedSegments == 1)
        #expect(try second.sync().pulledSegments == 1)
        #expect(try second.documents().isEmpty)
        scene.remote.hooks = WatchedStore.Hooks()
        #expect(try first.sync().failure == nil)
        try second.sync()
        #expect(try second.content(id) == Array("content".utf8))
    }

    /// A crash at any request of a push: the segment that names a content is never there without it, and
    /// afterwards all arrives, once.
    @Test func aCrashBetweenContentsAndSegmentsLosesNothing() throws {
        final class Countdown: Sendable {
            private let left: Counter
            init(_ count: Int) { left = Counter(count) }
            func tick() throws { if left.decrement() < 0 { throw Crash() } }
        }
        struct Crash: Error {}
        for crash in 0..<12 {
            let name = "file-\(crash).md"
            try scene.write(name, "content of \(crash)")
            let id = try first.upload(scene.files, name)[0]
            let countdown = Countdown(crash)
            scene.remote.hooks.before = { _ in try countdown.tick() }
            do { try first.sync() } catch is Crash {}
            scene.remote.hooks = WatchedStore.Hooks()
            try first.reopen()
            // Whatever segment is there, its contents are.
            let early = try second.sync()
            #expect(early.alarms.isEmpty && early.missingBlobs == 0, "\(crash): \(early)")
            #expect(try second.documents().allSatisfy(\.isHere))
            let late = try first.sync()
            #expect(late.failure == nil && late.alarms.isEmpty, "\(crash): \(late)")
            try second.sync()
            #expect(try second.content(id) == Array("content of \(crash)".utf8))
        }
        #expect(try scene.objects("sync/v1/b/").count == 12)
        #expect(try first.root() == second.root())
    }

    /// The line breaks in the middle of a large content: the next round asks for the rest.
    @Test func aLargeContentGoesOnWhereItWasCut() throws {
        try scene.write("large.bin", madeBytes(seed: 3, count: 3 << 20))
        let id = try first.upload(scene.files, "large.bin")[0]
        try first.sync()
        scene.remote.hooks.cut = { $0.contains("/b/") ? 1 << 20 : nil }
        #expect(try second.sync().failure?.code == .remoteUnreachable)
        scene.remote.hooks = WatchedStore.Hooks()
        _ = scene.remote.takeRequests()
        #expect(try second.sync().fetchedBlobs == 1)
        let gets = scene.remote.takeRequests().filter { $0.name.contains("/b/") }
        #expect(gets.count == 1)
        if case .get(_, let offset)? = gets.first { #expect(offset == 1 << 20) }
        #expect(try second.content(id) == first.content(id))
    }

    /// What was put back in the meantime by another writing of the same content does not spoil it.
    @Test func aCutContentThatWasWrittenAnewIsGotWhole() throws {
        try scene.write("large.bin", madeBytes(seed: 3, count: 1 << 20))
        let id = try first.upload(scene.files, "large.bin")[0]
        try second.upload(scene.files, "large.bin")
        let other = try #require(
            try second.vault.blobFile(second.vault.read { try $0.documents().items[0].content }))
        let bytes = try Files.readAll(other.path, limit: 1 << 24)
        let document = try second.documents()[0].id
        try second.vault.write { try $0.purgeDocument(document) }
        try second.vault.sweepBlobs()
        try first.sync()
        scene.remote.hooks.cut = { $0.contains("/b/") ? 100_000 : nil }
        _ = try second.sync()
        scene.remote.hooks = WatchedStore.Hooks()
        let name = try #require(try scene.objects("sync/v1/b/").first?.name)
        try scene.plant(bytes, under: name)
        let report = try second.sync()
        #expect(report.fetchedBlobs == 1 && report.alarms.isEmpty, "\(report)")
        #expect(try second.content(id) == first.content(id))
    }

    /// Who comes late gets documents by a checkpoint, and their contents after it.
    @Test func contentsFollowACheckpoint() throws {
        let policy = CheckpointPolicy(tail: 2, gain: 2, age: 86_400_000)
        var ids: [String] = []
        for index in 0..<12 {
            try scene.write("f\(index).md", "content \(index)")
            ids += try first.upload(scene.files, "f\(index).md")
            try first.sync(checkpoints: policy)
        }
        let got = try second.sync(checkpoints: policy)
        #expect(got.failure == nil && got.alarms.isEmpty, "\(got)")
        #expect(got.loadedCheckpoints == 1 && got.fetchedBlobs == 12)
        for id in ids { #expect(try second.content(id) == first.content(id)) }
        let stored = try second.vault.read { transaction in
            try transaction.documents().items.map { try transaction.deviceThatStored($0.content) }
        }
        #expect(stored.allSatisfy { $0 == first.keys.device })
    }

    /// A content that is not here and that the remote has is no reason to hold what names it.
    @Test func aContentThatOnlyTheRemoteHasHoldsNothing() throws {
        try scene.write("a.md", "content")
        let id = try first.upload(scene.files, "a.md")[0]
        let content = try first.vault.read { try $0.document(id).content }
        let file = try #require(try first.vault.blobFile(content))
        let bytes = try Files.readAll(file.path, limit: 1 << 20)
        try Durable.remove(file.path)
        #expect(try first.sync().failure?.code == .integrityFailure)
        let name = try first.vault.blobs.remoteNames(content)[0]
        try scene.plant(bytes, under: #require(ObjectName("sync/v1/b/\(name.prefix(2))/\(name)")))
        #expect(try first.sync().failure == nil)
        #expect(try first.content(id) == Array("content".utf8))
        #expect(try second.sync().fetchedBlobs == 1)
    }

    @Test func thousandsOfSmallFilesTravel() throws {
        var names: [String] = []
        for index in 0..<3000 {
            names.append("f\(index).md")
            try Files.createDirectory(scene.files("many"))
            let file = try File.open(scene.files("many/f\(index).md"), .createNew)
            try file.write(Array("# \(index)\n\nsmall file \(index)\n".utf8), at: 0)
        }
        try first.upload(scene.files, "many")
        let sent = try first.sync()
        #expect(sent.failure == nil && sent.sentBlobs == 3000, "\(sent)")
        let got = try second.sync()
        #expect(got.failure == nil && got.fetchedBlobs == 3000 && got.alarms.isEmpty, "\(got)")
        #expect(try second.vault.verifyDocuments().blobs == 3000)
        #expect(try second.vault.verifyDocuments().failures.isEmpty)
        #expect(try second.root() == first.root())
    }

    @Test func aLargeFileTravels() throws {
        try scene.write("large.bin", madeBytes(seed: 5, count: 64 << 20))
        let id = try first.upload(scene.files, "large.bin")[0]
        #expect(try first.sync().sentBlobs == 1)
        #expect(try second.sync().fetchedBlobs == 1)
        let document = try second.vault.read { try $0.document(id) }
        #expect(document.isHere && document.size == 64 << 20)
        #expect(try second.vault.verifyDocuments().failures.isEmpty)
    }
}
