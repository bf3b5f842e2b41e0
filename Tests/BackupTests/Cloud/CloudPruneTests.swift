import Backup
import Cryptography
import TestSupport
import Testing
import Vault

/// Pruning a bucket, and what that means for the home's own backups.
@Suite struct CloudPruneTests {
    private static let start: UInt64 = 1_790_000_000_000
    private let test: CloudHome

    init() throws { test = try CloudHome() }

    private func options(_ last: Int) -> VaultBackups.PruneOptions {
        var policy = RetentionPolicy()
        policy.last = last
        return VaultBackups.PruneOptions(policy)
    }

    @discardableResult
    private func pruneCloud(_ last: Int) throws -> CloudBackups.PruneReport {
        let cloud = try test.cloud()
        let time = Self.start + 1000
        return try cloud.prune(cloud.planPrune(options(last), time: time), options(last), time: time)
    }

    private func pruneHome(_ last: Int) throws {
        let time = Self.start + 1000
        let backups = test.living.backups
        _ = try backups.prune(backups.planPrune(options(last), time: time), options(last), time: time)
    }

    private func cloudIDs() throws -> [String] {
        let found = try test.cloud().list()
        #expect(found.problems.isEmpty, "\(found.problems)")
        return found.backups.map(\.summary.id)
    }

    private func homeIDs() throws -> [String] {
        let found = try test.living.backups.list()
        #expect(found.problems.isEmpty, "\(found.problems)")
        return found.backups.map(\.id)
    }

    @Test func theBucketForgetsAndTheHomeDoesNot() throws {
        let made = try (1...4).map { try test.backUp(UInt64($0)).id }
        _ = try test.cloud().ship()
        let report = try pruneCloud(2)
        #expect(report.removed == Array(made[..<2]) && report.problems.isEmpty)
        #expect(try cloudIDs() == Array(made[2...]) && homeIDs() == made)
        // Its record is a link of both chains; what was pruned is not shipped again.
        #expect(test.manifests.count == 3)
        #expect(try test.cloud().ship().uploaded == 0 && test.manifests.count == 3)
        #expect(try test.cloud().verify(nil, .data).problems.isEmpty)
        // Without its record the same is a deletion by somebody.
        let last = try #require(test.manifests.max())
        test.server.plant(last, nil)
        #expect(try !test.cloud().verify().problems.isEmpty)
    }

    @Test func whatWasPrunedBeforeItWasShippedIsNoGap() throws {
        let made = try (1...4).map { try test.backUp(UInt64($0)).id }
        try pruneHome(2)
        _ = try test.cloud().ship()
        #expect(try cloudIDs() == Array(made[2...]) && homeIDs() == Array(made[2...]))
        // What was shipped is not excused by what the home prunes later.
        try test.backUp(5)
        _ = try test.cloud().ship()
        try pruneHome(1)
        let oldest = try #require(test.manifests.min())
        test.server.plant(oldest, nil)
        #expect(try test.cloud().ship().problems.map(\.code) == [.rollback])
    }

    @Test func aBackupThatTheHomePrunedComesBackByItsId() throws {
        let made = try (1...4).map { try test.backUp(UInt64($0)).id }
        _ = try test.cloud().ship()
        try pruneHome(2)
        #expect(try test.cloud().pull().problems.isEmpty && homeIDs() == Array(made[2...]))
        #expect(try test.cloud().pull(made[0]).problems.isEmpty)
        #expect(try homeIDs() == [made[0]] + made[2...])
        #expect(try test.living.backups.verify(made[0], data: true).problems.isEmpty)
        try test.backUp(9)
        #expect(try homeIDs().count == 4)
    }

    /// A home whose own store is empty fetches chains that the bucket has pruned, and has no gaps.
    @Test func fetchedChainsHaveNoGaps() throws {
        let made = try (1...4).map { try test.backUp(UInt64($0)).id }
        _ = try test.cloud().ship()
        try pruneCloud(2)
        _ = run("/bin/rm", "-r", test.living.home.backupsDirectory)
        _ = try test.cloud().pull()
        #expect(try homeIDs() == Array(made[2...]))
        #expect(try test.living.backups.verify(data: true).problems.isEmpty)
    }

    @Test func theBucketIsListedTwiceAtMost() throws {
        _ = try (1...3).map { try test.backUp(UInt64($0)) }
        _ = try test.cloud().ship()
        func listings(_ body: () throws -> Void) throws -> [String] {
            let before = test.server.requests.count
            try body()
            return test.server.requests[before...].filter { $0.method == "GET" && $0.key.isEmpty }
                .map { String(($0.query["prefix"] ?? "").dropFirst("ai-team/backup/v1/".count)) }
        }
        #expect(try listings { try pruneCloud(1) }.sorted() == ["", "", "d/", "u/"])
        #expect(try cloudIDs().count == 1)
        #expect(try listings { try pruneCloud(1) }.sorted() == ["", "d/", "u/"])
    }

    @Test func packsGoADayAfterTheyWereMarked() throws {
        try test.backUp(1)
        _ = try test.cloud().ship()
        // A pack that no manifest names: what a killed upload left.
        let orphan = Crockford32.encode(Array(repeating: 3, count: 16))
        test.server.plant("ai-team/backup/v1/p/\(orphan.prefix(2))/\(orphan)", [1, 2, 3])
        let report = try pruneCloud(1)
        #expect(report.waiting == 1 && report.packs == 0)
        #expect(test.server.keys.filter { $0.contains("/d/") }.count == 1)
        #expect(try test.cloud().verify().problems.isEmpty)
    }
}
