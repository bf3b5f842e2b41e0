import Dispatch
import Synchronization
import TestSupport
import Testing
import Vault

/// Claims that wait for a task.
@Suite struct WaitingTests {
    /// Claims in a thread of its own while `body` does what makes a task ready.
    private func claim(
        _ test: TestVault, type: TaskType? = nil, while body: () throws -> Void
    ) throws -> TaskClaim? {
        let result = Mutex<Result<TaskClaim?, any Error>>(.success(nil))
        let (begun, ended) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        DispatchQueue.global().async {
            begun.signal()
            let found = Result {
                try test.vault.claimTask(agent: "qa", type: type, waitMilliseconds: 60_000)
            }
            result.withLock { $0 = found }
            ended.signal()
        }
        begun.wait()
        try body()
        ended.wait()
        return try result.withLock { try $0.get() }
    }

    @Test func aNewTaskEndsTheWait() throws {
        let test = try TestVault()
        try test.task("for another") { $0.assignedTo = "pm" }
        let claimed = try claim(test) { _ = try test.task("ready") }
        #expect(claimed?.task.title == "ready")
    }

    @Test func theEndOfAPrerequisiteEndsTheWait() throws {
        let test = try TestVault()
        let first = try test.task("first") { $0.assignedTo = "pm" }
        try test.task("second") { $0.dependencies = [first.id] }
        let claimed = try claim(test) {
            _ = try test.vault.write { try $0.completeTask(first.id) }
        }
        #expect(claimed?.task.title == "second")
    }

    @Test func aClaimThatRunsOutEndsTheWait() throws {
        let test = try TestVault()
        let task = try test.task("dropped")
        _ = try test.vault.claimTask(agent: "pm")
        let claimed = try claim(test) { test.world.advance(milliseconds: 400_000) }
        #expect(claimed?.task.id == task.id)
    }

    @Test func timeRunsOut() throws {
        let test = try TestVault()
        try test.task("of another type")
        let before = try test.vault.read { try $0.lastChangeSequence() }
        #expect(try test.vault.claimTask(agent: "qa", type: .deploy, waitMilliseconds: 150) == nil)
        #expect(try test.vault.read { try $0.lastChangeSequence() } == before)
    }
}
