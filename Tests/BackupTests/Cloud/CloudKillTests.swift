import Backup
import FileSystem
import Glibc
import ObjectStorage
import TestSupport
import Testing
import Vault

/// kill -9 while a remote is read or pruned. How often: `AI_TEAM_TEST_KILLS`.
@Suite struct CloudKillTests {
    @Test func aPullThatWasKilledGoesOn() throws {
        var generator = SplitMix64(seed: printedSeed())
        let test = try CloudHome()
        for time in 1...4 as ClosedRange<UInt64> { try test.backUp(time, tasks: 200) }
        _ = try test.cloud().ship()
        try test.vault.close()
        let directory = test.living.home.backupsDirectory
        let words = ["cloud-pull", test.living.home.path, test.server.endpoint]
        for round in 0..<stressCount("AI_TEAM_TEST_KILLS", 8) {
            // Now and then from nothing, else on top of what the one before left.
            if round % 4 == 0 {
                try Files.removeTree(directory)
                try Files.removeTree(test.living.home.runDirectory)
            }
            let last = test.server.requests.count + Int.random(in: 0..<16, using: &generator)
            let worker = try WorkerProcess(words)
            let deadline = ContinuousClock.now + .seconds(3)
            while test.server.requests.count < last, ContinuousClock.now < deadline { usleep(200) }
            worker.kill()
            _ = worker.wait()
            // What is there is whole; what is not is missed, since the home had it once.
            let found = try test.living.backups.verify(data: true)
            #expect(found.problems.allSatisfy { $0.code == .rollback }, "\(found.problems)")
        }
        let worker = try WorkerProcess(words)
        let said = worker.lines()
        #expect(worker.wait() == 0 && said.last?.hasSuffix(", 0 problems") == true, "\(said)")
        let found = try test.living.backups.verify(data: true)
        #expect(found.problems.isEmpty && found.checked == 4)
    }

    /// Killed before any change, in the run that writes the record and marks packs as in the run a day later
    /// that removes them: what is kept is whole, and the next run finishes.
    @Test func aCloudPruneThatWasKilledIsFinishedByTheNextOne() throws {
        let living = try LivingHome()
        let pristine = try TemporaryDirectory()
        let made = try fill(living, pristine("remote"))
        try TemporaryDirectory.copyTree(living.home.path, to: pristine("home"))
        var generator = SplitMix64(seed: printedSeed())
        let whole = try Place(pristine, living)
        let changes = [
            try whole.prune(0, day: 0).changes, try whole.age { try whole.prune(0, day: 2).changes },
        ]
        #expect(try whole.ids() == Array(made[3...]) && whole.marks() == 0)
        let packs = try whole.packs()
        for _ in 0..<stressCount("AI_TEAM_TEST_KILLS", 8) {
            let place = try Place(pristine, living)
            let first = Int.random(in: 1...changes[0], using: &generator)
            #expect(try place.prune(first, day: 0).status != 0)
            let between = try place.ids()
            #expect(between == made || between == Array(made[3...]), "change \(first)")
            #expect(try place.prune(0, day: 0).status == 0, "change \(first)")
            let second = Int.random(in: 1...changes[1], using: &generator)
            try place.age {
                _ = try place.prune(second, day: 2)
                #expect(try place.ids() == Array(made[3...]), "changes \(first), \(second)")
                #expect(try place.prune(0, day: 2).status == 0)
            }
            // What was marked only after the first day goes a day later.
            try place.age {
                let last = try place.prune(0, day: 4)
                #expect(last.status == 0)
            }
            let left = "changes \(first), \(second)"
            #expect(try place.ids() == Array(made[3...]), "\(left)")
            #expect(try place.packs() == packs && place.marks() == 0, "\(left)")
        }
    }

    /// Four backups, each with a document of its own that is gone in the next, in a directory.
    private func fill(_ living: LivingHome, _ remote: String) throws -> [String] {
        let vault = try living.open()
        var made: [String] = []
        for time in 1...4 as ClosedRange<UInt64> {
            try living.addTasks(20, to: vault)
            var options = VaultBackups.CreateOptions()
            let folder = living.scratch.directory("outside-\(time)")
            put((0..<300_000).map { _ in UInt8.random(in: 0...255) }, folder + "/file")
            options.paths = [Array(folder.utf8)]
            made.append(try living.backups.create(vault, options, time: 1_790_000_000_000 + time).backup.id)
        }
        try vault.close()
        var cloud = CloudBackups(
            home: living.home, keys: living.keys,
            remote: try Stores.open(.directory(remote), StoreSettings()), record: nil)
        _ = try cloud.initialise()
        _ = try cloud.ship()
        return made
    }

    /// A copy of a home and its remote.
    private struct Place {
        let directory: TemporaryDirectory
        let living: LivingHome
        private var home: Home { Home(path: directory("home")) }
        private var remote: String { directory("remote") }

        init(_ pristine: TemporaryDirectory, _ living: LivingHome) throws {
            directory = try TemporaryDirectory()
            self.living = living
            for part in ["home", "remote"] {
                try TemporaryDirectory.copyTree(pristine(part), to: directory(part))
            }
        }

        func prune(_ last: Int, day: Int) throws -> (status: Int32, changes: Int) {
            let worker = try WorkerProcess(["cloud-prune", home.path, "\(last)", "1", remote, "\(day)"])
            let said = worker.lines()
            let status = worker.wait()
            #expect(last > 0 || status == 0, "\(said)")
            let changes = said.first { $0.hasPrefix("changes ") }.flatMap { Int($0.dropFirst(8)) }
            return (status, changes ?? 0)
        }

        /// Makes the marks look two days old to `body`.
        func age<R>(_ body: () throws -> R) throws -> R {
            let marks = remote + "/backup/v1/d"
            if try Files.exists(marks) {
                _ = run("/usr/bin/find", marks, "-type", "f", "-exec", "touch", "-d", "-2 days", "{}", "+")
            }
            return try body()
        }

        /// The backups, all of which must be whole.
        func ids() throws -> [String] {
            let cloud = CloudBackups(
                home: home, keys: living.keys,
                remote: try Stores.open(.directory(remote), StoreSettings()), record: nil)
            let problems = try cloud.verify(nil, .data).problems
            #expect(problems.isEmpty, "\(problems)")
            return try cloud.list().backups.map(\.summary.id)
        }

        func packs() throws -> Set<String> { try names("p") }

        func marks() throws -> Int { try names("d").count }

        private func names(_ part: String) throws -> Set<String> {
            let path = "\(remote)/backup/v1/\(part)"
            guard try Files.exists(path) else { return [] }
            let found = run("/usr/bin/find", path, "-type", "f").output.split(separator: "\n")
            return Set(found.map { String($0.dropFirst(path.utf8.count)) })
        }
    }
}
