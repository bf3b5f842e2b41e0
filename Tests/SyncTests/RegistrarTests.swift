import KeyRing
import ObjectStorage
import Sync
import TestSupport
import Testing
import Vault

/// A36: a store that ignores conditions on a put.
struct RegistrarTests {
    private let scene: SyncScene
    private let heedless: HeedlessStore
    private let store: LookingStore

    init() throws {
        scene = try SyncScene()
        heedless = HeedlessStore(scene.remote)
        store = LookingStore(heedless)
    }

    @discardableResult
    private func sync(
        _ device: SyncDevice, pulls: Bool = true, looksAtAll: Bool = false
    ) throws -> SyncReport {
        try device.sync(
            pulls: pulls, looksAtAll: looksAtAll, at: store, registrar: device.keys.roster.registrar)
    }

    /// A vault with a second device, at that store.
    private func twoDevices() throws -> (registrar: SyncDevice, other: SyncDevice) {
        let first = try scene.firstDevice().0
        try sync(first)
        let second = try scene.join("second", by: first) { try sync($0) }
        return (first, second)
    }

    private func rosterWrites() -> [String] {
        heedless.written.filter { $0 == "sync/v1/g" || $0.hasPrefix("sync/v1/r/") }
    }

    /// Two vaults are founded at one place in the same moment: one of them is told, and sends nothing.
    @Test func twoFirstDevicesNeverBothOwnTheGenesis() throws {
        let (one, two) = (try scene.firstDevice().0, try scene.firstDevice().0)
        // The first looks, finds nothing, and before it writes the second one does all of that.
        let (store, inner) = (store, Unchecked(two))
        heedless.beforePut(of: "sync/v1/g") {
            _ = try inner.value.sync(at: store, registrar: inner.value.keys.roster.registrar)
        }
        try one.makeTasks(["one"])
        #expect(try sync(one).failure == nil)
        try two.makeTasks(["two"])
        let before = heedless.written.count
        let told = try sync(two)
        #expect(told.alarms.map(\.kind) == [.foreignVault] && told.failure != nil)
        #expect(heedless.written.count == before)
        #expect(try sync(one).alarms.isEmpty)

        // The twin: without the looks both believe that the place is theirs.
        let twin = try SyncScene()
        let plain = HeedlessStore(twin.remote)
        let (three, four) = (try twin.firstDevice().0, Unchecked(try twin.firstDevice().0))
        plain.beforePut(of: "sync/v1/g") { _ = try four.value.sync(at: plain) }
        #expect(try three.sync(at: plain).failure == nil)
        try four.value.makeTasks(["lost"])
        let unaware = try four.value.sync(at: plain)
        #expect(unaware.alarms.isEmpty && unaware.pushedSegments == 1)
    }

    @Test func othersAskTheRegistrar() throws {
        let (first, second) = try twoDevices()
        #expect(second.keys.roster.registrar == first.keys.device)
        let before = rosterWrites().count
        try second.rename("desk")
        try second.makeTasks(["waits"])
        try first.makeTasks(["goes on"])
        try sync(first)
        let waiting = try sync(second)
        #expect(waiting.awaitsRegistrar && waiting.failure?.code == .remoteRefused)
        #expect(waiting.alarms.isEmpty && waiting.pushedSegments == 0)
        // What others wrote arrives all the same, and nobody but the registrar has written the roster.
        #expect(try second.titles() == ["goes on", "waits"])
        #expect(rosterWrites().count == before)
        #expect(try sync(first).failure == nil)
        #expect(rosterWrites().count == before + 1)
        #expect(try first.names() == ["first", "desk"])
        #expect(try sync(second).pushedSegments == 1)
        try sync(first)
        #expect(try first.titles() == ["goes on", "waits"])
        #expect(try first.root() == second.root())
        // The request is gone with the round after.
        let left = try scene.remote.list(prefix: "sync/v1/j/", after: nil, limit: 10).objects
        #expect(left.isEmpty)
    }

    /// What the registrar has changed itself comes first; who asked makes its own anew and asks again.
    @Test func aRequestThatCameTooLateIsMadeAnew() throws {
        let (first, second) = try twoDevices()
        try second.rename("desk")
        try sync(second)
        try first.rename("laptop")
        #expect(try sync(first).failure == nil)
        #expect(try sync(second).awaitsRegistrar)
        #expect(try sync(first).failure == nil)
        #expect(try sync(second).failure == nil)
        #expect(second.keys.roster.chain == first.keys.roster.chain)
        #expect(try second.names() == ["laptop", "desk"])
    }

    /// The twin of the honest request: what nobody has signed is not put into the roster.
    @Test func aForgedRequestIsDropped() throws {
        let (first, second) = try twoDevices()
        try second.rename("desk")
        try sync(second)
        let name = try #require(heedless.written.last { $0.hasPrefix("sync/v1/j/") })
        let object = try #require(ObjectName(name))
        let honest = try scene.remote.read(object, limit: 1 << 20)
        let chain = first.keys.roster.chain
        var flipped = honest
        flipped[flipped.count - 1] ^= 1
        let garbage: [[UInt8]] = [flipped, [], [0, 0, 0, 1], honest + [0]]
        for forged in garbage {
            _ = try scene.remote.put(object, .bytes(forged), .none)
            #expect(try sync(first).failure == nil)
            #expect(first.keys.roster.chain == chain)
        }
        _ = try scene.remote.put(object, .bytes(honest), .none)
        #expect(try sync(first).failure == nil)
        #expect(try first.names() == ["first", "desk"])
    }

    /// A copy of a device is noticed there too.
    @Test func aCopyIsNoticed() throws {
        let (first, _) = try twoDevices()
        let copy = try scene.copy(first)
        try first.makeTasks(["one"])
        try copy.makeTasks(["two"])
        #expect(try sync(first, pulls: false).pushedSegments == 1)
        let report = try sync(copy, pulls: false)
        #expect(report.alarms.map(\.kind) == [.cloned] && report.pushedSegments == 0)
        #expect(try sync(copy).failure == nil)
        #expect(try copy.titles() == ["one", "two"])
        #expect(try sync(first).alarms.map(\.kind) == [.cloned])
    }
}

/// Lends a value to a closure that runs on the same thread, before the call that takes it returns.
// SAFETY: nothing else runs meanwhile.
private struct Unchecked<Value>: @unchecked Sendable {
    let value: Value
    init(_ value: Value) { self.value = value }
}
