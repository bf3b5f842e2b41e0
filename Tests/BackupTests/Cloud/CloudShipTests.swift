import Backup
import FileSystem
import ObjectStorage
import TestSupport
import Testing
import Vault

/// Shipping to a strict server and back.
@Suite struct CloudShipTests {
    @Test func whatIsMissingIsShippedOnceAndInOrder() throws {
        let test = try CloudHome()
        try test.backUp(1)
        try test.backUp(2)
        let first = try test.cloud().ship()
        #expect(first.uploaded == test.packs.count + 2 && first.problems.isEmpty)
        #expect(test.manifests.count == 2)
        let again = try test.cloud().ship()
        #expect(again.uploaded == 0 && again.bytes == 0 && again.skipped == first.uploaded)
        #expect(Set(test.puts.map(\.key)).count == test.puts.count)
        // Each manifest came after all of its packs.
        let order = test.puts.map(\.key)
        let lastPack = try #require(order.lastIndex { $0.contains("/p/") })
        let lastManifest = try #require(order.lastIndex { $0.contains("/m/") })
        #expect(lastManifest > lastPack)
    }

    @Test func anotherBackupCostsThreeRequests() throws {
        let test = try CloudHome()
        try test.backUp(1)
        _ = try test.cloud().ship()
        try test.backUp(2)
        let before = test.server.requests.count
        var cloud = try test.cloud(probed: false)
        let record = try cloud.initialise().record
        let probing = test.server.requests.count - before
        let second = CloudBackups(
            home: test.living.home, keys: test.living.keys, remote: try test.open(), record: record,
            storeSurroundings: CloudHome.surroundings)
        #expect(!second.needsProbe)
        let done = try second.ship()
        #expect(done.uploaded == 2 && second.requests == 3)
        #expect(test.server.requests.count - before - probing == 3)
        let third = CloudBackups(
            home: test.living.home, keys: test.living.keys, remote: try test.open(), record: record,
            storeSurroundings: CloudHome.surroundings)
        #expect(try third.ship().uploaded == 0 && third.requests == 1)
    }

    @Test func oneBackupAndThoseBeforeIt() throws {
        let test = try CloudHome()
        let first = try test.backUp(1)
        try test.backUp(2)
        _ = try test.cloud().ship(first.id)
        #expect(test.manifests.count == 1)
        let error = #expect(throws: BackupError.self) { try test.cloud().ship("nothing") }
        #expect(error?.code == .notFound)
    }

    @Test func everythingComesBack() throws {
        let test = try CloudHome()
        try test.backUp(1)
        try test.backUp(2)
        _ = try test.cloud().ship()
        let before = try test.living.backups.list().backups.map(\.id)
        try Files.removeTree(test.living.home.backupsDirectory)
        let back = try test.cloud().pull()
        #expect(back.downloaded == test.packs.count + 2 && back.problems.isEmpty)
        #expect(try test.living.backups.list().backups.map(\.id) == before)
        #expect(try test.living.backups.verify(data: true).problems.isEmpty)
        let again = try test.cloud().pull()
        #expect(again.downloaded == 0 && again.bytes == 0)
        let listed = try test.cloud().list()
        #expect(listed.backups.map(\.summary.id) == before && listed.backups.allSatisfy(\.isLocal))
    }

    @Test func aDirectoryIsARemoteToo() throws {
        let test = try CloudHome()
        try test.backUp(1)
        let directory = try TemporaryDirectory()
        func cloud() throws -> CloudBackups {
            var cloud = CloudBackups(
                home: test.living.home, keys: test.living.keys,
                remote: try Stores.open(.directory(directory("remote")), StoreSettings()), record: nil)
            let probe = try cloud.initialise().probe
            #expect(probe.isHonoured)
            return cloud
        }
        let done = try cloud().ship()
        #expect(done.uploaded >= 2)
        #expect(try cloud().ship().uploaded == 0)
        let check = try cloud().verify(nil, .data)
        #expect(check.problems.isEmpty && check.checked == 1 && check.bytes > 0)
    }

    @Test(arguments: [StrictServer.Conditions.ignored, .refused])
    func aStoreWithoutConditionsIsNotUsedAsIfItHadThem(conditions: StrictServer.Conditions) throws {
        let test = try CloudHome { $0.conditions = conditions }
        try test.backUp(1)
        var cloud = try test.cloud(probed: false)
        let (probe, _) = try cloud.initialise()
        #expect(!probe.isHonoured && probe.ifAbsent == (conditions == .ignored ? .ignored : .refused))
        let done = try cloud.ship()
        #expect(done.uploaded == test.packs.count + 1)
        #expect(try test.cloud().verify().problems.isEmpty)
        // Someone else's manifest under our name is seen, although the store would let it be replaced.
        try test.backUp(2)
        let name = try #require(test.manifests.first).dropLast() + "2"
        test.faults.set { [name = String(name)] seen in
            seen.method == "GET" && seen.key.isEmpty && name.isEmpty ? .shortList : nil
        }
        test.server.plant(String(name), [1, 2, 3])
        let error = #expect(throws: BackupError.self) { try test.cloud().ship() }
        #expect(error?.code == .rollback && test.server.object(String(name)) == [1, 2, 3])
    }

    @Test func theProbeIsSignedAndOfOnePlace() throws {
        let test = try CloudHome()
        var cloud = try test.cloud(probed: false)
        let (probe, record) = try cloud.initialise()
        #expect(probe.isHonoured && probe.hasMD5 && abs(probe.clockDifference) < 60_000)
        #expect(test.server.keys.isEmpty)
        func needsProbe(_ record: [UInt8], prefix: String = "ai-team") throws -> Bool {
            CloudBackups(
                home: test.living.home, keys: test.living.keys, remote: try test.open(prefix: prefix),
                record: record
            ).needsProbe
        }
        #expect(try !needsProbe(record))
        #expect(try needsProbe(record, prefix: "elsewhere"))
        for index in record.indices {
            var changed = record
            changed[index] ^= 1
            #expect(try needsProbe(changed), "byte \(index)")
        }
    }

    @Test func aClockThatIsWrongIsTold() throws {
        let test = try CloudHome { $0.now = { StrictTime.now() + 20 * 60_000 } }
        try test.backUp(1)
        var cloud = try test.cloud(probed: false)
        let probe = try cloud.initialise().probe
        #expect(abs(probe.clockDifference - 20 * 60_000) < 60_000)
        #expect(try cloud.ship().uploaded >= 2)
    }
}
