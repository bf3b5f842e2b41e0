import ObjectStorage
import Sync
import TestSupport
import Testing
import Vault

/// Devices whose clocks differ, over a store that loses calls and answers, throttles, and lets others come
/// between a look and a put.
struct ClaimPropertyTests {
    /// At most one device works under a claim that the remote has granted, at any moment.
    @Test(arguments: [1, 2, 3, 4]) func noTwoWorkOnOneTask(seed: UInt64) throws {
        #expect(try overlaps(seed: seed, honours: true) == 0, "seed \(seed)")
    }

    /// The twin: where the store heeds no conditions, two do.
    @Test func withoutConditionsTwoDo() throws {
        let found = try (1...4).contains { try overlaps(seed: $0, honours: false) > 0 }
        #expect(found)
    }

    /// How often two devices worked on one task.
    private func overlaps(seed: UInt64, honours: Bool) throws -> Int {
        let scene = try ClaimScene(offsets: [-50_000, 0, 50_000])
        let ids = try scene.make(["one", "two"])
        var random = SplitMix64(seed: seed)
        var count = 0
        for step in 0..<80 {
            let index = Int.random(in: 0..<3, using: &random)
            let raced = RacedStore(honours ? scene.scene.remote : HeedlessStore(scene.scene.remote))
            let faulty = FaultyStore(raced, hundredth: 15, seed: seed &* 1000 &+ UInt64(step))
            var rival: SyncDevice? = scene.devices[(index + 1) % 3]
            let isThrottled = Int.random(in: 0..<8, using: &random) == 0
            raced.beforePut = { name in
                guard name.text.contains("/t/"), let other = rival else { return }
                rival = nil
                // One who is quicker; that it finds nothing or fails is as good.
                _ = Result { try other.claim("rival", lease: 200_000) }
                if isThrottled { throw StorageError(.throttled, "slow down") }
            }
            try act(scene.devices[index], at: faulty, &random)
            scene.clock.pass(Int64.random(in: 0..<90_000, using: &random))
            for id in ids {
                let workers = try scene.devices.filter { try Self.works($0, on: id) }
                if workers.count > 1 { count += 1 }
            }
        }
        return count
    }

    private func act(
        _ device: SyncDevice, at store: any ObjectStore, _ random: inout SplitMix64
    ) throws {
        let held = try device.held().first
        switch Int.random(in: 0..<6, using: &random) {
        case 0, 1, 2: _ = Result { try device.claim("worker", lease: 200_000, at: store) }
        case 3:
            guard let held else { return }
            try device.vault.write {
                try $0.heartbeat(held.task, lease: Hex.encode(held.token), leaseMilliseconds: 200_000)
            }
            _ = try device.sync(at: store)
        case 4:
            guard let held else { return }
            _ = try device.vault.write { try $0.releaseTask(held.task) }
            _ = try device.sync(at: store)
        default: _ = try device.sync(at: store)
        }
    }

    /// Whether it holds the task, and until now by the remote's word.
    private static func works(_ device: SyncDevice, on task: String) throws -> Bool {
        guard let held = try device.held().first(where: { $0.task == task }) else { return false }
        let note = try device.vault.read { try $0.setting("claim/" + task) }?.split(separator: " ")
        guard let note, let end = Int64(note[2]) else { return false }
        return try min(end, held.end.milliseconds) >= device.time()
    }
}
