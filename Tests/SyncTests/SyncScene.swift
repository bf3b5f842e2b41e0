import FileSystem
import KeyRing
import ObjectStorage
import Sync
import TestSupport
import Vault

/// Real vaults, real keys, a directory as the remote.
struct SyncScene {
    private let bucket: TemporaryDirectory
    let remote: any ObjectStore

    init() throws {
        bucket = try TemporaryDirectory()
        remote = try Stores.open(StoreURL("file://" + bucket("bucket")), StoreSettings()).store
    }

    /// A vault with a second device, which was made with the recovery code.
    func twoDevices() throws -> (SyncDevice, SyncDevice) {
        let (first, code) = try firstDevice()
        try first.sync()
        let directory = try TemporaryDirectory()
        let home = Home(path: directory("home"))
        try home.makeLayout()
        let secret = try KeyFile.create(directory("key"))
        let keys = try KeyRing.recover(
            in: home.keysDirectory, from: Recovery.open(first.keys.roster.chain, with: code),
            confirmsMembers: true, name: "second", secret: secret, time: 2)
        try Vault.create(home: home, keys: keys).close()
        return (first, try SyncDevice(directory, keys, remote))
    }

    func firstDevice() throws -> (SyncDevice, RecoveryCode) {
        let directory = try TemporaryDirectory()
        let home = Home(path: directory("home"))
        try home.makeLayout()
        let secret = try KeyFile.create(directory("key"))
        let new = try KeyRing.create(in: home.keysDirectory, name: "first", secret: secret, time: 1)
        try Vault.create(home: home, keys: new.keys).close()
        return (try SyncDevice(directory, new.keys, remote), new.recoveryCode)
    }
}

/// A home of the vault, and the runner of its rounds.
final class SyncDevice {
    let directory: TemporaryDirectory
    let home: Home
    var vault: Vault
    var keys: UnlockedKeys
    let remote: any ObjectStore
    var checkpoints = CheckpointPolicy.standard

    init(
        _ directory: TemporaryDirectory, _ keys: UnlockedKeys, _ remote: any ObjectStore,
        surroundings: Surroundings = .system
    ) throws {
        self.directory = directory
        self.keys = keys
        self.remote = remote
        home = Home(path: directory("home"))
        vault = try Vault.open(home: home, keys: keys, surroundings: surroundings)
    }

    /// A round with what is on disk, as a new process would run it.
    @discardableResult
    func sync(
        pulls: Bool = true, pushes: Bool = true, looksAtAll: Bool = false, takesOver: Bool = false,
        allowsMassDeletion: Bool = false, at store: (any ObjectStore)? = nil, registrar: DeviceID? = nil,
        now: Int64 = now()
    ) throws -> SyncReport {
        let state = try VaultSync(
            vault: vault, home: home, keys: keys, allowsMassDeletion: allowsMassDeletion,
            now: { 1_800_000_000_000 })
        defer { keys = state.keys }
        return try SyncRunner(
            vault: state, store: store ?? remote, registrar: registrar, checkpoints: checkpoints
        ).run(
            pulls: pulls, pushes: pushes, looksAtAll: looksAtAll, takesOver: takesOver, mayFound: true,
            now: now)
    }

    /// Looks at everything in the remote, as `sync verify` does.
    func inspect(now: Int64 = now()) throws -> RemoteInspection.Report {
        let state = try VaultSync(vault: vault, home: home, keys: keys, now: { UInt64(now) })
        var inspection = RemoteInspection(sync: state, store: remote)
        return try inspection.run { _, _ in
        } contents: { _, _ in
        }
    }

    /// A line in this device's log.
    func log(_ message: String) throws {
        try vault.write { try $0.log(LogDraft(.info, component: "test", message)) }
    }

    /// Looks at stamps from ahead, as after a pull.
    ///
    /// - Parameter clock: this device's, in milliseconds since 1970.
    func judge(storeAhead: Int64?, clock: Int64 = now()) throws -> ClockReport {
        let state = try VaultSync(vault: vault, home: home, keys: keys, now: { UInt64(clock) })
        return try state.judgeStamps(storeAhead: storeAhead)
    }

    func plan(pulls: Bool = true, pushes: Bool = true) throws -> SyncPlan {
        try SyncPlan(
            vault: vault, home: home, keys: keys, store: remote, pulls: pulls, pushes: pushes,
            now: Self.now())
    }

    static func now() -> Int64 { Surroundings.system.now().milliseconds }

    /// Makes tasks; their ids.
    @discardableResult
    func makeTasks(_ titles: [String]) throws -> [String] {
        try vault.write { transaction in
            try titles.map { try transaction.createTask(TaskDraft(title: $0)).id }
        }
    }

    func titles() throws -> [String] {
        try vault.read { try $0.tasks(TaskFilter()).items.map(\.title) }.sorted()
    }

    func root() throws -> [UInt8] { try vault.read { try $0.stateRoot() }.value() }
}
