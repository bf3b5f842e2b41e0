import Glibc
import Simulation

/// `test-simulator FIRST COUNT`: runs seeds and prints those that end in what must never be.
/// `test-simulator SEED [--trace]`: runs one twice, with its options, and says whether both runs were the
/// same; on demand with all that happens.
/// `test-simulator --exhaustive OPERATIONS`: everything that two devices can do in so many writes and rounds.
let numbers = CommandLine.arguments.dropFirst().compactMap { UInt64($0) }

func print(_ outcome: SimulationOutcome) {
    print(outcome.options)
    for violation in outcome.violations { print("  VIOLATION: \(violation)") }
}

if CommandLine.arguments.contains("--exhaustive") {
    var isQuiet = true
    for areAcquainted in [false, true] {
        let result = Explorer.run(operations: Int(numbers.first ?? 3), areAcquainted: areAcquainted)
        for violation in result.violations { print("  VIOLATION: \(violation)") }
        print(
            "devices that \(areAcquainted ? "have synced" : "have never synced"): "
                + "\(result.situations) situations, \(result.ends) ends")
        isQuiet = isQuiet && result.violations.isEmpty
    }
    exit(isQuiet ? 0 : 1)
}

switch numbers.count {
case 1:
    let outcomes = (0..<2).map { run in
        var world = World(SimulationOptions(seed: numbers[0]))
        world.prints = run == 0 && CommandLine.arguments.contains("--trace")
        return world.run()
    }
    print(outcomes[0])
    print("  the second run was \(outcomes[0].trace == outcomes[1].trace ? "the same" : "ANOTHER ONE")")
    exit(outcomes[0].violations.isEmpty && outcomes[0].trace == outcomes[1].trace ? 0 : 1)
case 2:
    let failed = await withTaskGroup(of: [SimulationOutcome].self) { group in
        let workers: UInt64 = 2
        for worker in 0..<workers {
            group.addTask {
                stride(from: numbers[0] + worker, to: numbers[0] + numbers[1], by: Int(workers)).compactMap {
                    seed in
                    var world = World(SimulationOptions(seed: seed))
                    let outcome = world.run()
                    return outcome.violations.isEmpty ? nil : outcome
                }
            }
        }
        var failed: [SimulationOutcome] = []
        for await outcomes in group { failed += outcomes }
        return failed
    }
    for outcome in failed.sorted(by: { $0.options.seed < $1.options.seed }) { print(outcome) }
    print("\(numbers[1]) seeds from \(numbers[0]), \(failed.count) with violations")
    exit(failed.isEmpty ? 0 : 1)
default:
    print("usage: test-simulator FIRST COUNT | SEED [--trace] | --exhaustive OPERATIONS")
    exit(64)
}
