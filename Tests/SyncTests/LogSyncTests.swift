import FileSystem
import KeyRing
import ObjectStorage
import Sync
import TestSupport
import Testing
import Vault

/// Logs of real vaults on their way to a remote: pushed, merged by nobody, checked by everybody.
struct LogSyncTests {
    private let scene: SyncScene
    private let first: SyncDevice
    private let second: SyncDevice
    private static let day: Int64 = 86_400_000

    init() throws {
        scene = try SyncScene()
        (first, second) = try scene.twoDevices()
    }

    /// The log objects at the remote.
    private func objects() throws -> [ObjectName] {
        var names: [ObjectName] = []
        try scene.remote.forEach(prefix: SyncName.root + "l/") { names += $0.objects.map(\.name) }
        return names
    }

    private func bytes(_ name: ObjectName) throws -> [UInt8] {
        var bytes: [UInt8] = []
        _ = try scene.remote.get(name, range: nil, unless: nil) { bytes.append(contentsOf: $0) }
        return bytes
    }

    private func messages(_ device: SyncDevice) throws -> [String] {
        try device.vault.read { try $0.logs().map(\.message) }
    }

    /// Lines and log objects that are not in the remote.
    private func unsent(_ device: SyncDevice) throws -> Int {
        try device.vault.read { try $0.waitingLogs().count + $0.unsentLogLines() }
    }

    /// Two log objects of the first device, an hour apart, which the second has heard of.
    private func logged() throws {
        let start = SyncDevice.now()
        for hour in 0..<2 {
            try first.log("canary-\(hour)")
            #expect(try first.sync(now: start + Int64(hour) * 3_600_000).pushedLogs == 1)
        }
        #expect(try second.sync(looksAtAll: true).alarms.isEmpty)
    }

    @Test func linesTravelAndAreMergedByNobody() throws {
        try logged()
        #expect(try objects().count == 2)
        for name in try objects() {
            #expect(try !String(decoding: bytes(name), as: Unicode.ASCII.self).contains("canary"))
        }
        #expect(try second.inspect().isGood)
        #expect(try !messages(second).contains { $0.contains("canary") })
        #expect(try VaultSync.overview(of: first.vault, keys: first.keys).logsAhead == 0)
        // What comes after waits for a quarter of an hour, or until there is much of it.
        let later = SyncDevice.now() + 3_660_000
        try first.log("soon")
        #expect(try first.sync(now: later).pushedLogs == 0)
        #expect(try VaultSync.overview(of: first.vault, keys: first.keys).logsAhead == 1)
        try first.log(String(repeating: "much ", count: 1 << 18))
        #expect(try first.sync(now: later).pushedLogs == 2)
    }

    @Test func aLogObjectThatIsMissingIsWithheld() throws {
        try logged()
        let gone = try #require(try objects().first)
        try scene.remote.delete(gone)
        let failed = try second.inspect().failed
        #expect(failed.map(\.object) == [String(gone.text.dropFirst(SyncName.root.count))])
        #expect(failed.first?.reason.contains("withheld") == true, "\(failed)")
        // After the days that logs stay, that is no news.
        #expect(try second.inspect(now: SyncDevice.now() + 92 * Self.day).isGood)
    }

    /// A bit, or another of the same author's in its place, is noticed.
    @Test func aLogObjectThatWasChangedIsNamed() throws {
        try logged()
        let names = try objects()
        let honest = try names.map { try bytes($0) }
        for place in [5, 80, 130, 170, 200, 300] {
            var changed = honest[0]
            changed[place] ^= 1
            _ = try scene.remote.put(names[0], .bytes(changed), .none)
            #expect(try !second.inspect().isGood, "byte \(place)")
        }
        _ = try scene.remote.put(names[0], .bytes(honest[1]), .none)
        #expect(try !second.inspect().isGood)
        _ = try scene.remote.put(names[0], .bytes(honest[0]), .none)
        #expect(try second.inspect().isGood)
    }

    /// A failure between sealing and storing: the same bytes go out later, each line once.
    @Test func whatCouldNotBeSentGoesOutLater() throws {
        try first.log("one")
        let watched = WatchedStore(scene.remote)
        watched.hooks.before = { if $0.name.contains("/l/") { throw WatchedStore.broken } }
        #expect(try first.sync(at: watched).failure?.code == .remoteUnreachable)
        #expect(try objects().isEmpty)
        let waiting = try first.vault.read { try $0.waitingLogs() }
        #expect(waiting.count == 1)
        // A restart changes nothing of it.
        try first.vault.close()
        first.vault = try Vault.open(home: first.home, keys: first.keys)
        #expect(try first.sync().pushedLogs == 1)
        let stored = try #require(try objects().first)
        #expect(try bytes(stored) == waiting[0].bytes)
        #expect(try unsent(first) == 0)
    }

    /// A new life seals again what its former one could not send.
    @Test func aNewLifeSendsWhatWaited() throws {
        let scene = try SyncScene()
        let (device, _) = try scene.firstDevice()
        try device.makeTasks(["one"])
        try device.sync()
        let copy = try scene.copy(device)
        try device.makeTasks(["two"])
        try device.sync()
        try copy.log("waits")
        let watched = WatchedStore(scene.remote)
        watched.hooks.before = { if $0.name.contains("/l/") { throw WatchedStore.broken } }
        _ = try copy.sync(pulls: false, at: watched)
        let before = try copy.vault.read { try $0.waitingLogs() }
        for _ in 0..<3 { try copy.sync() }
        #expect(before.count == 1)
        #expect(try unsent(copy) == 0)
        #expect(try copy.inspect().failed == [])
    }

    /// After the days of the policy the author lets go, and an administrator's device removes.
    @Test func whatHasExpiredIsRemoved() throws {
        try logged()
        let later = SyncDevice.now() + 92 * Self.day
        try first.log("later")
        #expect(try first.sync(now: later).alarms.isEmpty)
        let report = try second.sync(looksAtAll: true, now: later + 1000)
        #expect(report.alarms.isEmpty && report.failure == nil)
        #expect(try objects().count == 1)
        #expect(try second.inspect(now: later).isGood)
        // Nobody asks for a listing when there is nothing new.
        let counting = CountingStore(scene.remote)
        _ = try second.sync(at: counting, now: later + 2000)
        #expect(counting.counts.requests == 1)
    }

    /// The twin of removal: before that nothing goes.
    @Test func whatMustStayStays() throws {
        try logged()
        let later = SyncDevice.now() + 89 * Self.day
        try first.log("later")
        for device in [first, second] {
            #expect(try device.sync(looksAtAll: true, now: later).alarms.isEmpty)
        }
        #expect(try objects().count >= 3)
    }

    /// Here lines go by their age once they are stored there, and not before; those over the limit are
    /// counted.
    @Test func whatWaitsStaysHere() throws {
        try first.log("sent")
        try first.sync()
        try first.log("waits")
        let trimmed = try first.vault.write { try $0.trimLogs(olderThanDays: -1, isKeptUnsent: true) }
        #expect(trimmed >= 1)
        #expect(try messages(first) == ["waits"])
        #expect(try first.vault.read { try $0.lostLogLines() } == 0)
        try first.log("more")
        let over = try first.vault.write {
            try $0.trimLogs(olderThanDays: 7, linesMax: 1, isKeptUnsent: true)
        }
        #expect(over == 1)
        #expect(
            try messages(first).first == "more" && messages(first).last?.contains("not been sent") == true)
        #expect(try VaultSync.overview(of: first.vault, keys: first.keys).logsLost == 1)
    }

    @Test func offSendsNoLog() throws {
        let text = "sync_config:\n  logs: { direction: off }\n"
        try Durable.replace(first.home.configDirectory + "/sync.yaml", with: Array(text.utf8))
        try first.log("stays")
        #expect(try first.sync().pushedLogs == 0)
        #expect(try objects().isEmpty)
        #expect(try VaultSync.overview(of: first.vault, keys: first.keys).logsAhead == nil)
    }
}
