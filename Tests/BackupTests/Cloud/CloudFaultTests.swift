import Backup
import FileSystem
import Glibc
import ObjectStorage
import Synchronization
import TestSupport
import Testing
import Vault

/// A line that fails and a process that dies: shipping always goes on, no manifest is there before its packs,
/// nothing is stored twice.
@Suite struct CloudFaultTests {
    /// Some of all requests go wrong, by chance that the seed decides.
    private static func faults(_ seed: UInt64, of hundred: Int)
        -> @Sendable (StrictServer.Seen) -> StrictServer.Fault?
    {
        let generator = Mutex(SplitMix64(seed: seed))
        return { seen in
            generator.withLock { generator in
                guard Int.random(in: 0..<100, using: &generator) < hundred else { return nil }
                let isRead = seen.method == "GET" || seen.method == "HEAD"
                let kinds: [StrictServer.Fault] =
                    [
                        .lostBefore, .lostAfter, .answer(500, "InternalError"), .answer(503, "SlowDown"),
                        .answer(429, "TooManyRequests"),
                    ]
                    + (isRead ? [.cutBody] : []) + (seen.key.isEmpty ? [.shortList] : [])
                return kinds.randomElement(using: &generator)
            }
        }
    }

    /// Every manifest that is there has its packs there, and no object was stored twice.
    private func check(_ test: CloudHome, _ location: SourceLocation = #_sourceLocation) throws {
        let order = test.puts.map(\.key)
        #expect(Set(order).count == order.count, "stored twice", sourceLocation: location)
        test.faults.set { _ in nil }
        let missing = try test.cloud().verify().problems.filter { $0.reason.contains("missing") }
        #expect(missing.isEmpty, "\(missing)", sourceLocation: location)
    }

    @Test func aBadLineOnlyTakesLonger() throws {
        let test = try CloudHome()
        let seed = printedSeed()
        for time in 1...4 as ClosedRange<UInt64> {
            try test.backUp(time)
            let cloud = try test.cloud()
            test.faults.set(Self.faults(seed &+ time, of: 30))
            _ = try cloud.ship()
            try check(test)
        }
        #expect(test.manifests.count == 4)
        test.faults.set(Self.faults(seed, of: 20))
        try Files.removeTree(test.living.home.backupsDirectory)
        _ = try test.cloud().pull()
        test.faults.set { _ in nil }
        #expect(try test.living.backups.verify(data: true).problems.isEmpty)
    }

    @Test func staleReadsSendNothingTwice() throws {
        let test = try CloudHome()
        try test.backUp(1)
        _ = try test.cloud().ship()
        try test.backUp(2)
        let cloud = try test.cloud()
        test.faults.set { $0.method == "HEAD" ? .stale : nil }
        _ = try cloud.ship()
        try check(test)
    }

    /// A pack that a prune had marked goes between the look at it and the manifest that names it.
    @Test func whatAPruneTakesMeanwhileIsSentAgain() throws {
        let test = try CloudHome()
        try test.backUp(1)
        _ = try test.cloud().ship()
        let pack = try #require(test.packs.first)
        let content = try #require(test.server.object(pack))
        let id = try #require(pack.split(separator: "/").last)
        try test.backUp(2)
        let mark = "ai-team/backup/v1/d/\(id)"
        test.server.plant(mark, [1])
        let cloud = try test.cloud()
        let server = test.server
        test.faults.set { seen in
            guard seen.method == "PUT", seen.key.contains("/m/") else { return nil }
            // The prune's own writes.
            server.plant(pack, nil)
            server.plant(mark, nil)
            return nil
        }
        _ = try cloud.ship()
        #expect(test.server.object(pack) == content)
        test.faults.set { _ in nil }
        #expect(try test.cloud().verify().problems.isEmpty)
    }

    @Test func aLongShipmentSaysThatItRuns() throws {
        let test = try CloudHome()
        try test.backUp(1)
        var cloud = try test.cloud()
        cloud.heartbeatBytes = 0
        _ = try cloud.ship()
        let beats = test.puts.filter { $0.key.contains("/u/") }
        #expect(beats.count == 1 && beats[0].size == 20)
        #expect(!test.server.keys.contains { $0.contains("/u/") })
        let first = try #require(test.puts.first)
        #expect(first.key.contains("/u/"))
    }

    /// kill -9 at random moments of a shipment over a bad line.
    @Test func killedAnywhereItGoesOn() throws {
        var generator = SplitMix64(seed: printedSeed())
        let kills = stressCount("AI_TEAM_TEST_KILLS", 8)
        let test = try CloudHome()
        for time in 1...3 as ClosedRange<UInt64> { try test.backUp(time, tasks: 200) }
        try test.vault.close()
        let words = ["cloud-ship", test.living.home.path, test.server.endpoint]
        var ended = 0
        for _ in 0..<kills {
            test.faults.set(Self.faults(generator.next(), of: 15))
            let last = test.server.requests.count + Int.random(in: 0..<12, using: &generator)
            let worker = try WorkerProcess(words)
            // The moment is one of the server's: as it has taken so many requests, or the run is over.
            let deadline = ContinuousClock.now + .seconds(3)
            while test.server.requests.count < last, ContinuousClock.now < deadline { usleep(200) }
            worker.kill()
            if worker.wait() == 0 { ended += 1 }
            try check(test)
        }
        test.faults.set { _ in nil }
        let worker = try WorkerProcess(words)
        let said = worker.lines()
        #expect(worker.wait() == 0, "\(said)")
        try check(test)
        #expect(test.manifests.count == 3)
        #expect(try test.cloud().verify(nil, .data).problems.isEmpty)
    }
}
