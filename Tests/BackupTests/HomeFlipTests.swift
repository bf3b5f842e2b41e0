import Backup
import EncryptedSQLite
import FileSystem
import Glibc
import KeyRing
import TestSupport
import Testing
import Vault

/// One changed bit in any file of a home, wherever it is: something names it, or it stood in bytes that
/// nothing reads and everything is as it was.
@Suite struct HomeFlipTests {
    /// Bytes tried in each file: `AI_TEAM_TEST_FLIPS`, or 6.
    private static let tries = getenv("AI_TEAM_TEST_FLIPS").flatMap { Int(String(cString: $0)) } ?? 6

    private let living: LivingHome
    private let wanted: [String]

    init() throws {
        living = try LivingHome()
        let living = living
        for (name, text) in [("a.md", "one"), ("文件.txt", String(repeating: "內容", count: 9000))] {
            put(Array(text.utf8), living.scratch.path + "/" + name)
        }
        try living.use { vault in
            try living.addTasks(80, to: vault)
            for name in ["a.md", "文件.txt"] { try living.upload(name, to: vault) }
            _ = try living.backups.create(vault, time: 1)
        }
        wanted = try living.contents()
    }

    /// Everything that looks for damage. True when something found some.
    private func isNamed(in home: Home) throws -> Bool {
        let keys: UnlockedKeys
        do {
            // A damaged copy of the ring is named; the other one opens.
            guard try KeyRing.summary(in: home.keysDirectory).damagedCopies.isEmpty else { return true }
            keys = try KeyRing.open(in: home.keysDirectory, with: LivingHome.secret())
            let vault = try Vault.open(home: home, keys: keys)
            let isWhole = try vault.database.verify().isIntact
            _ = try vault.read { try $0.checkIntegrity() }
            let documents = try vault.verifyDocuments()
            try vault.close()
            guard isWhole, documents.failures.isEmpty else { return true }
            let backups = try VaultBackups(home: home, keys: keys).verify(data: true)
            guard backups.problems.isEmpty else { return true }
        } catch {
            return true
        }
        return false
    }

    private func files(_ directory: String, below prefix: String = "") throws -> [String] {
        try Files.list(directory + "/" + prefix).flatMap { name -> [String] in
            let path = prefix + name
            let kind = try Files.status(directory + "/" + path)?.kind
            return kind == .directory ? try files(directory, below: path + "/") : [path]
        }
    }

    @Test func aFlippedBitAnywhereIsNamedOrWithoutEffect() throws {
        let seed = UInt64.random(in: 0...1 << 40)
        print("seed \(seed)")
        var random = SplitMix64(seed: seed)
        var named: [String: Int] = [:]
        let all = try files(living.home.path).filter { !$0.hasPrefix("config/") && !$0.hasPrefix("run/") }
        for file in all {
            let size = Int(try Files.status(living.home.path + "/" + file)?.size ?? 0)
            guard size > 0 else { continue }
            let places =
                [0, size - 1] + (2..<max(3, Self.tries)).map { _ in Int(random.next() % UInt64(size)) }
            for place in places {
                let copy = try TemporaryDirectory()
                let home = Home(path: copy("home"))
                try TemporaryDirectory.copyTree(living.home.path, to: home.path)
                var bytes = try #require(contents(home.path + "/" + file))
                bytes[place] ^= 1 << (random.next() % 8)
                put(bytes, home.path + "/" + file)
                if try isNamed(in: home) {
                    named[String(file.prefix { $0 != "/" }), default: 0] += 1
                    continue
                }
                let keys = try KeyRing.open(in: home.keysDirectory, with: LivingHome.secret())
                let found = try LivingHome.contents(of: home, keys: keys)
                #expect(found == wanted, "\(file), byte \(place), seed \(seed)")
            }
        }
        // The files that hold anything: ring and roster, database and seal, blobs, packs and manifest.
        #expect(named["keys", default: 0] >= 6 && named["data", default: 0] >= 12, "\(named)")
    }

    @Test func withoutAFlipNothingIsNamed() throws {
        #expect(try !isNamed(in: living.home))
    }
}
