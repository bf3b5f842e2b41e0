import KeyRing
import Sync
import TestSupport
import Testing
import Vault

/// Two copies of one device: a person decides which goes on, and changes the mind.
struct TakeOverTests {
    private let scene: SyncScene

    init() throws { scene = try SyncScene() }

    /// The original has stopped, and the copy goes on; another device watches.
    private func stopped() throws -> (original: SyncDevice, copy: SyncDevice, other: SyncDevice) {
        let original = try scene.firstDevice().0
        let other = try scene.join("other", by: original)
        try original.makeTasks(["before"])
        try original.sync()
        let copy = try scene.copy(original)
        try original.makeTasks(["original"])
        try original.sync()
        try copy.makeTasks(["copy"])
        #expect(try copy.sync().alarms.map(\.kind) == [.cloned])
        #expect(try copy.sync().pushedSegments == 1)
        try original.makeTasks(["while stopped"])
        #expect(try original.sync().alarms.map(\.kind).contains(.cloned))
        return (original, copy, other)
    }

    @Test func theStoppedCopyGoesOnAndTheOtherStops() throws {
        let (original, copy, other) = try stopped()
        #expect(original.keys.isReplaced && original.keys.incarnation != copy.keys.incarnation)
        #expect(!copy.keys.isReplaced)
        #expect(try original.sync().pushedSegments == 0)
        // Something that the copy has sent since.
        try copy.makeTasks(["late"])
        try copy.sync()
        let report = try original.sync(takesOver: true)
        #expect(report.failure == nil && report.alarms.isEmpty, "\(report)")
        #expect(!original.keys.isReplaced)
        let all = ["before", "copy", "late", "original", "while stopped"]
        #expect(try original.titles() == all)
        try copy.makeTasks(["too late"])
        #expect(try copy.sync().alarms.map(\.kind) == [.cloned])
        #expect(copy.keys.isReplaced)
        #expect(try copy.sync().pushedSegments == 0)
        #expect(try other.sync().alarms.isEmpty)
        #expect(try other.titles() == all)
        // And back again: nothing of either is lost.
        #expect(try copy.sync(takesOver: true).failure == nil)
        try other.sync()
        #expect(try other.titles() == (all + ["too late"]).sorted())
        #expect(try other.root() == copy.root())
        #expect(try original.sync().alarms.map(\.kind) == [.cloned])
    }

    /// The twin: without a person's word nothing goes out, and who was not stopped has nothing to take over.
    @Test func nobodyTakesOverByItself() throws {
        let (original, copy, other) = try stopped()
        for _ in 0..<3 { #expect(try original.sync(looksAtAll: true).pushedSegments == 0) }
        try other.sync()
        #expect(try other.titles() == ["before", "copy", "original"])
        let error = #expect(throws: SyncError.self) { try copy.sync(takesOver: true) }
        #expect(error?.code == .conflict)
        #expect(try copy.sync().failure == nil)
    }

    /// A round that breaks off before the record is there goes on with the next one, in a new process too.
    @Test func aBrokenTakeOverGoesOn() throws {
        let (original, copy, _) = try stopped()
        try copy.makeTasks(["late"])
        try copy.sync()
        let report = try original.sync(
            takesOver: true, at: FaultyStore(original.remote, hundredth: 100, seed: 1))
        #expect(report.failure != nil && original.keys.isReplaced)
        #expect(try original.sync().failure == nil)
        #expect(!original.keys.isReplaced)
        #expect(try original.titles() == ["before", "copy", "late", "original", "while stopped"])
    }
}
