import Backup
import FileSystem
import KeyRing
import TestSupport
import Testing
import Vault

/// Pruning a home's own store.
@Suite struct PruneTests {
    private let living: LivingHome
    private var backups: VaultBackups { living.backups }
    private static let day: UInt64 = 86_400_000
    private static let start: UInt64 = 1_790_000_000_000

    init() throws { living = try LivingHome() }

    /// One backup a day, with a few tasks more each, the last one now.
    @discardableResult
    private func make(_ count: Int, tags: [Int: String] = [:]) throws -> [String] {
        let living = living
        return try living.use { vault in
            try (0..<count).map { day in
                try living.addTasks(5, to: vault)
                var options = VaultBackups.CreateOptions()
                options.tags = tags[day].map { [$0] } ?? []
                let time = Self.start + UInt64(day) * Self.day
                return try living.backups.create(vault, options, time: time).backup.id
            }
        }
    }

    private func options(_ change: (inout RetentionPolicy) -> Void) -> VaultBackups.PruneOptions {
        var policy = RetentionPolicy()
        change(&policy)
        return VaultBackups.PruneOptions(policy)
    }

    private func prune(_ options: VaultBackups.PruneOptions) throws -> VaultBackups.PruneReport {
        let time = Self.start + 40 * Self.day
        return try backups.prune(backups.planPrune(options, time: time), options, time: time)
    }

    private func files(_ part: String) -> [Substring] {
        run("/usr/bin/find", living.home.backupsDirectory + part, "-type", "f").output.split(separator: "\n")
    }

    private func ids() throws -> [String] { try backups.list().backups.map(\.id) }

    @Test func whatNoRuleWantsGoesAndTheRestIsWhole() throws {
        let made = try make(5, tags: [0: "release"])
        let options = options {
            $0.last = 2
            $0.tags = ["release"]
        }
        let plan = try backups.planPrune(options, time: Self.start + 40 * Self.day)
        #expect(plan.rows.map(\.id) == made && plan.removed.map(\.id) == [made[1], made[2]])
        #expect(try ids() == made, "a plan changes nothing")
        let before = files("/p").count
        let report = try prune(options)
        #expect(report.removed == [made[1], made[2]] && report.problems.isEmpty)
        #expect(try ids() == [made[0], made[3], made[4]] && backups.list().problems.isEmpty)
        #expect(try backups.verify(data: true).problems.isEmpty)
        #expect(files("/m").count == 4 && before - files("/p").count == plan.packs)
        // A second run has nothing to do and writes nothing.
        #expect(try prune(options).removed.isEmpty && files("/m").count == 4)
        // The chain goes on, and what is left restores.
        let next = try living.use { try living.backups.create($0, time: Self.start + 50 * Self.day) }
        #expect(next.backup.sequence == 7)
        _ = try backups.restore(made[3], time: Self.start + 60 * Self.day)
        #expect(try backups.list().problems.isEmpty)
    }

    /// The size in the plan is what becomes free, but for the manifests themselves.
    @Test func thePlanSaysWhatBecomesFree() throws {
        try make(4)
        let options = options { $0.last = 1 }
        let plan = try backups.planPrune(options, time: Self.start + 40 * Self.day)
        let before = files("/p").reduce(UInt64(0)) { $0 + UInt64(size(String($1))) }
        _ = try prune(options)
        let after = files("/p").reduce(UInt64(0)) { $0 + UInt64(size(String($1))) }
        #expect(before - after == plan.bytes)
    }

    private func size(_ path: String) -> Int { contents(path)?.count ?? 0 }

    @Test func mostOfThemNeedAnExtraWord() throws {
        let made = try make(6)
        var options = options { $0.last = 1 }
        let error = #expect(throws: BackupError.self) { try prune(options) }
        #expect(error?.code == .guardRefused)
        #expect(try ids() == made)
        options.allowsMassDeletion = true
        #expect(try prune(options).removed.count == 5)
        #expect(try ids() == [made[5]])
    }

    @Test func withoutRulesNothingGoes() throws {
        try make(2)
        let error = #expect(throws: BackupError.self) { try prune(options { _ in }) }
        #expect(error?.code == .guardRefused)
    }

    @Test func nothingGoesWhileAManifestIsMissingOrBroken() throws {
        let made = try make(4)
        var options = options { $0.last = 2 }
        let manifests = files("/m").map(String.init).sorted()
        let bytes = try #require(contents(manifests[1]))
        put(Array(bytes.dropLast()), manifests[1])
        let broken = #expect(throws: BackupError.self) { try prune(options) }
        #expect(broken?.code == .integrity && files("/m").count == 4)
        // Missing links are given up when somebody says so, by a signed record; broken ones never are.
        options.acceptsRollback = true
        #expect(throws: BackupError.self) { try prune(options) }
        _ = run("/bin/rm", manifests[1])
        options.acceptsRollback = false
        let missing = #expect(throws: BackupError.self) { try prune(options) }
        #expect(missing?.code == .rollback && missing?.hint?.contains("--accept-rollback") == true)
        options.acceptsRollback = true
        #expect(try prune(options).removed == [made[0]])
        #expect(try ids() == [made[2], made[3]] && backups.list().problems.isEmpty)
        options.acceptsRollback = false
        #expect(try prune(options).removed.isEmpty)
    }

    /// Somebody's garbage in the store is named and keeps nothing from being pruned.
    @Test func strangersDoNotKeepOldBackups() throws {
        let made = try make(3)
        put([1], living.home.backupsDirectory + "/m/readme")
        let report = try prune(options { $0.last = 2 })
        #expect(report.removed == [made[0]] && report.problems.map(\.object) == ["m/readme"])
    }

    @Test func whatWasPrunedAndPutBackIsNotBelieved() throws {
        let made = try make(3)
        let oldest = files("/m").map(String.init).sorted()[0]
        let bytes = try #require(contents(oldest))
        _ = try prune(options { $0.last = 2 })
        put(bytes, oldest)
        #expect(try ids() == Array(made[1...]) && backups.verify().problems.isEmpty)
        #expect(throws: BackupError.self) { try backups.show(made[0]) }
        // The next backup clears it away.
        _ = try living.use { try living.backups.create($0, time: Self.start + 50 * Self.day) }
        #expect(try !Files.exists(oldest))
    }

    @Test func anotherBackupOrPruneAtTheSameTimeIsAConflict() throws {
        try make(3)
        let lock = try FileLock.attempt(living.home.backupsDirectory + "/.lock", .exclusive)
        let error = #expect(throws: BackupError.self) { try prune(options { $0.last = 2 }) }
        #expect(error?.code == .conflict && lock != nil)
    }

    /// Twenty prunes leave fewer records than that: later ones take the place of earlier ones.
    @Test func recordsTakeThePlaceOfOlderOnes() throws {
        for day in 0..<20 {
            try living.use { _ = try living.backups.create($0, time: Self.start + UInt64(day) * Self.day) }
            _ = try prune(options { $0.last = 1 })
        }
        #expect(try backups.list().problems.isEmpty && ids().count == 1)
        #expect(files("/m").count < 6)
        let next = try living.use { try living.backups.create($0, time: Self.start + 50 * Self.day) }
        #expect(next.backup.sequence == 40)
    }

    /// Killed before any change to the file system, a prune has done nothing or is finished by the next one.
    @Test func killedAnywhereAPruneIsFinishedByTheNextOne() throws {
        let made = try make(4)
        let pristine = try TemporaryDirectory()
        try TemporaryDirectory.copyTree(living.home.path, to: pristine("home"))
        let first = try WorkerProcess(["backup-prune", living.home.path, "0", "2"])
        let said = first.lines()
        #expect(first.wait() == 0)
        let total = try #require(
            said.first { $0.hasPrefix("changes ") }.flatMap { Int($0.dropFirst("changes ".count)) })
        var random = SplitMix64(seed: printedSeed())
        let count = stressCount("AI_TEAM_TEST_KILLS", 10)
        let points = Set((0..<count).map { _ in 1 + Int(random.next() % UInt64(total)) })
        for point in points {
            let place = try TemporaryDirectory()
            let home = Home(path: place("home"))
            try TemporaryDirectory.copyTree(pristine("home"), to: home.path)
            let worker = try WorkerProcess(["backup-prune", home.path, "\(point)", "2"])
            #expect(worker.wait() == -1)
            let found = VaultBackups(home: home, keys: living.keys)
            let left = try found.list()
            #expect(left.problems.isEmpty, "change \(point)")
            let ids = left.backups.map(\.id)
            #expect(ids == made || ids == Array(made[2...]), "change \(point)")
            #expect(try found.verify(data: true).problems.isEmpty, "change \(point)")
            let again = try WorkerProcess(["backup-prune", home.path, "0", "2"])
            #expect(again.wait() == 0)
            #expect(try found.list().backups.map(\.id) == Array(made[2...]), "change \(point)")
            #expect(try tree(home) == tree(living.home), "change \(point)")
        }
    }

    /// The same for a cut of the power, which loses what was not synced.
    @Test func aPowerCutInAPruneLosesNoKeptBackup() throws {
        let made = try make(4)
        let before = try TemporaryDirectory()
        try TemporaryDirectory.copyTree(living.home.path, to: before("home"))
        let cut = PowerCut()
        try cut.record(below: living.home.path) { _ = try prune(options { $0.last = 2 }) }
        let seed = printedSeed()
        for at in stride(from: cut.count, through: 0, by: -max(1, cut.count / 12)) {
            let disk = try TemporaryDirectory()
            let home = Home(path: disk("home"))
            try TemporaryDirectory.copyTree(before("home"), to: home.path)
            try cut.replay(
                upTo: at, seed: seed &+ UInt64(at), original: living.home.path, root: home.path)
            let found = VaultBackups(home: home, keys: living.keys)
            let ids = try found.list().backups.map(\.id)
            #expect(ids == made || ids == Array(made[2...]), "cut \(at)")
            #expect(try found.verify(data: true).problems.isEmpty, "cut \(at)")
        }
    }

    /// Names of the store's packs and manifests. Records have their own ids, so not their contents.
    private func tree(_ home: Home) throws -> [String] {
        run("/usr/bin/find", home.backupsDirectory, "-type", "f", "-printf", "%P\n").output
            .split(separator: "\n").map(String.init).sorted()
    }
}
