import Simulation
import Sync
import Testing
import Vault

/// Checkpoints between devices of a simulation, step by step.
struct CheckpointTests {
    private func lab(_ devices: Int) -> Lab {
        var lab = Lab(devices: devices)
        lab.checkpoints = CheckpointPolicy(tail: 6, gain: 3, age: 60_000)
        return lab
    }

    /// One device writes so much that a checkpoint is due. Readers get each segment as it comes, so that they
    /// can stand for checkpoints.
    private func write(_ lab: inout Lab, _ device: Int = 0, segments: Int = 12, readers: [Int] = []) {
        for value in 0..<segments {
            lab.write(device, "task-\(value)", value: Int64(value))
            for each in [device] + readers { lab.sync(each) }
        }
    }

    private func count(_ lab: Lab, _ prefix: String) -> Int {
        lab.names.filter { $0.hasPrefix(prefix) }.count
    }

    @Test func aLongWayIsShortened() {
        var lab = lab(2)
        write(&lab, segments: 30)
        #expect(count(lab, "manifest") >= 1)
        let report = lab.sync(1)
        #expect(report.loadedCheckpoints == 1)
        #expect(report.failure == nil && report.alarms.isEmpty, "\(report.alarms)")
        #expect(lab.agree(0, 1))
        // The genesis, the roster's end, the bell, two heads, manifests and chunks, and the short rest.
        #expect(report.pulledSegments < 12 && lab.requests.count < 24, "\(lab.requests)")
    }

    /// What is covered, old and attested goes; who was away meanwhile still gets everything.
    @Test func whatIsCoveredIsCollectedAndNobodyMissesIt() {
        var lab = lab(4)
        lab.sync(3)
        write(&lab, readers: [1, 2])
        // One that stands for it besides its author is not enough.
        lab.write(1, value: 1)
        lab.sync(1)
        lab.now += 120_000
        let before = count(lab, "segment")
        lab.sync(0, looksAtAll: true)
        #expect(count(lab, "segment") == before)
        lab.write(2, value: 2)
        lab.sync(2)
        lab.now += 120_000
        for device in [0, 1, 2, 0, 1, 2] {
            lab.write(device, "task-y", value: lab.now)
            let report = lab.sync(device, looksAtAll: true)
            #expect(report.alarms.isEmpty && report.failure == nil, "\(report.alarms)")
        }
        #expect(count(lab, "segment") < before, "\(lab.names)")
        let report = lab.sync(3, looksAtAll: true)
        #expect(report.alarms.isEmpty && report.failure == nil, "\(report.alarms)")
        #expect(report.loadedCheckpoints == 1 && lab.agree(2, 3))
    }

    /// A member's checkpoint that says something else than its segments do is noticed by all who can compare.
    @Test func aFalseCheckpointIsNamed() {
        var lab = lab(3)
        write(&lab)
        lab.sync(1)
        lab.forgeCheckpoint(0)
        lab.write(0, value: 99)
        lab.sync(0)
        lab.write(1, value: 100)
        let report = lab.sync(1)
        #expect(report.alarms.contains { $0.kind == .diverged }, "\(report.alarms)")
    }

    /// Without enough members who stand for it, nobody takes a checkpoint over.
    @Test func oneMemberAloneIsNotBelievedAmongThree() {
        var lab = lab(4)
        for device in 0..<4 { lab.sync(device) }
        write(&lab, segments: 20)
        // The first reads all segments, and its word makes two.
        #expect(lab.sync(1).loadedCheckpoints == 0)
        for _ in 0..<4 {
            lab.write(1, value: lab.now)
            lab.sync(1)
        }
        #expect(lab.sync(2).loadedCheckpoints == 1)
        #expect(lab.agree(1, 2))
    }

    /// Two who join a vault whose old segments are gone must not wait for each other's word.
    @Test func twoMayJoinWhereACheckpointIsAllThereIs() {
        var lab = lab(3)
        write(&lab, segments: 20)
        lab.removeSegments()
        for device in [1, 2] {
            let report = lab.sync(device)
            #expect(report.loadedCheckpoints == 1 && report.alarms.isEmpty, "\(report.alarms)")
        }
        #expect(lab.agree(0, 1) && lab.agree(0, 2))
    }

    /// Nothing is removed on the strength of a checkpoint that is not there.
    @Test(arguments: [true, false])
    func aCheckpointIsLookedAtBeforeItIsAllThatRemains(isLost: Bool) {
        var lab = lab(2)
        write(&lab, segments: 20, readers: [1])
        lab.write(1, value: 1)
        lab.sync(1)
        lab.write(0, value: 2)
        lab.sync(0)
        lab.now += 120_000
        if isLost {
            lab.onAnswer = { _, name, answer in
                if case .chunk = name { return .absent }
                return answer
            }
        }
        let before = count(lab, "segment")
        var alarms: [SyncAlarm] = []
        for device in [0, 1, 0, 1] {
            lab.write(device, value: lab.now)
            alarms += lab.sync(device, looksAtAll: true).alarms
        }
        #expect((count(lab, "segment") < before) == !isLost, "\(lab.names)")
        #expect(alarms.contains { $0.kind == .withheld } == isLost, "\(alarms)")
    }

    @Test(arguments: ["flipped", "cut", "absent", "swapped"])
    func aDamagedChunkIsNoWayIn(_ damage: String) {
        var lab = lab(2)
        write(&lab, segments: 20)
        lab.onAnswer = { device, name, answer in
            guard device == 1, case .chunk = name, case .object(var bytes, let etag) = answer else {
                return answer
            }
            switch damage {
            case "flipped": bytes[bytes.count - 1] ^= 1
            case "cut": bytes.removeLast()
            case "swapped": return .object(Array(repeating: 7, count: bytes.count), etag)
            default: return .absent
            }
            return .object(bytes, etag)
        }
        let report = lab.sync(1)
        #expect(!report.alarms.isEmpty && report.loadedCheckpoints == 0)
        // The segments are all there.
        #expect(lab.agree(0, 1))
    }

    /// Real vaults: a checkpoint says what the segments say, and everything goes on from there.
    @Test func vaultsGoOnFromACheckpoint() throws {
        let (first, second) = try SyncScene().twoDevices()
        try second.sync()
        let policy = CheckpointPolicy(tail: 4, gain: 3, age: 60_000)
        (first.checkpoints, second.checkpoints) = (policy, policy)
        var ids: [String] = []
        for number in 0..<24 {
            ids += try first.makeTasks(["認證 \(number)"])
            try first.vault.write(actor: "someone") { transaction in
                if number % 5 == 4 { try transaction.deleteTask(ids[number - 2]) }
                if number % 7 == 6 { _ = try transaction.startTask(ids[number]) }
            }
            try first.sync()
        }
        let waiting = try second.makeTasks(["written before anything was heard"])
        let report = try second.sync()
        #expect(report.alarms.isEmpty && report.failure == nil, "\(report.alarms)")
        #expect(report.loadedCheckpoints == 1 && report.pulledSegments < 12)
        try first.sync()
        #expect(try first.root() == second.root())
        #expect(try first.titles() == second.titles())
        // Edits of what came by the checkpoint, on both sides.
        for (device, status) in [(first, "a"), (second, "b")] {
            try device.vault.write(actor: status) { transaction in
                _ = try transaction.startTask(ids[1])
                _ = try transaction.completeTask(waiting[0], output: status)
            }
        }
        for device in [first, second, first, second] {
            let report = try device.sync(looksAtAll: true)
            #expect(report.alarms.isEmpty && report.failure == nil, "\(report.alarms)")
        }
        #expect(try first.root() == second.root())
        let standing = try VaultSync.overview(of: second.vault, keys: second.keys)
        #expect(standing.ahead == 0 && standing.alarms.isEmpty)
    }

    /// What a device that died while sending has left is removed by its next round.
    @Test func anUnfinishedCheckpointIsCleared() {
        var lab = lab(1)
        lab.onAnswer = { _, name, answer in
            if case .manifest = name { return .failed(.remoteUnreachable, "no answer") }
            return answer
        }
        write(&lab, segments: 8)
        #expect(lab.state(0).unfinished != nil)
        lab.onAnswer = nil
        lab.sync(0)
        #expect(count(lab, "chunk") == count(lab, "manifest"), "\(lab.names)")
    }
}
