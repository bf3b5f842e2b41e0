import ObjectStorage
import Simulation
import Sync
import Testing
import Vault

/// What a remote may try, by the numbers of the threat model; each beside a run without it, which must be
/// quiet.
struct AttackTests {
    /// Two devices that have exchanged what they wrote.
    private func acquainted() -> Lab {
        var lab = Lab(devices: 2)
        for round in 0..<3 {
            lab.write(0, value: Int64(2 * round))
            lab.write(1, value: Int64(2 * round + 1))
            lab.sync(0)
            lab.sync(1)
        }
        lab.sync(0)
        #expect(lab.agree(0, 1))
        #expect(lab.state(0).alarms.isEmpty && lab.state(1).alarms.isEmpty)
        return lab
    }

    private func lane(_ lab: Lab, _ device: Int) -> Lane { Lane(author: lab.state(device).author, stream: 1) }

    private func show(_ lab: inout Lab, _ shown: [UInt8]?, as name: SyncName) {
        lab.onAnswer = { _, asked, answer in
            guard asked == name else { return answer }
            return shown.map { .object($0, ETag("shown")) } ?? .absent
        }
    }

    /// A4, A6, A7: a segment in another's place, at another number, or with a bit changed is not applied;
    /// what else there is, is; and the honest one is, once it is shown.
    @Test func segmentsThatAreNotTheirAuthorsAreNotApplied() throws {
        var lab = acquainted()
        lab.write(1, value: 100)
        lab.write(0, value: 101)
        lab.sync(1, pulls: false)
        let place = SyncName.segment(lane(lab, 1), 4)
        let honest = try #require(lab.versions(place).first)
        let older = try #require(lab.versions(.segment(lane(lab, 1), 3)).first)
        let others = try #require(lab.versions(.segment(lane(lab, 0), 1)).first)
        var flipped = honest
        flipped[flipped.count - 5] ^= 1
        var signature = honest
        signature[200] ^= 1
        let before = lab.count(0)
        for shown in [older, others, flipped, signature, Array(honest.dropLast()), [], honest + [0]] {
            show(&lab, shown, as: place)
            let report = lab.sync(0, pushes: false)
            #expect(report.pulledSegments == 0)
            #expect(report.alarms.contains { $0.kind == .tampered && $0.author == lab.state(1).author })
            #expect(lab.count(0) == before)
        }
        lab.onAnswer = nil
        #expect(lab.sync(0).pulledSegments == 1)
        lab.sync(1)
        #expect(lab.agree(0, 1))
    }

    /// A8: a head that was seen does not go back, over restarts too; A37: the honest successor is no alarm.
    @Test func anOlderHeadIsARollback() throws {
        var lab = acquainted()
        let head = SyncName.head(lab.state(1).author)
        let old = try #require(lab.versions(head).first)
        show(&lab, old, as: head)
        let report = lab.sync(0, pushes: false, looksAtAll: true)
        #expect(report.alarms.map(\.kind) == [.rollback])
        show(&lab, nil, as: head)
        #expect(lab.sync(0, pushes: false, looksAtAll: true).alarms.map(\.kind) == [.rollback])
        lab.onAnswer = nil
        #expect(lab.sync(0, pushes: false, looksAtAll: true).alarms.isEmpty)
    }

    /// A8: this device's own head, put back, is an alarm once a minute has passed; at once it may be a late
    /// write.
    @Test func anOldOwnHeadIsARollbackAfterAMinute() throws {
        var lab = acquainted()
        let head = SyncName.head(lab.state(0).author)
        let old = try #require(lab.versions(head).first)
        show(&lab, old, as: head)
        #expect(lab.sync(0, pushes: false, looksAtAll: true).alarms.isEmpty)
        lab.now += 61_000
        #expect(lab.sync(0, pushes: false, looksAtAll: true).alarms.map(\.kind) == [.rollback])
    }

    /// A9: a remote that stands still is noticed once heads are older than they promise.
    @Test func silenceIsToldAfterAWeek() {
        var lab = acquainted()
        #expect(lab.sync(0, looksAtAll: true).silent.isEmpty)
        lab.now += 8 * 86_400_000
        let report = lab.sync(0, looksAtAll: true)
        #expect(report.silent.map(\.author) == [lab.state(1).author])
        // A device that is alive renews its head.
        lab.sync(1)
        #expect(lab.sync(0, looksAtAll: true).silent.isEmpty)
    }

    /// A10: a segment that a third device has seen, and that is not to be had, is withheld.
    @Test func whatAnotherHasSeenAndIsMissingIsWithheld() {
        var lab = Lab(devices: 3)
        lab.write(0, value: 1)
        for device in 0..<3 { lab.sync(device) }
        for device in 0..<3 { lab.sync(device) }
        lab.write(0, value: 2)
        lab.sync(0)
        lab.write(1, value: 3)
        lab.sync(1)
        let hidden = SyncName.segment(lane(lab, 0), 2)
        let head = SyncName.head(lab.state(0).author)
        let old = lab.versions(head)[0]
        lab.onAnswer = { _, name, answer in
            if name == hidden { return .absent }
            return name == head ? .object(old, ETag("old")) : answer
        }
        let report = lab.sync(2, pushes: false)
        #expect(report.alarms.contains { $0.kind == .withheld && $0.author == lab.state(0).author })
        // What is not withheld is applied.
        #expect(lab.count(2) == 2)
        lab.onAnswer = nil
        lab.sync(2)
        #expect(lab.agree(1, 2))
    }

    /// A11: a device whose key signs two segments for one place, shown to different devices, is found out at
    /// the first look at a head.
    @Test func twoSegmentsInOnePlaceAreEquivocation() throws {
        var lab = Lab(devices: 3)
        lab.write(0, value: 1)
        for device in 0..<3 { lab.sync(device) }
        // The twin signs another segment with the same number.
        let twin = lab.clone(0)
        lab.write(0, value: 2)
        lab.write(twin, value: 3)
        lab.sync(0)
        let first = try #require(lab.versions(.segment(lane(lab, 0), 2)).first)
        lab.sync(1)
        lab.write(1, value: 4)
        lab.sync(1)
        // Device 2 is shown the twin's segment, which its key has signed as well.
        let forged = lab.seal(twin)
        lab.onAnswer = { device, _, answer in
            guard device == 2, case .object(first, let etag) = answer else { return answer }
            return .object(forged, etag)
        }
        #expect(lab.sync(2, pushes: false, looksAtAll: true).alarms.contains { $0.kind == .equivocation })
    }

    /// A22: an object that does not end is not read to its end.
    @Test func endlessObjectsAreRefused() {
        var lab = acquainted()
        lab.write(1, value: 100)
        lab.sync(1)
        lab.onAnswer = { device, _, answer in
            if device == 0, case .object = answer { return .tooLong }
            return answer
        }
        #expect(!lab.sync(0).alarms.isEmpty)
        lab.onAnswer = nil
        #expect(lab.sync(0).failure == nil)
        #expect(lab.agree(0, 1))
    }

    /// A29: a push whose answer was lost is settled by what stands there; nothing is sent or applied twice.
    @Test func aLostAnswerIsSettledByLooking() {
        var lab = acquainted()
        lab.write(0, value: 100)
        lab.onAnswer = { _, name, answer in
            if case .segment = name, case .stored = answer {
                return .failed(.remoteUnreachable, "the line broke")
            }
            return answer
        }
        #expect(lab.sync(0).failure?.code == .remoteUnreachable)
        #expect(lab.state(0).outbox.count == 1)
        lab.onAnswer = nil
        let report = lab.sync(0)
        #expect(report.failure == nil && report.alarms.isEmpty)
        #expect(lab.state(0).outbox.isEmpty && lab.state(0).halt == nil)
        #expect(lab.sync(1).pulledSegments == 1)
        #expect(lab.agree(0, 1))
    }

    /// A30: a genesis that is gone is an alarm and never a new beginning; another vault's is nobody's.
    @Test func anEmptiedOrForeignRemoteGetsNothing() {
        var lab = acquainted()
        lab.write(0, value: 100)
        show(&lab, nil, as: .genesis)
        let emptied = lab.sync(0, looksAtAll: true)
        #expect(emptied.failure?.code == .integrityFailure)
        #expect(emptied.alarms.map(\.kind) == [.emptied])
        #expect(!lab.requests.contains { $0.hasPrefix("PUT") })
        var other = Lab(devices: 1, seed: 9)
        other.sync(0)
        show(&lab, other.versions(.genesis).first, as: .genesis)
        #expect(lab.sync(0, looksAtAll: true).alarms.map(\.kind) == [.foreignVault])
        #expect(!lab.requests.contains { $0.hasPrefix("PUT") })
        lab.onAnswer = nil
        #expect(lab.sync(0, looksAtAll: true).pushedSegments == 1)
    }

    /// A30: once an hour a device looks by itself.
    @Test func anEmptiedRemoteIsNoticedWithinTheHour() {
        var lab = acquainted()
        show(&lab, nil, as: .genesis)
        #expect(lab.sync(0).alarms.isEmpty)
        lab.now += SyncMachine.lookInterval
        #expect(lab.sync(0).alarms.map(\.kind) == [.emptied])
        lab.onAnswer = nil
        lab.now += SyncMachine.lookInterval
        #expect(lab.sync(0).alarms.isEmpty)
    }

    /// A15: a device whose disk is put back finds that its numbers are used, sends nothing under them, and
    /// goes on in a new life without losing what either life wrote.
    @Test func aRestoredDeviceTakesANewLife() {
        var lab = acquainted()
        let backup = lab.clone(0)
        lab.write(0, value: 100)
        lab.sync(0)
        lab.sync(1)
        lab.restore(0, from: backup)
        lab.write(0, value: 200)
        let report = lab.sync(0)
        #expect(report.alarms.map(\.kind) == [.cloned])
        #expect(lab.state(0).halt == .copied)
        #expect(report.pushedSegments == 0)
        lab.reincarnate(0)
        #expect(lab.sync(0, pushes: false, looksAtAll: true).pulledSegments == 1)
        lab.recordNewLife(0)
        #expect(lab.sync(0).pushedSegments == 1)
        lab.sync(1)
        #expect(lab.agree(0, 1))
        #expect(lab.count(1) == 8)
        #expect(lab.sync(1).alarms.isEmpty)
    }

    /// A8, A15: a remote that stands still for a restored device can make it end its former life too early.
    /// What is cut off by that comes back in the present life; `aRestoredDeviceTakesANewLife` is the same
    /// without the lie.
    @Test func aLifeThatWasEndedTooEarlyLosesNothing() {
        var lab = acquainted()
        let backup = lab.clone(0)
        lab.write(0, value: 100)
        lab.sync(0)
        lab.sync(1)
        let cut = SyncName.segment(lane(lab, 0), 4)
        lab.restore(0, from: backup)
        lab.write(0, value: 200)
        #expect(lab.sync(0).alarms.map(\.kind) == [.cloned])
        lab.reincarnate(0)
        show(&lab, nil, as: cut)
        #expect(lab.sync(0, pushes: false, looksAtAll: true).pulledSegments == 0)
        lab.recordNewLife(0)
        #expect(lab.sync(0).pushedSegments == 1)
        lab.sync(1)
        #expect(lab.agree(0, 1) && lab.count(1) == 7)
        lab.onAnswer = nil
        lab.now += SyncMachine.lookInterval
        #expect(lab.sync(0).alarms.isEmpty)
        #expect(lab.sync(0).pushedSegments == 1)
        lab.sync(1)
        #expect(lab.agree(0, 1) && lab.count(1) == 8)
        // Once is enough.
        lab.now += SyncMachine.lookInterval
        #expect(lab.sync(0).alarms.isEmpty)
        #expect(lab.sync(0).pushedSegments == 0)
    }

    /// A new life that no bell tells of is found by looking at everything: its head is read in the same
    /// round as its roster record.
    @Test func aNewLifeIsFoundByOneLook() {
        var lab = acquainted()
        let backup = lab.clone(0)
        lab.write(0, value: 100)
        lab.sync(0)
        lab.restore(0, from: backup)
        lab.write(0, value: 200)
        lab.sync(0)
        lab.reincarnate(0)
        lab.sync(0, pushes: false, looksAtAll: true)
        lab.recordNewLife(0)
        lab.sync(0)
        lab.onAnswer = { device, name, answer in device == 1 && name == .bell ? .unchanged : answer }
        #expect(lab.sync(1).pulledSegments == 0)
        #expect(lab.sync(1, looksAtAll: true).pulledSegments == 2)
        #expect(lab.agree(0, 1))
    }

    /// A39: of two living copies one goes on in a new life, and the other stops and tells.
    @Test func ofTwoCopiesOneStops() {
        var lab = acquainted()
        let twin = lab.clone(0)
        lab.write(0, value: 100)
        lab.write(twin, value: 200)
        lab.sync(0)
        #expect(lab.sync(twin).alarms.map(\.kind) == [.cloned])
        lab.reincarnate(twin)
        lab.sync(twin, pushes: false, looksAtAll: true)
        lab.recordNewLife(twin)
        lab.sync(twin)
        lab.write(0, value: 300)
        let report = lab.sync(0)
        #expect(report.alarms.map(\.kind) == [.cloned])
        #expect(lab.state(0).halt == .replaced)
        #expect(report.pushedSegments == 0)
        lab.sync(1)
        #expect(lab.agree(1, twin))
    }
}
