import Simulation
import Sync
import Testing
import Vault

/// What travels in which stream, and that nothing else does.
struct StreamTests {
    private func acquainted() -> Lab {
        var lab = Lab(devices: 2)
        lab.write(0, value: 1)
        for device in [0, 1, 0, 1] { lab.sync(device) }
        return lab
    }

    /// A6, A7: a member that sends changes of documents, or of what is only pushed, in the stream of tasks
    /// has none of them applied.
    @Test(arguments: [5, 6, 24, 32] as [UInt32]) func anotherStreamsChangesAreRefused(
        _ collection: UInt32
    ) {
        var lab = acquainted()
        lab.write(0, "task-2", collection: collection, value: 2)
        lab.sync(0)
        let report = lab.sync(1, pushes: false)
        #expect(report.pulledSegments == 0)
        #expect(!report.alarms.isEmpty && report.alarms.allSatisfy { $0.kind == .tampered })
        #expect(lab.count(1) == 1)
    }

    /// The twin.
    @Test func itsOwnChangesAreTaken() {
        var lab = acquainted()
        lab.write(0, "task-2", value: 2)
        lab.sync(0)
        let report = lab.sync(1, pushes: false)
        #expect(report.pulledSegments == 1 && report.alarms.isEmpty)
        #expect(lab.count(1) == 2)
    }

    @Test func notesAndVerdictsGoWithWhatTheySpeakOf() {
        let origin = Origin(device: [UInt8](repeating: 1, count: 16), incarnation: 0)
        let dot = Dot(origin: origin, counter: 1)
        func stream(_ collection: UInt32) -> UInt16 {
            let write = FieldWrite(
                key: RecordKey(collection, "id"), origin: origin, stamp: HybridTime(rawValue: 1), fields: [1])
            return SyncStream.of(Verdict(write, settles: true).change(dot: dot))
        }
        #expect([1, 2, 3, 4, 7].map(stream).allSatisfy { $0 == SyncStream.tasks })
        #expect([5, 6, 32, 49].map(stream).allSatisfy { $0 == SyncStream.knowledgeBase })
        for group in SyncGroup.allCases {
            let note = SeenNote(group: group, entries: [])
            let expected = group == .tasks ? SyncStream.tasks : SyncStream.knowledgeBase
            #expect(SyncStream.of(note.change(dot: dot)) == expected)
        }
        let pushed = RecordChange(collection: 24, id: "id", dot: dot, fields: [])
        #expect(SyncStream.of(pushed) == SyncStream.documents)
    }
}
