import ObjectStorage
import Sync
import Testing
import Vault

/// Contents that the remote has lost are found by a full check, and stored again by who has them.
struct BlobRepairTests {
    let scene: DocumentScene

    init() throws { scene = try DocumentScene() }

    private var first: DocumentScene.Device { scene.first }
    private var second: DocumentScene.Device { scene.second }

    private func verify(_ device: DocumentScene.Device) throws -> RemoteInspection.Report {
        let sync = try VaultSync(vault: device.vault, home: device.home, keys: device.keys) {
            UInt64(clamping: Surroundings.system.now().milliseconds)
        }
        var check = RemoteInspection(sync: sync, store: scene.remote)
        return try check.run(progress: { _, _ in }, contents: { _, _ in })
    }

    /// A document that both have, and its content's name.
    private func document() throws -> (id: String, name: ObjectName) {
        try scene.write("a.md", "content")
        let id = try first.upload(scene.files, "a.md")[0]
        try scene.settle()
        let content = try first.vault.read { try $0.document(id).content }
        let name = try first.vault.blobs.remoteNames(content)[0]
        return (id, try #require(ObjectName("sync/v1/b/\(name.prefix(2))/\(name)")))
    }

    /// The twin of those below: what is as it should be is counted and nothing else.
    @Test func aFullCheckReadsContents() throws {
        let (_, name) = try document()
        _ = scene.remote.takeRequests()
        let report = try verify(second)
        #expect(report.isGood && report.checked > 0)
        #expect(scene.remote.takeRequests().filter { $0.name == name.text } == [.get(name.text, from: 0)])
        #expect(try second.sync().sentBlobs == 0)
    }

    @Test func aMissingContentIsNamedAndStoredAgain() throws {
        let (id, name) = try document()
        let bytes = try scene.remote.store.read(name, limit: 1 << 20)
        try scene.remote.store.delete(name)
        let report = try verify(second)
        let failure = try #require(report.failed.first)
        #expect(report.failed.count == 1 && name.text.hasSuffix(failure.object))
        #expect(failure.reason.contains(id) && failure.reason.contains("sync push"))
        #expect(try VaultSync.overview(of: second.vault, keys: second.keys).alarms.map(\.kind) == [.withheld])
        // A pull stores nothing; the next push does, once.
        #expect(try second.sync(pushes: false).sentBlobs == 0)
        #expect(try second.sync().sentBlobs == 1)
        #expect(try second.sync().sentBlobs == 0)
        #expect(try scene.remote.store.read(name, limit: 1 << 20).count == bytes.count)
        #expect(try verify(second).isGood && verify(first).isGood)
    }

    @Test func aDamagedContentIsReplaced() throws {
        let (_, name) = try document()
        var bytes = try scene.remote.store.read(name, limit: 1 << 20)
        bytes[bytes.count / 2] ^= 1
        try scene.plant(bytes, under: name)
        let report = try verify(first)
        #expect(report.failed.count == 1 && name.text.hasSuffix(report.failed[0].object))
        let sent = try first.sync()
        #expect(sent.sentBlobs == 1 && sent.alarms.map(\.kind) == [.tampered])
        #expect(try verify(second).isGood)
    }

    /// What is not sent yet is not missing; what nobody can repair is told each time.
    @Test func whatIsHereAloneIsNoFailure() throws {
        let (_, name) = try document()
        try scene.write("new.md", "new content")
        try first.upload(scene.files, "new.md")
        #expect(try verify(first).isGood)
        try scene.remote.store.delete(name)
        let late = try DocumentScene()
        try late.write("a.md", "content")
        let id = try late.first.upload(late.files, "a.md")[0]
        try late.first.sync()
        try late.second.sync(blobs: .lazy)
        for object in try late.objects("sync/v1/b/") { try late.remote.store.delete(object.name) }
        let sync = try VaultSync(vault: late.second.vault, home: late.second.home, keys: late.second.keys) {
            UInt64(clamping: Surroundings.system.now().milliseconds)
        }
        var check = RemoteInspection(sync: sync, store: late.remote)
        let failed = try check.run(progress: { _, _ in }, contents: { _, _ in }).failed
        #expect(failed.count == 1 && failed[0].reason.contains(id))
        #expect(failed.first?.reason.contains("does not have it either") == true)
    }
}
