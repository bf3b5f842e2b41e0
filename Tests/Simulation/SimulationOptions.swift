package import Sync
internal import TestSupport
internal import Vault

/// What a seed expands to: how many devices do what, and what goes wrong.
package struct SimulationOptions: Sendable, CustomStringConvertible {
    package var seed: UInt64
    package var devices: Int
    /// Local writes, over the whole run.
    package var writes: Int
    /// Milliseconds of simulated time in which things go wrong.
    package var duration: Int64
    /// In 1,000 requests: how many are lost before, lost after, applied late, doubled.
    package var lostBefore: Int
    package var lostAfter: Int
    package var late: Int
    package var doubled: Int
    /// In 1,000 effects: how often the device dies before or after one.
    package var crashes: Int
    /// How often a disk is put back to an older state without the device being told.
    package var rollbacks: Int
    /// How often a second copy of a device begins to run.
    package var clones: Int
    /// The most by which a clock is wrong, in milliseconds.
    package var skew: Int64
    /// In 1,000 reads: how often an adversary lies.
    package var lies: Int
    /// Whether one device is shown a store that stands still, from some time on.
    package var freezes: Bool
    /// When checkpoints are made, used and collected.
    package var checkpoints: CheckpointPolicy
    /// Whether devices write logs, too: one seed in eight.
    package var hasLogs: Bool { seed % 8 == 2 }
    /// How many devices are removed: in ten seeds of 32.
    var removals: Int { Self.removing.contains(seed % 32) ? 1 + Int(seed / 32 % 2) : 0 }
    private static let removing: Set<UInt64> = [1, 5, 9, 11, 15, 16, 19, 22, 23, 31]
    /// How often a device may do less from then on, or more again: in eight seeds of 32.
    var limits: Int { Self.limiting.contains(seed % 32) ? 1 + Int(seed / 32 % 3) : 0 }
    private static let limiting: Set<UInt64> = [2, 9, 15, 20, 23, 24, 26, 31]
    /// How often a device begins a new epoch alone: in a quarter of the seeds, with and without the others.
    var rotations: Int { seed / 32 % 4 == 3 ? 1 + Int(seed % 3) : 0 }
    /// Whether the store keeps from who is removed that it was.
    var hidesRemovals: Bool { seed / 64 % 2 == 0 }
    /// Whether objects are signed and encrypted in earnest: one seed in a hundred.
    package var isReal: Bool { seed % 100 == 99 }
    /// Whether nothing goes wrong and no checkpoint is made, so that each request is one that has to be.
    package var isFaultless: Bool {
        lostBefore + lostAfter + late + doubled + crashes + rollbacks + clones + lies == 0 && !freezes
            && checkpoints == .standard && removals + limits + rotations == 0
    }
    /// Whether the adversary goes on to the end.
    package var liesToTheEnd: Bool

    /// The options of a seed. Each fault is absent in some seeds, so that none always heals another.
    package init(seed: UInt64) {
        var random = SplitMix64(seed: seed ^ 0x5EED)
        func chance(_ percent: Int, _ most: Int) -> Int {
            Int.random(in: 0..<100, using: &random) < percent ? Int.random(in: 1...most, using: &random) : 0
        }
        self.seed = seed
        devices = Int.random(in: 2...4, using: &random)
        writes = Int.random(in: 1...40, using: &random)
        duration = Int64.random(in: 60_000...1_200_000, using: &random)
        lostBefore = chance(50, 150)
        lostAfter = chance(50, 150)
        late = chance(40, 100)
        doubled = chance(30, 50)
        crashes = chance(50, 60)
        rollbacks = chance(30, 2)
        clones = chance(20, 1)
        skew = Int64(chance(40, 600_000))
        lies = chance(30, 200)
        freezes = chance(15, 1) > 0
        liesToTheEnd = (lies > 0 || freezes) && random.next() % 3 == 0
        let tail = UInt64(chance(60, 12))
        let gain = UInt64.random(in: 0...8, using: &random)
        let age = Int64.random(in: 0...300_000, using: &random)
        checkpoints = tail == 0 ? .standard : CheckpointPolicy(tail: tail, gain: gain, age: age)
    }

    package var description: String {
        """
        seed \(seed): \(devices) devices, \(writes) writes in \(duration / 1000) s; of 1,000 requests lost \
        before \(lostBefore), after \(lostAfter), late \(late), doubled \(doubled); crashes \(crashes) of \
        1,000 effects; rollbacks \(rollbacks), clones \(clones), skew \(skew) ms, \
        checkpoints after \(checkpoints.tail), for \(checkpoints.gain), kept \(checkpoints.age / 1000) s, \
        limits \(limits), rotations \(rotations), removals \(removals)\(hidesRemovals ? " in secret" : ""), \
        lies \(lies)\(freezes ? ", freezes" : "")\(liesToTheEnd ? " to the end" : "")
        """
    }
}
