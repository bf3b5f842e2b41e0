import KeyRing
import ObjectStorage
import Sync
import TestSupport
import Testing
import Vault

/// Two devices that claim tasks, over one remote.
struct TaskClaimTests {
    private let scene: ClaimScene
    private let first: SyncDevice
    private let second: SyncDevice

    init() throws {
        scene = try ClaimScene()
        first = scene.first
        second = scene.second
    }

    private func expectLost(_ body: () throws -> Void) {
        let error = #expect(throws: SyncError.self) { try body() }
        #expect(error?.code == .leaseLost && error?.message.contains("claim_lost") == true, "\(error as Any)")
    }

    private func expectFenced(_ device: SyncDevice, _ claim: TaskClaim) {
        let error = #expect(throws: VaultError.self) {
            try device.vault.write { try $0.heartbeat(claim.task.id, lease: claim.leaseToken) }
        }
        #expect(error?.code == .leaseLost)
    }

    @Test func noTwoDevicesGetTheSameTask() throws {
        try scene.make(["one"])
        let claim = try #require(try first.claim("qa"))
        expectLost { _ = try second.claim("devops") }
        #expect(try second.task(claim.task.id).status == .pending)
        try scene.make(["two"])
        #expect(try second.claim("devops")?.task.title == "two")
        expectLost { _ = try first.claim("qa") }
    }

    /// The twin: without the remote both get it.
    @Test func apartBothGetIt() throws {
        try scene.make(["one"])
        for device in [first, second] {
            #expect(try device.vault.claimTask(agent: "qa")?.task.title == "one")
        }
    }

    /// Who claimed without the remote and comes second is told, and works for nobody: its lease is no longer
    /// good, and the task shows whom it belongs to.
    @Test func ofTwoClaimsMadeApartOneIsLost() throws {
        try scene.make(["one"])
        let kept = try #require(try first.vault.claimTask(agent: "qa"))
        scene.clock.pass(1000)
        let lost = try #require(try second.vault.claimTask(agent: "devops"))
        #expect(try first.sync().notices.isEmpty)
        let report = try second.sync()
        #expect(report.failure == nil && report.alarms.isEmpty)
        #expect(report.notices.count == 1 && report.notices[0].contains("claim_lost"), "\(report.notices)")
        expectFenced(second, lost)
        try first.sync()
        try second.sync()
        for device in [first, second] {
            let task = try device.task(kept.task.id)
            #expect(task.status == .inProgress && task.assignedTo == "qa")
        }
        #expect(try first.root() == second.root())
        try first.vault.write { try $0.heartbeat(kept.task.id, lease: kept.leaseToken) }
        // It is told once.
        #expect(try second.sync().notices.isEmpty)
    }

    /// What was completed stays so, whoever held the claim; and nobody follows it.
    @Test func aClaimUndoesNoCompletion() throws {
        try scene.make(["one"])
        let claim = try #require(try first.claim("qa"))
        let other = try #require(try second.vault.claimTask(agent: "devops"))
        _ = try second.vault.write {
            try $0.completeTask(other.task.id, output: "done", lease: other.leaseToken)
        }
        #expect(try second.sync().notices.isEmpty)
        let notices = try first.sync().notices
        #expect(notices.count == 1 && notices[0].contains("completed it (claim_lost)"), "\(notices)")
        for device in [first, second] {
            let task = try device.task(claim.task.id)
            #expect(task.status == .completed && task.output == "done")
        }
        expectFenced(first, claim)
        #expect(try first.sync().notices.isEmpty)
    }

    /// Who has not heard of a completion yet is told so by the claim; who hears that the task was given
    /// back gets it.
    @Test(arguments: [true, false]) func aCompletedTaskIsNotClaimedAgain(_ isCompleted: Bool) throws {
        let id = try scene.make(["one"])[0]
        let claim = try #require(try first.claim("qa"))
        _ = try first.vault.write {
            isCompleted
                ? try $0.completeTask(id, lease: claim.leaseToken)
                : try $0.releaseTask(id, lease: claim.leaseToken)
        }
        // Before it is said, the claim holds.
        expectLost { _ = try second.claim("devops") }
        try first.sync()
        #expect(try second.task(id).status == .pending)
        if isCompleted {
            expectLost { _ = try second.claim("devops") }
            scene.clock.pass(86_400_000)
            expectLost { _ = try second.claim("devops") }
        } else {
            #expect(try second.claim("devops")?.task.id == id)
        }
    }

    /// The next round begins when the claim has run out, and not before; a renewed claim goes on.
    @Test func roundsFollowEachOther() throws {
        let id = try scene.make(["one"])[0]
        let claim = try #require(try first.claim("qa", lease: 60_000))
        #expect(try scene.objects().map { $0.text.hasSuffix("/1") } == [true])
        // Within the time that clocks may differ it still counts.
        scene.clock.pass(50_000)
        try first.vault.write { try $0.heartbeat(id, lease: claim.leaseToken, leaseMilliseconds: 60_000) }
        try first.sync()
        scene.clock.pass(60_000 + TaskClaims.grace)
        expectLost { _ = try second.claim("devops") }
        scene.clock.pass(1)
        #expect(try second.claim("devops")?.task.id == id)
        #expect(try scene.objects().count == 2)
        try second.sync()
        try first.sync()
        expectFenced(first, claim)
        #expect(try first.task(id).assignedTo == "devops")
    }

    /// A task whose device is heard no more is taken over, once everybody knows that it was begun; one that
    /// was started without a claim is nobody else's.
    @Test func anAbandonedTaskIsTakenOver() throws {
        let id = try scene.make(["one", "started"])[0]
        let started = try #require(
            try first.vault.read { try $0.tasks(TaskFilter()) }.items.first { $0.id != id })
        _ = try first.vault.write { try $0.startTask(started.id, by: "qa") }
        _ = try #require(try first.claim("qa"))
        try first.sync()
        try second.sync()
        #expect(try second.claim("devops") == nil)
        scene.clock.pass(300_001 + TaskClaims.grace)
        #expect(try second.claim("devops")?.task.id == id)
        #expect(try second.claim("devops") == nil)
    }

    /// A process that ends between the object and the row leaves a claim that nobody works under: its own
    /// device goes on at once, others once it has run out.
    @Test func aCrashAfterTheObjectHoldsTheTaskForItsLeaseOnly() throws {
        try scene.make(["one"])
        let raced = RacedStore(scene.scene.remote)
        raced.afterPut = { _ in throw StorageError(.unreachable, "killed by the test") }
        #expect(throws: StorageError.self) { try first.claim("qa", at: raced) }
        #expect(try first.held().isEmpty)
        #expect(try scene.objects().count == 1)
        expectLost { _ = try second.claim("devops") }
        #expect(try first.claim("qa") != nil)
        expectLost { _ = try second.claim("devops") }
    }

    /// The holder renews in the moment in which its claim is taken over: one of the two works.
    @Test func aRenewalAndATakeOverSeeEachOther() throws {
        let id = try scene.make(["one"])[0]
        let claim = try #require(try first.claim("qa"))
        scene.clock.pass(299_000)
        try first.vault.write { try $0.heartbeat(id, lease: claim.leaseToken, leaseMilliseconds: 900_000) }
        scene.clock.pass(1001 + TaskClaims.grace)
        let raced = RacedStore(scene.scene.remote)
        var others = [first]
        raced.beforePut = { _ in _ = try others.popLast()?.sync() }
        expectLost { _ = try second.claim("devops", at: raced) }
        #expect(try first.held().map(\.task) == [id])
        // The other way round the holder learns that it has lost.
        scene.clock.pass(700_000)
        try first.vault.write { try $0.heartbeat(id, lease: claim.leaseToken, leaseMilliseconds: 900_000) }
        scene.clock.pass(301_000)
        others = [second]
        raced.beforePut = { _ in
            guard let other = others.popLast() else { return }
            let taken = try other.claim("devops")
            #expect(taken?.task.id == id)
        }
        #expect(try first.sync(at: raced).notices.count == 1)
        #expect(try first.held().isEmpty)
        #expect(try second.held().map(\.task) == [id])
    }

    /// Two puts to one name at a time: 429 means that somebody was quicker.
    @Test func aThrottledPutIsALostRace() throws {
        try scene.make(["one"])
        let raced = RacedStore(scene.scene.remote)
        var others = [second]
        raced.beforePut = { _ in
            guard let other = others.popLast() else { return }
            let taken = try other.claim("devops")
            #expect(taken != nil)
            throw StorageError(.throttled, "slow down")
        }
        expectLost { _ = try first.claim("qa", at: raced) }
        #expect(try scene.objects().count == 1)
    }

    /// A claim whose answer was lost is found to be one's own.
    @Test func aLostAnswerIsSuccess() throws {
        try scene.make(["one"])
        let raced = RacedStore(scene.scene.remote)
        raced.afterPut = { _ in
            raced.afterPut = { _ in }
            throw StorageError(.throttled, "the answer was lost by the test")
        }
        #expect(try first.claim("qa", at: raced) != nil)
        #expect(try scene.objects().count == 1)
    }

    /// A month after a task was completed its claims go, all rounds of them; those of others stay.
    @Test func claimsOfLongCompletedTasksGo() throws {
        let ids = try scene.make(["one", "two"])
        let given = try #require(try first.claim("qa"))
        _ = try first.vault.write { try $0.releaseTask(given.task.id, lease: given.leaseToken) }
        for device in [first, second, first] { try device.sync() }
        var finished: String?
        for device in [second, first] {
            let claim = try #require(try device.claim("devops", lease: 3_600_000))
            guard claim.task.id == given.task.id else { continue }
            finished = claim.task.id
            _ = try device.vault.write {
                try $0.completeTask(claim.task.id, output: "done", lease: claim.leaseToken)
            }
        }
        for device in [first, second, first] { try device.sync() }
        #expect(finished != nil && Set(ids).count == 2)
        #expect(try scene.objects().count == 3)
        for device in [first, second] { try device.sync(now: SyncDevice.now() + 29 * 86_400_000) }
        #expect(try scene.objects().count == 3)
        for device in [first, second] { try device.sync(now: SyncDevice.now() + 31 * 86_400_000) }
        #expect(try scene.objects().count == 1)
    }
}
