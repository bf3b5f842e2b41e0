import EncryptedSQLite
import FileSystem
import KeyRing
import TestSupport
import Testing
import Vault

/// The files of a database put back together to an older state: they fit each other, and not what the home
/// has seen.
@Suite struct AnchorTests {
    private let made: VaultHome

    init() throws { made = try VaultHome() }

    private var anchor: String { made.home.keysDirectory + "/anchor" }

    private func work(_ count: Int = 3) throws {
        let vault = try made.open()
        for number in 0..<count {
            try vault.write { _ = try $0.createTask(TaskDraft(title: "task \(number)")) }
        }
        try vault.close()
    }

    private func code(_ body: () throws -> Void) -> String? {
        do {
            try body()
            return nil
        } catch let error as EncryptedDatabaseError {
            return error.code == .rollback ? "rollback" : error.message
        } catch let error as VaultError {
            return error.code.rawValue
        } catch {
            return "\(error)"
        }
    }

    private func putBack(_ saved: String, at path: String) throws {
        try Files.removeTree(path)
        try TemporaryDirectory.copyTree(saved, to: path)
    }

    @Test func anHonestHomeIsQuiet() throws {
        for round in 0..<5 {
            try work(round)
            #expect(try StateRepair.damage(of: made.home, keys: made.keys()) == nil)
        }
        // A home that is copied whole is a home.
        let copy = made.directory("copy")
        try TemporaryDirectory.copyTree(made.home.path, to: copy)
        try work()
        let (home, keys) = (
            Home(path: copy), try KeyRing.open(in: copy + "/keys", with: KeyFile.read(made.directory("key")))
        )
        #expect(try StateRepair.damage(of: home, keys: keys) == nil)
    }

    @Test func aDatabasePutBackWholeIsNamed() throws {
        try work()
        let saved = made.directory("saved")
        try TemporaryDirectory.copyTree(made.home.databaseDirectory, to: saved)
        try work()
        try putBack(saved, at: made.home.databaseDirectory)
        for _ in 0..<2 { #expect(code { try work() } == "rollback") }
    }

    /// Another database under the same keys, whose files all fit each other.
    @Test func aDatabaseInThePlaceOfAnotherIsNamed() throws {
        try work()
        let own = made.directory("own")
        try TemporaryDirectory.copyTree(made.home.databaseDirectory, to: own)
        try Files.removeTree(made.home.databaseDirectory)
        try made.home.makeLayout()
        try Vault.createDatabase(at: made.home.databasePath, keys: made.keys(), surroundings: .system)
        let damage = try #require(try StateRepair.damage(of: made.home, keys: made.keys()))
        #expect(damage.contains("is not the one that \(anchor) was made for"))
        #expect(code { try work() } == "rollback")
        try putBack(own, at: made.home.databaseDirectory)
        #expect(code { try work() } == nil)
    }

    @Test func anAnchorPutBackOrRemovedIsNamed() throws {
        try work()
        let saved = made.directory("saved")
        try TemporaryDirectory.copyTree(anchor, to: saved)
        try work()
        try work()
        let newest = made.directory("newest")
        try TemporaryDirectory.copyTree(anchor, to: newest)
        try putBack(saved, at: anchor)
        #expect(code { try work() } == "rollback")
        try Durable.remove(anchor)
        #expect(code { try work() } == "rollback")
        try putBack(newest, at: anchor)
        #expect(code { try work() } == nil)
    }

    @Test func aLogCutBackToAnEarlierCommitIsNamed() throws {
        let vault = try made.open()
        let log = made.home.databasePath + "-wal"
        try vault.write { _ = try $0.createTask(TaskDraft(title: "first")) }
        var cut: Int64 = 0
        try vault.read { _ in
            cut = try #require(try Files.status(log)).size
            let other = try made.open()
            try other.write { _ = try $0.createTask(TaskDraft(title: "second")) }
            // A reader keeps it from copying the second one; the anchor has heard of both.
            #expect(try other.database.checkpoint(milliseconds: 20) == .partial)
        }
        let copy = try VaultHome()
        try putBack(made.root, at: copy.root)
        try Durable.remove(copy.home.databasePath + "-shm")
        let twin = try VaultHome()
        try putBack(copy.root, at: twin.root)
        try vault.close()
        try File.open(copy.home.databasePath + "-wal", .readWrite).truncate(to: cut)
        #expect(code { try copy.open().close() } == "rollback")
        #expect(code { try twin.open().close() } == nil)
    }

    @Test func anOlderStateCountsAgainOnceItIsAccepted() throws {
        try work()
        let saved = made.directory("saved")
        try TemporaryDirectory.copyTree(made.home.databaseDirectory, to: saved)
        let old = made.directory("anchor")
        try work()
        try TemporaryDirectory.copyTree(anchor, to: old)
        try putBack(saved, at: made.home.databaseDirectory)
        let damage = try #require(try StateRepair.damage(of: made.home, keys: made.keys()))
        #expect(damage.contains("put back"))
        try StateRepair.accept(made.home, keys: made.keys())
        #expect(try StateRepair.damage(of: made.home, keys: made.keys()) == nil)
        try work()
        try work()
        #expect(try StateRepair.damage(of: made.home, keys: made.keys()) == nil)
        // What it took the place of does not come back.
        try putBack(old, at: anchor)
        #expect(code { try work() } == "rollback")
    }

    @Test func aPageThatIsDamagedIsNotAccepted() throws {
        try work()
        let file = try File.open(made.home.databasePath, .readWrite)
        let byte = try file.read(count: 1, at: 3 * 4096 + 7)
        try file.write([byte[0] ^ 1], at: 3 * 4096 + 7)
        let error = #expect(throws: EncryptedDatabaseError.self) {
            try StateRepair.accept(made.home, keys: made.keys())
        }
        #expect(error?.code == .tampered && error?.page == 4)
        try file.write(byte, at: 3 * 4096 + 7)
        #expect(code { try work() } == nil)
    }

    @Test func killedProcessesLeaveAnAnchorThatFits() throws {
        var random = SplitMix64(seed: printedSeed())
        for round in 0..<8 {
            let workers = try (0..<3).map { number in
                try WorkerProcess(["vault-churn", made.root, "w\(round)\(number)", "\(number)", "0"])
            }
            for worker in workers {
                let wanted = Int(random.next() % 150) + 1
                _ = worker.lines { $0.count >= wanted }
                worker.kill()
                #expect(worker.wait() == -1)
            }
            #expect(code { try work(1) } == nil, "round \(round)")
        }
        #expect(try StateRepair.damage(of: made.home, keys: made.keys()) == nil)
    }

    @Test func aPowerCutLeavesAnAnchorThatFits() throws {
        let before = try VaultHome()
        try putBack(made.root, at: before.root)
        let cut = PowerCut()
        try cut.record(below: made.root) {
            for round in 0..<6 {
                let vault = try made.open()
                for number in 0..<4 {
                    try vault.write { _ = try $0.createTask(TaskDraft(title: "task \(round) \(number)")) }
                    if number == 2 { try vault.database.checkpoint() }
                }
                try vault.close()
            }
        }
        let start = printedSeed()
        for seed in start..<start + 80 {
            var random = SplitMix64(seed: seed)
            let end = Int(random.next() % UInt64(cut.count + 1))
            let copy = try VaultHome()
            try putBack(before.root, at: copy.root)
            try cut.replay(upTo: end, seed: seed, original: made.root, root: copy.root)
            let damage = try StateRepair.damage(of: copy.home, keys: copy.keys())
            #expect(damage == nil, "seed \(seed), cut \(end)")
        }
    }
}
