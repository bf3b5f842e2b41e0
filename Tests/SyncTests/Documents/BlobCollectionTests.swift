import KeyRing
import ObjectStorage
import Sync
import TestSupport
import Testing
import Vault

/// What nothing names any more leaves the remote in the end, and nothing else does.
struct BlobCollectionTests {
    let scene: DocumentScene

    init() throws { scene = try DocumentScene() }

    private var first: DocumentScene.Device { scene.first }
    private var second: DocumentScene.Device { scene.second }
    private var both: [DocumentScene.Device] { [first, second] }

    /// Checkpoints as often as possible.
    private static let busy = CheckpointPolicy(tail: 1, gain: 1 << 40, age: 30 * 86_400_000)
    /// The same without a second look: what is marked goes at once.
    private static let hasty = CheckpointPolicy(tail: 1, gain: 1 << 40, age: 36 * 3_600_000, patience: 0)

    /// The names of contents that the remote holds.
    private func held() throws -> Set<String> {
        Set(try scene.objects("sync/v1/b/").map { String($0.name.text.suffix(32)) })
    }

    private func name(_ id: String, on device: DocumentScene.Device) throws -> String {
        let content = try device.vault.read { try $0.document(id).content }
        return try device.vault.blobs.remoteNames(content)[0]
    }

    /// The names of what a device's documents name, in the trash or not.
    private func named(_ device: DocumentScene.Device) throws -> Set<String> {
        Set(try device.vault.read { try $0.blobsInLog() }.map { try device.vault.blobs.remoteNames($0)[0] })
    }

    private func upload(_ device: DocumentScene.Device, _ name: String, _ text: String) throws -> String {
        try scene.write(name, text)
        return try device.upload(scene.files, name)[0]
    }

    /// Rounds of both, every fourth day.
    /// - Returns: how many objects were removed.
    @discardableResult
    private func pass(_ days: ClosedRange<Int64>, _ policy: CheckpointPolicy = busy) throws -> Int {
        var removed = 0
        for day in stride(from: days.lowerBound, through: days.upperBound, by: 4) {
            for device in both {
                let report = try device.sync(checkpoints: policy, after: day)
                #expect(report.failure == nil && report.alarms.isEmpty, "\(report)")
                removed += report.removedBlobs
            }
        }
        return removed
    }

    /// In a vault where little happens, too: a checkpoint is made for it.
    @Test(arguments: [CheckpointPolicy.standard, busy])
    func whatWasPurgedGoesInTheEnd(_ policy: CheckpointPolicy) throws {
        let id = try upload(first, "a.md", "purged")
        let kept = try upload(first, "b.md", "kept")
        let trash = try upload(first, "c.md", "in the trash")
        try scene.settle()
        let all = try held()
        #expect(all.count == 3)
        let gone = try name(id, on: first)
        try second.vault.write { try $0.purgeDocument(id) }
        try second.vault.write { _ = try $0.deleteDocument(trash) }
        #expect(try pass(0...28, policy) == 0)
        #expect(try held() == all)
        #expect(try pass(32...90, policy) == 1)
        #expect(try held() == all.subtracting([gone]))
        #expect(try first.content(kept) == second.content(kept))
    }

    /// What is named again before it goes stays; its bytes are not sent again.
    @Test func whatIsNamedAgainStays() throws {
        let id = try upload(first, "a.md", "content")
        try scene.settle()
        let content = try name(id, on: first)
        try first.vault.write { try $0.purgeDocument(id) }
        try pass(0...20)
        let other = try upload(second, "b.md", "content")
        try #require(try name(other, on: second) == content)
        #expect(try pass(22...90) == 0)
        #expect(try held() == [content])
        #expect(try first.content(other) == Array("content".utf8))
    }

    /// What has gone is stored again by who names it again.
    @Test func whatHasGoneIsStoredAgain() throws {
        let id = try upload(first, "a.md", "content")
        try scene.settle()
        let content = try name(id, on: first)
        try first.vault.write { try $0.purgeDocument(id) }
        #expect(try pass(0...90) == 1)
        #expect(try held().isEmpty)
        let other = try upload(second, "b.md", "content")
        try pass(92...96)
        #expect(try held() == [content])
        #expect(try first.content(other) == Array("content".utf8))
    }

    /// While one device is about to name a content that has just been found there, another finds that nothing
    /// names it.
    private func race(_ policy: CheckpointPolicy) throws -> Bool {
        let id = try upload(first, "a.md", "content")
        try scene.settle()
        let content = try name(id, on: first)
        try first.vault.write { try $0.purgeDocument(id) }
        for day in [1, 1, 1, 2] as [Int64] { try pass(day...day) }
        // One device collects: the first in the order of ids.
        let ids = both.map(\.keys.device.bytes)
        let isFirst = ids[0].lexicographicallyPrecedes(ids[1])
        // SAFETY: the hook runs on this thread, within the other's round, which waits for it.
        nonisolated(unsafe) let collector = isFirst ? first : second
        let other = isFirst ? second : first
        _ = try upload(other, "b.md", "content")
        let remote = scene.remote
        remote.hooks.before = { request in
            guard case .put = request, request.name.contains("/s/") else { return }
            remote.hooks = WatchedStore.Hooks()
            try collector.sync(checkpoints: policy, after: 3)
        }
        #expect(try other.sync(checkpoints: Self.busy, after: 3).failure == nil)
        return try held() == [content]
    }

    @Test func whoNamesAContentMeanwhileDoesNotLoseIt() throws { #expect(try race(Self.busy)) }

    /// The twin, without the second look.
    @Test func withoutASecondLookItIsLost() throws { #expect(try !race(Self.hasty)) }

    /// A device that was cut off between its segment and its head looks again when it comes back.
    @Test func whoComesBackLateStoresWhatHasGone() throws {
        let id = try upload(first, "a.md", "content")
        try scene.settle()
        let content = try name(id, on: first)
        try first.vault.write { try $0.purgeDocument(id) }
        try pass(0...20)
        _ = try upload(second, "b.md", "content")
        scene.remote.hooks.before = {
            if $0.name.contains("/h/"), case .put = $0 { throw WatchedStore.broken }
        }
        #expect(try second.sync(checkpoints: Self.busy, after: 22).failure != nil)
        scene.remote.hooks = WatchedStore.Hooks()
        // As if it had been removed meanwhile.
        let object = try #require(ObjectName("sync/v1/b/\(content.prefix(2))/\(content)"))
        try scene.remote.store.delete(object)
        #expect(try second.sync(checkpoints: Self.busy, after: 80).failure == nil)
        #expect(try held() == [content])
    }

    /// After any purges, uploads of the same contents, cuts and rounds, whatever a device names after a whole
    /// round is there; and in the end nothing else is.
    @Test(arguments: 0..<3) func whatIsNamedIsAlwaysThere(_ run: Int) throws {
        let seed = UInt64.random(in: 1...1 << 40)
        print("seed \(seed)")
        var random = SplitMix64(seed: seed)
        var day: Int64 = 0
        for step in 0..<90 {
            let device = both[Int.random(in: 0...1, using: &random)]
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<2:
                let text = "content \(Int.random(in: 0..<3, using: &random))"
                _ = try upload(device, "\(Int.random(in: 0..<3, using: &random)).md", text)
            case 2..<4:
                guard let document = try device.documents().randomElement(using: &random) else { continue }
                try device.vault.write { try $0.purgeDocument(document.id) }
            default:
                day += Int64.random(in: 0...6, using: &random)
                let isCut = Int.random(in: 0..<4, using: &random) == 0
                let left = Counter(Int.random(in: 1..<12, using: &random))
                if isCut {
                    scene.remote.hooks.before = { _ in
                        if left.decrement() <= 0 { throw WatchedStore.broken }
                    }
                }
                let report = try device.sync(checkpoints: Self.busy, after: day)
                scene.remote.hooks = WatchedStore.Hooks()
                #expect(report.alarms.isEmpty, "seed \(seed), step \(step): \(report.alarms)")
                guard report.failure == nil else { continue }
                let missing = try named(device).subtracting(held())
                #expect(missing.isEmpty, "seed \(seed), step \(step), day \(day)")
            }
        }
        try pass(day...day + 100)
        #expect(try held() == named(first) && held() == named(second), "seed \(seed)")
    }
}
