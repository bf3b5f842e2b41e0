import Simulation
import Sync
import Testing
import Vault

/// What rounds do and cost when nothing goes wrong.
struct MachineTests {
    @Test func whatOneWritesTheOtherHas() {
        var lab = Lab(devices: 2)
        lab.write(0, value: 1)
        lab.write(0, value: 2)
        #expect(lab.sync(0).pushedSegments == 1)
        let report = lab.sync(1)
        #expect(report.pulledSegments == 1)
        #expect(report.pulledChanges == 2)
        #expect(lab.agree(0, 1))
        #expect(report.failure == nil && report.alarms.isEmpty)
    }

    /// An idle poll is one conditional request.
    @Test func nothingNewCostsOneRequest() {
        var lab = Lab(devices: 2)
        lab.write(0, value: 1)
        lab.sync(0)
        lab.sync(1)
        lab.sync(0)
        #expect(lab.sync(0).failure == nil)
        #expect(lab.requests == ["GET bell"])
    }

    /// A push: the roster's next record and the bell are read; a segment, the head and the bell are written.
    @Test func aPushCostsThreeWritesAndTwoReads() {
        var lab = Lab(devices: 2)
        lab.write(0, value: 1)
        lab.sync(0)
        lab.sync(1)
        lab.sync(0)
        for value in 0..<10 { lab.write(0, "task-\(value)", value: Int64(value)) }
        #expect(lab.sync(0, pulls: false).pushedSegments == 1)
        #expect(lab.requests.filter { $0.hasPrefix("PUT") }.count == 3, "\(lab.requests)")
        #expect(lab.requests.filter { $0.hasPrefix("GET") }.count == 2, "\(lab.requests)")
    }

    /// A pull of k segments: the bell, the segments, and the head of each device that changed.
    @Test func aPullCostsOneReadForEachSegmentAndTwo() {
        var lab = Lab(devices: 2)
        lab.write(0, value: 0)
        lab.sync(0)
        lab.sync(1)
        lab.sync(1)
        for value in 1...7 {
            lab.write(0, value: Int64(value))
            lab.sync(0)
        }
        #expect(lab.sync(1, pushes: false).pulledSegments == 7)
        #expect(lab.requests.count == 7 + 1 + 1, "\(lab.requests)")
    }

    @Test func pullAndPushAreSeparate() {
        var lab = Lab(devices: 2)
        lab.write(0, value: 1)
        lab.write(1, value: 2)
        lab.sync(0)
        #expect(lab.sync(1, pulls: true, pushes: false).pushedSegments == 0)
        #expect(lab.count(1) == 2 && lab.count(0) == 1)
        #expect(lab.sync(1, pulls: false, pushes: true).pushedSegments == 1)
        lab.sync(0)
        #expect(lab.agree(0, 1))
    }

    /// What the bell fails to say is found by looking at all heads.
    @Test func aLostBellLosesNothing() {
        var lab = Lab(devices: 2)
        lab.write(0, value: 1)
        lab.sync(0)
        lab.sync(1)
        lab.onAnswer = { device, name, answer in
            device == 0 && name == .bell ? .failed(.remoteUnreachable, "the line broke") : answer
        }
        lab.write(0, value: 2)
        lab.sync(0, pulls: false)
        lab.onAnswer = nil
        #expect(lab.sync(1).pulledSegments == 0)
        #expect(lab.sync(1, looksAtAll: true).pulledSegments == 1)
        #expect(lab.agree(0, 1))
    }

    /// The simulation says the same twice, so that a seed is a bug report.
    @Test func aSeedRunsTheSameTwice() {
        for seed in UInt64(0)..<5 {
            var first = World(SimulationOptions(seed: seed))
            var second = World(SimulationOptions(seed: seed))
            #expect(first.run().trace == second.run().trace)
        }
    }
}
