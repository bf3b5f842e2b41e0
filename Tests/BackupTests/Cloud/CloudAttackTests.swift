import Backup
import FileSystem
import ObjectStorage
import TestSupport
import Testing
import Vault

/// Whoever has the bucket: each change is named, and the rest goes on.
@Suite struct CloudAttackTests {
    private func shipped(_ backups: UInt64 = 2) throws -> CloudHome {
        let test = try CloudHome()
        for time in 1...backups { try test.backUp(time) }
        _ = try test.cloud().ship()
        return test
    }

    private func problems(
        _ test: CloudHome, _ depth: CloudBackups.Depth = .listing
    ) throws -> [VaultBackups.Problem] { try test.cloud().verify(nil, depth).problems }

    @Test func packsThatAreMissingCutOrChangedAreNamed() throws {
        let test = try shipped()
        #expect(try problems(test).isEmpty && problems(test, .data).isEmpty)
        let name = try #require(test.packs.first)
        let content = try #require(test.server.object(name))
        let pack = try #require(name.split(separator: "/").last)
        var changed = content
        changed[content.count / 2] ^= 1
        for bad in [nil, Array(content.dropLast()), content + [0], changed] {
            test.server.plant(name, bad)
            let found = try problems(test)
            #expect(found.contains { $0.object == "pack \(pack)" && $0.code == .integrity })
            // The home still has it: the next run puts it right.
            #expect(try test.cloud().ship().uploaded == 1)
            #expect(test.server.object(name) == content)
            #expect(try problems(test).isEmpty)
        }
    }

    @Test func everySubsetTogetherReadsEverything() throws {
        let test = try shipped(3)
        var read: UInt64 = 0
        for part in 1...3 as ClosedRange<UInt64> {
            let found = try test.cloud().verify(nil, .subset(part: part, of: 3))
            #expect(found.problems.isEmpty)
            read += found.bytes
        }
        #expect(read == test.packs.reduce(0) { $0 + UInt64(test.server.object($1)?.count ?? 0) })
    }

    @Test func aManifestThatIsGoneOrReplayedIsRollback() throws {
        let test = try shipped()
        _ = try test.cloud().list()
        let names = test.manifests
        let newest = try #require(names.last)
        let content = try #require(test.server.object(newest))
        test.server.plant(newest, nil)
        let gone = try test.cloud().list()
        #expect(gone.backups.count == 1 && gone.problems.contains { $0.code == .rollback })
        let error = #expect(throws: BackupError.self) { try test.cloud().ship() }
        #expect(error?.code == .rollback)
        // On the user's word it is shipped again.
        #expect(try test.cloud().ship(acceptsRollback: true).uploaded == 1)
        #expect(test.server.object(newest) == content)
        // The older one under the newer one's name.
        test.server.plant(newest, test.server.object(names[0]))
        let replayed = try test.cloud().list()
        #expect(replayed.problems.contains { newest.hasSuffix($0.object) })
    }

    @Test func anotherVaultsAndMalformedObjectsDoNotHideOurs() throws {
        let test = try shipped()
        let other = try shipped(1)
        let stranger = try #require(other.manifests.first)
        test.server.plant(stranger, other.server.object(stranger))
        let root = "ai-team/backup/v1/"
        test.server.plant(root + "m/garbage", [1])
        test.server.plant(
            root + "m/0123456789abcdef/00000000/0000000000000001", [UInt8](repeating: 7, count: 500))
        test.server.plant(root + "p/with space", [1])
        test.server.plant(root + "x/y", [1])
        let found = try test.cloud().list()
        #expect(found.backups.count == 2)
        for object in [stranger, "garbage", "0123456789abcdef/00000000", "with space", "x/y"] {
            #expect(
                found.problems.contains {
                    $0.object.hasSuffix(object) || object.hasSuffix($0.object) || $0.object.contains(object)
                }, "\(object)")
        }
        let back = try test.cloud().pull()
        #expect(back.downloaded == 0)
    }

    @Test func whatIsPulledIsChecked() throws {
        let test = try shipped()
        let name = try #require(test.packs.first)
        var content = try #require(test.server.object(name))
        content[content.count / 2] ^= 1
        test.server.plant(name, content)
        try Files.removeTree(test.living.home.backupsDirectory)
        let back = try test.cloud().pull()
        #expect(back.problems.contains { $0.code == .integrity && $0.object.hasPrefix("pack ") })
        let pack = try #require(name.split(separator: "/").last)
        let path = "\(test.living.home.backupsDirectory)/p/\(pack.prefix(2))/\(pack)"
        #expect(try !Files.exists(path))
    }

    @Test(arguments: [false, true]) func locksKeepWhatIsThere(locksComeFirst: Bool) throws {
        let test = try CloudHome { options in
            options.lockedPrefixes = ["ai-team/backup/v1/p/", "ai-team/backup/v1/m/"]
            options.locksComeFirst = locksComeFirst
        }
        try test.backUp(1)
        _ = try test.cloud().ship()
        #expect(try test.cloud().ship().uploaded == 0)
        // A listing that is behind: what is there already is found out by the put, and is no failure.
        try test.backUp(2)
        let cloud = try test.cloud()
        try Files.removeTree(test.living.home.keysDirectory + "/backup-heads")
        test.faults.set { $0.method == "GET" && $0.key.isEmpty ? .stale : nil }
        #expect(try cloud.ship().uploaded == 2)
        test.faults.set { _ in nil }
        #expect(Set(test.puts.map(\.key)).count == test.puts.count)
        let name = try #require(test.packs.first)
        test.server.plant(name, [1])
        let error = #expect(throws: StorageError.self) { try test.cloud().ship() }
        #expect(error?.code == .locked)
    }
}
