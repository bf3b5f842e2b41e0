import Cryptography
import ObjectStorage
import Sync
import TestSupport
import Testing
import Vault

/// Documents through a bucket that is as strict as R2.
struct BucketSyncTests {
    private static func open(_ server: StrictServer) throws -> any ObjectStore {
        var settings = StoreSettings()
        settings.endpoint = server.endpoint
        settings.credentials = StoreCredentials(
            accessKeyID: StrictServer.accessKeyID,
            secret: SecretBytes(copying: Array(StrictServer.secret.utf8)))
        let surroundings = StoreSurroundings(
            now: StoreSurroundings.system.now, uptime: StoreSurroundings.system.uptime, wait: { _ in },
            random: { $0 / 2 })
        return try Stores.open(
            StoreURL("s3://\(StrictServer.bucket)/team"), settings, surroundings: surroundings
        ).store
    }

    @Test func documentsTravelThroughABucket() throws {
        var options = StrictServer.Options()
        options.writeInterval = 0
        let server = try StrictServer(options)
        let scene = try DocumentScene(at: Self.open(server))
        try scene.write("large.bin", madeBytes(seed: 9, count: 2 << 20))
        for index in 0..<40 { try scene.write("f\(index).md", "# small file \(index)\n") }
        let large = try scene.first.upload(scene.files, "large.bin")[0]
        let small = try (0..<40).map { try scene.first.upload(scene.files, "f\($0).md")[0] }
        let sent = try scene.first.sync()
        #expect(sent.failure == nil && sent.alarms.isEmpty && sent.sentBlobs == 41, "\(sent)")
        let got = try scene.second.sync()
        #expect(got.failure == nil && got.alarms.isEmpty && got.fetchedBlobs == 41, "\(got)")
        for id in [large] + small { #expect(try scene.second.content(id) == scene.first.content(id)) }
        #expect(try scene.second.root() == scene.first.root())
    }

    /// A34 where the bucket has a lock on contents.
    @Test func lockedGarbageInABucketIsGotAround() throws {
        var options = StrictServer.Options()
        options.writeInterval = 0
        options.lockedPrefixes = ["team/sync/v1/b/"]
        options.locksComeFirst = true
        let server = try StrictServer(options)
        let scene = try DocumentScene(at: Self.open(server))
        try scene.write("a.md", "content")
        let id = try scene.first.upload(scene.files, "a.md")[0]
        let content = try scene.first.vault.read { try $0.document(id).content }
        let name = try scene.first.vault.blobs.remoteNames(content)[0]
        try scene.plant(
            [UInt8](repeating: 1, count: 2000),
            under: #require(ObjectName("sync/v1/b/\(name.prefix(2))/\(name)")))
        let sent = try scene.first.sync()
        #expect(sent.failure == nil && sent.sentBlobs == 1 && sent.alarms.count == 1, "\(sent)")
        #expect(try scene.second.sync().fetchedBlobs == 1)
        #expect(try scene.second.content(id) == Array("content".utf8))
        #expect(server.keys.count { $0.hasPrefix("team/sync/v1/b/") } == 2)
    }
}
