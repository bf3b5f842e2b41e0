import KeyRing
import ObjectStorage
import Sync
import TestSupport
import Testing
import Vault

/// What `sync status` says about cost, privacy and membership.
struct ReportTests {
    /// All members say the same words at the same record, other vaults and other records others.
    @Test func membersShareTheFingerprint() throws {
        let (first, second) = try SyncScene().twoDevices()
        let early = try VaultFingerprint(of: first.keys.roster)
        try second.sync()
        try first.sync()
        let words = try VaultFingerprint(of: first.keys.roster)
        #expect(words.words == (try VaultFingerprint(of: second.keys.roster).words))
        #expect(words.record > early.record && words.words != early.words)
        #expect(words.words.count == 6 && words.words.allSatisfy { (3...8).contains($0.count) })
        let (other, _) = try SyncScene().firstDevice()
        #expect(try VaultFingerprint(of: other.keys.roster).words != early.words)
    }

    @Test func requestsAreCountedByMonthAndProjected() throws {
        let (device, _) = try SyncScene().firstDevice()
        var counts = RequestCounts()
        (counts.writes, counts.reads, counts.bytesSent) = (600_000, 3, 1000)
        let middle = try #require(Timestamp("2026-02-15T00:00:00.000Z"))
        let march = try #require(Timestamp("2026-03-01T00:00:00.000Z"))
        try RequestMeter.add(counts, at: middle, to: device.vault)
        try RequestMeter.add(counts, at: middle, to: device.vault)
        try RequestMeter.add(counts, at: march, to: device.vault)
        let cost = try RequestCost(of: device.vault, at: middle)
        #expect(cost.month == "2026-02" && cost.counts.writes == 1_200_000 && cost.counts.reads == 6)
        // Half of February has gone by.
        #expect(cost.projected.writes == 2_400_000 && cost.projected.bytesSent == 4000)
        #expect(abs(RequestCost.listPrice(cost.counts) - 5.4000021) < 0.0001)
        // One million is free, and the next one is billed once it was begun.
        #expect(RequestCost.bill(cost.counts) == 4.5)
        #expect(RequestCost.bill(cost.projected) == 9)
        #expect(try RequestCost(of: device.vault, at: march).counts.writes == 600_000)
    }

    @Test func exposureCountsWhatStandsInTheRemote() throws {
        let (first, second) = try SyncScene().twoDevices()
        try first.makeTasks(["a"])
        try second.makeTasks(["b"])
        try first.sync()
        try second.sync()
        try first.sync()
        let found = try SyncExposure(of: first.vault, keys: first.keys)
        #expect(found.roles.map { "\($0.count) \($0.role)" } == ["2 owner"])
        #expect(found.records == first.keys.roster.records.count && found.heads == 2)
        #expect(found.segments.map { "\($0.count) \($0.stream)" } == ["2 tasks"])
    }
}
