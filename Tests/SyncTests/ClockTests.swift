import Cryptography
import KeyRing
import ObjectStorage
import Sync
import TestSupport
import Testing
import Vault

/// Clocks that are wrong, and clocks that lie.
struct ClockTests {
    private static let year: Int64 = 365 * 86_400_000
    private let scene: SyncScene
    private let first: SyncDevice
    private let second: SyncDevice
    private let task: String

    /// Both have a task; then the second one, whose clock is a year ahead, gives it a title.
    init() throws {
        scene = try SyncScene()
        let ahead: SyncDevice
        (first, ahead) = try scene.twoDevices()
        task = try first.makeTasks(["right"])[0]
        try first.sync()
        try ahead.sync()
        try ahead.vault.close()
        let surroundings = Surroundings(
            now: { Surroundings.system.now().advanced(byMilliseconds: Self.year) },
            random: Surroundings.system.random)
        second = try SyncDevice(ahead.directory, ahead.keys, scene.remote, surroundings: surroundings)
        try second.vault.write {
            var update = TaskUpdate()
            update.title = "from ahead"
            _ = try $0.updateTask(task, update)
        }
        try second.sync()
        try first.sync()
    }

    @Test func aTrustedClockDemotesForEverybody() throws {
        let report = try first.judge(storeAhead: nil)
        #expect(report.demoted == 1 && report.hidden == 0 && report.trust.warning == nil)
        #expect(try first.judge(storeAhead: 1000).demoted == 0)
        #expect(try first.titles() == ["right"])
        #expect(try first.vault.read { try $0.conflicts().map(\.key.id) } == [task])
        try first.sync()
        try second.sync()
        // The one whose clock is ahead hears of it.
        #expect(try second.titles() == ["right"])
        #expect(try second.root() == first.root())
    }

    /// A40: whatever the store's Date says, no stamp, no value and nothing that expires moves by it. All that
    /// it can do is keep this device from judging others, and that is told.
    @Test(arguments: [-10 * year, -121_000, 121_000, 10 * year])
    func aLyingDateMovesNothing(_ ahead: Int64) throws {
        let before = (try first.root(), try first.vault.read { try $0.lastChangeSequence() })
        let report = try first.judge(storeAhead: ahead)
        #expect(report.demoted == 0 && report.hidden == 1 && report.trust.warning != nil)
        #expect(try first.root() == before.0)
        #expect(try first.vault.read { try $0.lastChangeSequence() } == before.1)
        #expect(try first.titles() == ["right"])
        try first.makeTasks(["later"])
        let now = Surroundings.system.now()
        let stamps = try first.vault.read { try $0.changes(after: before.1) }.map(\.stamp.time)
        #expect(!stamps.isEmpty && stamps.allSatisfy { $0 <= now })
    }

    @Test func twoOthersStandAgainstAClock() {
        let now: UInt64 = 1_800_000_000_000
        let ahead = now + 700_000
        func trust(_ heads: [UInt64]) -> ClockTrust { ClockTrust(storeAhead: nil, heads: heads, now: now) }
        #expect(trust([ahead, ahead]).doubt != nil)
        #expect(trust([ahead, now]).doubt == nil)
        #expect(trust([ahead]).doubt == nil)
        #expect(ClockTrust(storeAhead: 100_000, heads: [], now: now).warning == nil)
    }

    /// A real server whose clock is ten years off: requests go through, and heads keep this machine's time.
    @Test(arguments: [-10 * year, 10 * year]) func aServerOfAnotherTime(_ ahead: Int64) throws {
        var options = StrictServer.Options()
        options.writeInterval = 0
        options.now = { SyncDevice.now() + ahead }
        let server = try StrictServer(options)
        var settings = StoreSettings()
        settings.endpoint = "http://127.0.0.1:\(server.port)"
        settings.credentials = StoreCredentials(
            accessKeyID: StrictServer.accessKeyID,
            secret: SecretBytes(copying: Array(StrictServer.secret.utf8)))
        let store = try Stores.open(StoreURL("s3://\(StrictServer.bucket)/team"), settings)
        let (device, _) = try scene.firstDevice()
        try device.makeTasks(["here"])
        let report = try device.sync(at: store.store)
        #expect(report.failure == nil && report.pushedSegments == 1)
        let difference = try #require(store.clockDifference)
        #expect(abs(difference - ahead) < 60_000)
        #expect(try device.judge(storeAhead: difference).trust.warning != nil)
        let written = try device.vault.read { try $0.tasks(TaskFilter()).items[0].createdAt }
        #expect(abs(written.milliseconds - SyncDevice.now()) < 600_000)
    }
}
