import ObjectStorage
import Sync
import TestSupport
import Testing
import Vault

/// Rounds that would take much away, and plans of rounds.
struct MassDeletionTests {
    private let first: SyncDevice
    private let second: SyncDevice
    private let scene: SyncScene
    /// Of 60 tasks that both have.
    private let ids: [String]

    init() throws {
        scene = try SyncScene()
        (first, second) = try scene.twoDevices()
        ids = try first.makeTasks((1...60).map { "task \($0)" })
        try first.sync()
        try second.sync()
    }

    private func delete(_ ids: some Sequence<String>, at device: SyncDevice, purges: Bool = false) throws {
        try device.vault.write { transaction in
            for id in ids {
                if purges { try transaction.purgeTask(id) } else { try transaction.deleteTask(id) }
            }
        }
    }

    private func isRefused(_ body: () throws -> SyncReport) throws -> Bool {
        do {
            _ = try body()
            return false
        } catch let error as SyncError {
            #expect(error.code == .guardNeeded, "\(error)")
            return true
        }
    }

    @Test(arguments: [false, true]) func aPushThatTakesMuchAwayNeedsAWord(_ purges: Bool) throws {
        try delete(ids[..<13], at: first, purges: purges)
        #expect(try isRefused { try first.sync() })
        #expect(try second.sync().pulledSegments == 0)
        let report = try first.sync(allowsMassDeletion: true)
        #expect(report.pushedSegments == 1, "\(report)")
        // Who gets it is asked as well, once.
        #expect(try isRefused { try second.sync() })
        #expect(try second.titles().count == 60)
        #expect(try second.sync(allowsMassDeletion: true).pulledSegments == 1)
        #expect(try second.titles().count == 47)
        #expect(try !isRefused { try second.sync() })
    }

    /// The twin: what is few, or was never sent, goes without a word.
    @Test func littleIsDeletedUnasked() throws {
        try delete(ids[..<12], at: first)
        let drafts = try first.makeTasks((1...30).map { "draft \($0)" })
        try delete(drafts, at: first)
        #expect(try first.sync().pushedSegments == 1)
        #expect(try second.sync().pulledSegments == 1)
        #expect(try second.titles().count == 48)
    }

    /// Many small segments are one round, and a round that was stopped goes on counting.
    @Test func smallStepsAreCountedTogether() throws {
        for step in 0..<10 {
            try delete(ids[(step * 4)..<(step * 4 + 4)], at: first)
            #expect(try first.sync().pushedSegments == 1)
        }
        for _ in 0..<5 {
            #expect(try isRefused { try second.sync() })
            #expect(try second.titles().count >= 48)
        }
        #expect(try second.sync(allowsMassDeletion: true).failure == nil)
        #expect(try second.titles().count == 20)
    }

    @Test func aPlanSaysWhatARoundWouldDoAndChangesNothing() throws {
        try delete(ids[..<20], at: first)
        try first.makeTasks(["new"])
        try first.sync(allowsMassDeletion: true)
        try second.vault.write {
            var update = TaskUpdate()
            update.title = "changed after deletion"
            _ = try $0.updateTask(ids[0], update)
        }
        let before = (try second.root(), try first.root())
        let plan = try second.plan()
        #expect(plan.failure == nil && plan.alarms.isEmpty)
        let incoming = try #require(plan.incoming)
        #expect(incoming.segments == 1)
        #expect(incoming.records.map { "\($0.name) \($0.count)" } == ["tasks 21"])
        #expect(incoming.losses.map(\.deleted) == [20] && incoming.losses.allSatisfy(\.needsConsent))
        #expect(incoming.conflicts.map(\.key.id) == [ids[0]])
        #expect(plan.outgoing?.records.map(\.count) == [1])
        // Nothing is different, here and there.
        #expect(try second.root() == before.0 && second.titles().count == 60)
        #expect(try second.vault.read { try $0.conflicts().isEmpty })
        #expect(try first.sync().pulledSegments == 0)
        let report = try second.sync(allowsMassDeletion: true)
        #expect(report.pulledSegments == incoming.segments && report.pulledChanges == incoming.changes)
        #expect(report.pushedSegments == plan.outgoing?.segments)
        #expect(try second.vault.read { try $0.conflicts().map(\.key.id) } == [ids[0]])
        #expect(try first.sync().pulledSegments == 1)
    }

    @Test func aPlanKnowsTheBytesThatAreSent() throws {
        try first.makeTasks((1...300).map { "a longer title, so that there is something to send \($0)" })
        let plan = try first.plan(pulls: false)
        try first.sync(pulls: false)
        var sizes: [UInt64] = []
        try scene.remote.forEach(prefix: "sync/v1/s/") { sizes += $0.objects.map(\.size) }
        #expect(plan.outgoing?.segments == 1)
        #expect(plan.outgoing.map { sizes.contains(UInt64($0.bytes)) } == true)
    }
}
