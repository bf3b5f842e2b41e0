import FileSystem
import Simulation
import TestSupport
import Testing
import Vault

/// Whole runs of devices over a store that loses, delays and repeats, of copies and old states, and of an
/// adversary. `scripts/simulate.sh` runs any number of seeds, `AI_TEAM_TEST_SEEDS` says how many here.
struct SimulationTests {
    private static let workers = 2

    @Test(arguments: 0..<workers)
    func everySeedEndsInAgreementOrAnAlarm(worker: Int) throws {
        let count = stressCount("AI_TEAM_TEST_SEEDS", 100)
        for seed in stride(from: worker, to: count, by: Self.workers) { run(UInt64(seed)) }
    }

    /// What was found once stays found.
    @Test func seedsThatHaveFoundSomethingAreQuiet() throws {
        let path = ProjectPython.root + "/Tests/Simulation/regressions.txt"
        let text = String(decoding: try Files.readAll(path, limit: 1 << 20), as: UTF8.self)
        let lines = text.split(separator: "\n")
        let seeds = lines.compactMap { UInt64($0.prefix { $0.isNumber }) }
        #expect(!seeds.isEmpty)
        for seed in seeds { run(seed) }
    }

    /// All orders of two writes or rounds of two devices, with a crash before every effect.
    @Test(arguments: [false, true])
    func whateverTwoDevicesDoEndsInAgreement(areAcquainted: Bool) {
        let result = Explorer.run(operations: 2, areAcquainted: areAcquainted)
        #expect(result.violations.isEmpty && result.ends > 10, "\(result.violations)")
    }

    /// The twin: a disk that forgets its newest commit is found out.
    @Test func aCrashThatLosesACommitIsNoticed() {
        let result = Explorer.run(operations: 2, areAcquainted: false, forgetsAtCrash: true)
        #expect(!result.violations.isEmpty)
    }

    private func run(_ seed: UInt64) {
        var world = World(SimulationOptions(seed: seed))
        let outcome = world.run()
        #expect(outcome.violations.isEmpty, "\(outcome.options): \(outcome.violations)")
    }
}
