import KeyRing
import ObjectStorage
import Sync
import Synchronization
import TestSupport
import Vault

/// Devices that claim tasks over one remote, by one clock that the test moves.
struct ClaimScene {
    let scene: SyncScene
    let clock = Clock()
    let devices: [SyncDevice]

    /// The time of all devices but for what each one's clock is off by.
    final class Clock: Sendable {
        private let time = Mutex(SyncDevice.now())
        var now: Int64 { time.withLock(\.self) }
        func pass(_ milliseconds: Int64) { time.withLock { $0 += milliseconds } }
    }

    /// - Parameter offsets: how many milliseconds each device's clock is ahead.
    init(offsets: [Int64] = [0, 0]) throws {
        scene = try SyncScene()
        let first = try scene.firstDevice().0
        try first.sync()
        var devices = [first]
        for index in 1..<offsets.count { devices.append(try scene.join("device \(index)", by: first)) }
        self.devices = devices
        for (device, offset) in zip(devices, offsets) {
            let clock = clock
            try device.vault.close()
            device.vault = try Vault.open(
                home: device.home, keys: device.keys,
                surroundings: Surroundings(
                    now: { Timestamp(milliseconds: clock.now + offset) },
                    random: Surroundings.system.random))
        }
    }

    var first: SyncDevice { devices[0] }
    var second: SyncDevice { devices[1] }

    /// All know these tasks.
    @discardableResult
    func make(_ titles: [String]) throws -> [String] {
        let ids = try first.makeTasks(titles)
        for device in devices { try device.sync() }
        return ids
    }

    /// The claims in the remote, by name.
    func objects() throws -> [ObjectName] {
        try scene.remote.list(prefix: "sync/v1/t/", after: nil, limit: 100).objects.map(\.name)
    }
}

extension SyncDevice {
    /// Claims by the remote.
    func claim(
        _ agent: String, lease: Int64 = 300_000, at store: (any ObjectStore)? = nil
    ) throws -> TaskClaim? {
        try claiming(at: store) { try $0.claim(agent: agent, leaseMilliseconds: lease) }
    }

    /// The same, with what was thought of the objects.
    func claiming<R>(at store: (any ObjectStore)? = nil, _ body: (inout TaskClaims) throws -> R) throws -> R {
        let now = try time()
        let state = try VaultSync(vault: vault, home: home, keys: keys, now: { UInt64(clamping: now) })
        defer { keys = state.keys }
        var claims = TaskClaims(state, store ?? remote, now: now)
        return try body(&claims)
    }

    /// By the clock of its vault.
    func time() throws -> Int64 { try vault.read { $0.now.milliseconds } }

    func task(_ id: String) throws -> TaskRecord { try vault.read { try $0.task(id) } }

    func held() throws -> [HeldClaim] { try vault.read { try $0.heldClaims() } }
}
