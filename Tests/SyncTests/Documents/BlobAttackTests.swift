import Cryptography
import FileSystem
import KeyRing
import ObjectStorage
import Sync
import TestSupport
import Testing
import Vault

/// What a remote may try with the contents of documents, by the numbers of the threat model; each beside a
/// run without it, which must be quiet.
struct BlobAttackTests {
    let scene: DocumentScene

    init() throws { scene = try DocumentScene() }

    private var first: DocumentScene.Device { scene.first }
    private var second: DocumentScene.Device { scene.second }

    /// The names under which the remote may hold a document's content.
    private func names(_ id: String) throws -> [ObjectName] {
        let content = try first.vault.read { try $0.document(id).content }
        return try first.vault.blobs.remoteNames(content).map {
            try #require(ObjectName("sync/v1/b/\($0.prefix(2))/\($0)"))
        }
    }

    private func upload(_ name: String, _ bytes: [UInt8]) throws -> String {
        try scene.write(name, bytes)
        return try first.upload(scene.files, name)[0]
    }

    /// The same as the first device did before it had heard of the newest epoch.
    private func uploadUnderOldKeys(_ name: String, _ bytes: [UInt8]) throws -> String {
        try scene.write(name, bytes)
        let blobs = BlobStore(
            directory: first.home.documentsDirectory, keys: BlobKeys(scene.oldKeys))
        let vault = try Vault.open(
            at: first.home.databasePath, keys: first.keys, home: nil, blobs: blobs,
            origin: Origin(device: first.keys.device.bytes, incarnation: first.keys.incarnation),
            surroundings: .system)
        let report = try vault.upload(
            [Array(name.utf8)], workingDirectory: Array(scene.files.path.utf8))
        try vault.close()
        return try #require(report.uploaded.first).id
    }

    /// What the second device makes of other bytes under a content's name: nothing, with an alarm.
    private func refuses(_ shown: [UInt8], _ id: String, _ name: ObjectName) throws -> Bool {
        scene.remote.hooks.shown = { $0 == name.text ? shown : $1 }
        defer { scene.remote.hooks = WatchedStore.Hooks() }
        let report = try second.sync()
        let alarm = report.alarms.contains { $0.kind == .tampered && name.text.hasSuffix($0.object) }
        return try alarm && report.missingBlobs == 1 && !second.vault.read { try $0.document(id).isHere }
    }

    /// A5: chunks that are changed, swapped, left out, doubled, cut or added.
    @Test func chunksInAnotherOrderAreRefused() throws {
        var random = SplitMix64(seed: 2)
        let id = try upload("a.bin", (0..<60_000).map { _ in UInt8.random(in: 0...255, using: &random) })
        let name = try names(id)[0]
        #expect(try first.sync().sentBlobs == 1)
        let honest = try scene.remote.store.read(name, limit: 1 << 20)
        let size = Cobblestone.sealedChunkCount
        let head = Array(honest[..<Cobblestone.headerCount])
        var chunks: [[UInt8]] = []
        var rest = honest[Cobblestone.headerCount...]
        while !rest.isEmpty {
            chunks.append(Array(rest.prefix(size)))
            rest = rest.dropFirst(size)
        }
        try #require(chunks.count >= 3)
        let last = chunks.count - 1
        var orders: [[Int]] = [[1, 0] + Array(2...last), Array(0..<last), Array(1...last)]
        orders += [Array(0...last) + [last], [0] + Array(0...last), [0, 0] + Array(2...last), [last], []]
        for order in orders {
            #expect(try refuses(head + order.flatMap { chunks[$0] }, id, name), "\(order)")
        }
        for place in [0, 30, 60, honest.count / 2, honest.count - 1] {
            var flipped = honest
            flipped[place] ^= 1
            #expect(try refuses(flipped, id, name), "byte \(place)")
        }
        #expect(try refuses(Array(honest.dropLast()), id, name))
        #expect(try refuses(honest + [0], id, name))
        // The twin: the honest bytes are taken, and nothing is wrong.
        let report = try second.sync()
        #expect(report.fetchedBlobs == 1 && report.alarms.isEmpty)
        #expect(try second.content(id) == first.content(id))
    }

    /// A6, A7: an honest blob under another's name, of another epoch or of another vault.
    @Test func honestBlobsElsewhereAreRefused() throws {
        let text = Array("the same text in each of them\n".utf8)
        let epochs = try first.vault.read { _ in first.keys.currentEpoch }
        try #require(epochs > 1)
        let other = try upload("other.md", Array("another text, of the same length\n".utf8))
        let id = try upload("a.md", text)
        let old = try uploadUnderOldKeys("old.md", text)
        try first.sync()
        let elsewhere = try DocumentScene()
        try elsewhere.write("a.md", text)
        try elsewhere.first.upload(elsewhere.files, "a.md")
        try elsewhere.first.sync()
        let name = try names(id)[0]
        let others = [
            try scene.remote.store.read(names(other)[0], limit: 1 << 20),
            try scene.remote.store.read(names(old)[0], limit: 1 << 20),
            try #require(try elsewhere.objects("sync/v1/b/").first?.bytes),
        ]
        #expect(try names(old)[0] != name)
        for shown in others { #expect(try refuses(shown, id, name)) }
        #expect(try second.sync().fetchedBlobs == 1)
        #expect(try second.content(id) == text && second.content(old) == text)
    }

    /// A22: a content that does not end is not read to its end.
    @Test func anEndlessContentIsRefused() throws {
        let id = try upload("a.md", Array("short".utf8))
        try first.sync()
        #expect(try refuses([UInt8](repeating: 7, count: 64 << 20), id, names(id)[0]))
        #expect(try second.sync().fetchedBlobs == 1)
    }

    /// A34: garbage under the name of a content that is about to be sent is noticed, replaced and told.
    @Test func garbageUnderAHonestNameIsReplaced() throws {
        let id = try upload("a.md", Array("content".utf8))
        let name = try names(id)[0]
        try scene.plant([UInt8](repeating: 1, count: 1200), under: name)
        let report = try first.sync()
        #expect(report.failure == nil && report.sentBlobs == 1)
        #expect(report.alarms.map(\.kind) == [.tampered])
        // It stays written down, and what is local stays here.
        let overview = try VaultSync.overview(of: first.vault, keys: first.keys)
        #expect(overview.alarms.count == 1 && name.text.hasSuffix(overview.alarms[0].object))
        #expect(try first.content(id) == Array("content".utf8))
        let got = try second.sync()
        #expect(got.fetchedBlobs == 1 && got.alarms.isEmpty)
        #expect(try second.content(id) == Array("content".utf8))
    }

    /// The twin: what stands there is the content, from a try whose answer was lost. It is looked at, and all
    /// is quiet.
    @Test func anHonestBlobUnderItsNameIsTaken() throws {
        let id = try upload("a.md", Array("content".utf8))
        let content = try first.vault.read { try $0.document(id).content }
        let file = try #require(try first.vault.blobFile(content))
        try scene.plant(Files.readAll(file.path, limit: 1 << 20), under: names(id)[0])
        let report = try first.sync()
        #expect(report.failure == nil && report.alarms.isEmpty && report.sentBlobs == 1)
        let requests = scene.remote.takeRequests().filter { $0.name.contains("/b/") }
        #expect(requests.contains { if case .get = $0 { true } else { false } })
        #expect(try second.sync().fetchedBlobs == 1)
    }

    /// A34, where a lock of the bucket keeps the garbage there: the content goes by another name, which
    /// readers try.
    @Test func lockedGarbageIsGotAround() throws {
        let id = try upload("a.md", Array("content".utf8))
        let names = try names(id)
        for name in names[..<3] { try scene.plant([UInt8](repeating: 1, count: 1200), under: name) }
        scene.remote.hooks.before = { request in
            if case .put(_, .ifMatches) = request, request.name.contains("/b/") {
                throw StorageError(.locked, "a lock")
            }
        }
        let report = try first.sync()
        #expect(report.failure == nil && report.sentBlobs == 1 && report.alarms.count == 3, "\(report)")
        let got = try second.sync()
        #expect(got.fetchedBlobs == 1 && got.alarms.count == 3)
        #expect(try second.content(id) == Array("content".utf8))
    }

    /// Where every name is taken nothing is claimed to be stored: the document waits, and the rest goes on.
    @Test func aContentWithoutANameHoldsItsDocument() throws {
        let id = try upload("a.md", Array("content".utf8))
        try first.vault.write { _ = try $0.createTask(TaskDraft(title: "a task")) }
        for name in try names(id) { try scene.plant([UInt8](repeating: 1, count: 1200), under: name) }
        scene.remote.hooks.before = { request in
            if case .put(_, .ifMatches) = request, request.name.contains("/b/") {
                throw StorageError(.locked, "a lock")
            }
        }
        let report = try first.sync()
        #expect(report.failure?.code == .remoteRefused && report.pushedSegments == 1)
        #expect(try second.sync().pulledSegments == 1)
        #expect(try second.documents().isEmpty)
        #expect(try first.content(id) == Array("content".utf8))
        scene.remote.hooks = WatchedStore.Hooks()
        #expect(try first.sync().sentBlobs == 1)
        #expect(try second.sync().fetchedBlobs == 1)
    }

    /// A10: a content that somebody has stored, and that the remote does not give, is withheld; at first it
    /// may be on its way out.
    @Test func aContentThatIsNotGivenIsWithheld() throws {
        let id = try upload("a.md", Array("content".utf8))
        try first.sync()
        let name = try names(id)[0]
        scene.remote.hooks.before = { request in
            if request.name == name.text { throw StorageError(.notFound, "not there") }
        }
        let early = try second.sync()
        #expect(early.missingBlobs == 1 && early.alarms.isEmpty)
        #expect(try second.sync().alarms.map(\.kind) == [.withheld])
        scene.remote.hooks = WatchedStore.Hooks()
        #expect(try second.sync().fetchedBlobs == 1)
    }

    /// A14, A28: nothing of a document is in the remote, in content or in names; nor in the files of who got
    /// it.
    @Test func noPlaintextOfDocumentsIsAnywhere() throws {
        let canary = "canary-5b1e"
        try scene.write("\(canary).md", "# \(canary)\n\n\(canary) in the text\n")
        try first.upload(scene.files, "\(canary).md")
        let id = try first.documents()[0].id
        try first.vault.write { _ = try $0.updateDocument(id, category: canary, tags: [canary]) }
        try scene.settle()
        #expect(try second.documents().map(\.category) == [canary])
        let needles = [canary, id, "\(canary).md"].map { Array($0.utf8) }
        var count = 0
        for (name, bytes) in try scene.objects("") {
            #expect(!needles.contains { contains(bytes, $0) || contains(Array(name.text.utf8), $0) })
            count += 1
        }
        #expect(count >= 6)
        for path in try files(below: second.home.path + "/data") {
            #expect(!needles.contains { contains(Array(path.utf8), $0) })
            let bytes = try Files.readAll(path, limit: 1 << 26)
            #expect(!needles.contains { contains(bytes, $0) }, "\(path)")
        }
    }

    /// A23: sizes of contents are Padmé's: of all lengths between two powers of two few sizes remain.
    @Test func sizesTellLittle() throws {
        let seed = UInt64.random(in: 1...1 << 40)
        print("seed \(seed)")
        var random = SplitMix64(seed: seed)
        for index in 0..<120 {
            let count = Int.random(in: 2100...4000, using: &random)
            let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
            try Files.createDirectory(scene.files("many"))
            try scene.write("many/\(index)", bytes)
        }
        try scene.write("empty", [])
        try first.upload(scene.files, "many", "empty")
        try first.sync()
        let sizes = try scene.objects("sync/v1/b/").map(\.bytes.count)
        #expect(sizes.count == 121)
        #expect(Set(sizes).count <= 17)
        #expect(sizes.min() == Cobblestone.ciphertextCount(forPlaintext: 1024))
    }

    private func contains(_ bytes: [UInt8], _ needle: [UInt8]) -> Bool {
        guard bytes.count >= needle.count, let start = needle.first else { return false }
        return bytes.indices.dropLast(needle.count - 1).contains {
            bytes[$0] == start && bytes[$0..<$0 + needle.count].elementsEqual(needle)
        }
    }

    private func files(below directory: String) throws -> [String] {
        try Files.list(directory).flatMap { name in
            let path = directory + "/" + name
            return try Files.status(path)?.kind == .directory ? files(below: path) : [path]
        }
    }
}
