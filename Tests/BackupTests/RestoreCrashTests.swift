import Backup
import FileSystem
import Glibc
import KeyRing
import TestSupport
import Testing
import Vault

/// A restore or a backup that ends anywhere leaves one state or the other, and nothing half done.
@Suite struct RestoreCrashTests {
    /// A home with a backup of 60 tasks and a document, and 5 tasks more.
    private struct Scene {
        let living: LivingHome
        let backup: String
        let old: [String]
        let new: [String]

        init() throws {
            living = try LivingHome()
            let living = living
            put(Array("document".utf8), living.scratch.path + "/a.md")
            backup = try living.use { vault in
                try living.addTasks(60, to: vault)
                try living.upload("a.md", to: vault)
                return try living.backups.create(vault, time: 1).backup.id
            }
            new = try living.contents()
            try living.use { try living.addTasks(5, to: $0) }
            old = try living.contents()
        }

        /// Copies the home to a place of its own.
        func copy() throws -> (TemporaryDirectory, Home) {
            let directory = try TemporaryDirectory()
            try TemporaryDirectory.copyTree(living.home.path, to: directory("home"))
            return (directory, Home(path: directory("home")))
        }

        /// What the next command finds, as every command begins.
        func contents(of home: Home) throws -> [String] {
            try Restore.finishInterrupted(home: home.path)
            let keys = try KeyRing.open(in: home.keysDirectory, with: LivingHome.secret())
            let found = try LivingHome.contents(of: home, keys: keys)
            #expect(try Files.list(home.path).allSatisfy { !$0.hasPrefix(".restore") })
            return found
        }
    }

    private static let worker: String = {
        let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        #if DEBUG
            return "/\(root)/.build/debug/test-worker"
        #else
            return "/\(root)/.build/release/test-worker"
        #endif
    }()

    /// How many points are tried: `AI_TEAM_TEST_KILLS`, or 30.
    private static let points = getenv("AI_TEAM_TEST_KILLS").flatMap { Int(String(cString: $0)) } ?? 30

    private func changes(_ ended: Ended) throws -> Int {
        let line = try #require(ended.output.split(separator: "\n").first { $0.hasPrefix("changes ") })
        return try #require(Int(line.dropFirst(8)))
    }

    @Test func aPowerCutInARestoreLeavesOneStateOrTheOther() throws {
        let scene = try Scene()
        let (directory, before) = try scene.copy()
        let cut = PowerCut()
        try cut.record(below: scene.living.home.path) {
            _ = try scene.living.backups.restore(scene.backup, time: 1_800_000_000_000)
        }
        let start = UInt64.random(in: 0...1 << 40)
        print("seeds from \(start), \(cut.count) events")
        var seen: Set<Bool> = []
        for seed in start..<start + UInt64(Self.points) {
            var random = SplitMix64(seed: seed)
            // The last one is after the end: what was reported as done is done.
            let end = seed == start ? cut.count : Int(random.next() % UInt64(cut.count))
            let disk = try TemporaryDirectory()
            try TemporaryDirectory.copyTree(before.path, to: disk("home"))
            try cut.replay(upTo: end, seed: seed, original: scene.living.home.path, root: disk("home"))
            let found = try scene.contents(of: Home(path: disk("home")))
            #expect(found == scene.new || (found == scene.old && end < cut.count), "seed \(seed), cut \(end)")
            seen.insert(found == scene.new)
        }
        #expect(seen.contains(true))
        withExtendedLifetime(directory) {}
    }

    @Test func killedAnywhereARestoreIsFinishedOrUndone() throws {
        let scene = try Scene()
        let (directory, home) = try scene.copy()
        let total = try changes(run(Self.worker, "backup-restore", home.path, "0", scene.backup))
        #expect(try scene.contents(of: home) == scene.new)
        withExtendedLifetime(directory) {}
        let start = UInt64.random(in: 0...1 << 40)
        print("seeds from \(start), \(total) changes")
        for seed in start..<start + UInt64(Self.points) {
            var random = SplitMix64(seed: seed)
            let point = 1 + Int(random.next() % UInt64(total))
            let (directory, home) = try scene.copy()
            let ended = run(Self.worker, "backup-restore", home.path, "\(point)", scene.backup)
            #expect(ended.status == 137, "\(ended.output)")
            let found = try scene.contents(of: home)
            #expect(found == scene.new || found == scene.old, "seed \(seed), change \(point)")
            withExtendedLifetime(directory) {}
        }
    }

    @Test func killedAnywhereABackupIsThereOrNot() throws {
        let scene = try Scene()
        let (directory, home) = try scene.copy()
        let total = try changes(run(Self.worker, "backup-create", home.path, "0"))
        withExtendedLifetime(directory) {}
        let start = UInt64.random(in: 0...1 << 40)
        print("seeds from \(start), \(total) changes")
        for seed in start..<start + UInt64(Self.points) {
            var random = SplitMix64(seed: seed)
            let point = 1 + Int(random.next() % UInt64(total))
            let (directory, home) = try scene.copy()
            _ = run(Self.worker, "backup-create", home.path, "\(point)")
            #expect(try scene.contents(of: home) == scene.old)
            let keys = try KeyRing.open(in: home.keysDirectory, with: LivingHome.secret())
            let backups = VaultBackups(home: home, keys: keys)
            let found = try backups.verify(data: true)
            #expect(found.problems.isEmpty && (1...2).contains(found.checked), "seed \(seed), \(point)")
            // What the dead run left goes with the next one, which every pack belongs to some manifest after.
            let vault = try Vault.open(home: home, keys: keys)
            _ = try backups.create(vault, time: 1_900_000_000_000)
            try vault.close()
            let store = BackupStore(home.backupsDirectory)
            let manifests = try store.manifestNames().map { try store.manifest($0) }
            let packs = Set(manifests.flatMap(\.clear.packs).map(\.name))
            let files = run("/usr/bin/find", home.backupsDirectory + "/p", "-type", "f").output
            #expect(files.split(separator: "\n").count == packs.count)
            withExtendedLifetime(directory) {}
        }
    }
}
