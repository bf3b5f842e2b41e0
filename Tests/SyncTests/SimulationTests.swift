import Simulation
import Testing

/// Whole runs of devices over a store that loses, delays and repeats, of copies and old states, and of an
/// adversary: `scripts/simulate.sh` runs any number of seeds, this a slice.
struct SimulationTests {
    @Test(arguments: [0, 1])
    func everySeedEndsInAgreementOrAnAlarm(half: Int) {
        for seed in 0..<200 where seed % 2 == half {
            var world = World(SimulationOptions(seed: UInt64(seed)))
            let outcome = world.run()
            #expect(outcome.violations.isEmpty, "\(outcome.options): \(outcome.violations)")
        }
    }
}
