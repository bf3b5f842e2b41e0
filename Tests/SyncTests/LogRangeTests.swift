import Simulation
import Sync
import Testing
import Vault

/// What a device says of its logs, and what others think of that: devices of a simulation.
struct LogRangeTests {
    private static let day: Int64 = 86_400_000

    /// The first of two devices has logged on several days, and the second has heard it.
    private func logged(days: Int = 3) -> Lab {
        var lab = Lab(devices: 2)
        for _ in 0..<days {
            lab.log(0)
            lab.sync(0)
            lab.sync(1)
            lab.now += Self.day
        }
        #expect(lab.state(0).alarms.isEmpty && lab.state(1).alarms.isEmpty)
        #expect(heard(lab).last.sequence == UInt64(days))
        return lab
    }

    /// What the second device believes of the logs of the first.
    private func heard(_ lab: Lab) -> LogRange { lab.state(1).heads[lab.state(0).author]?.logs ?? .none }

    private func renew(_ lab: inout Lab) -> SyncReport {
        lab.sync(0)
        return lab.sync(1, looksAtAll: true)
    }

    /// A push with logs costs one request more, and what lies there is numbered without gaps.
    @Test func aLogObjectIsOneRequest() {
        var lab = logged()
        lab.write(0, value: 1)
        lab.sync(0)
        let without = lab.requests.count
        lab.now += Self.day / 2
        lab.write(0, value: 2)
        lab.log(0)
        #expect(lab.sync(0).pushedLogs == 1)
        #expect(lab.requests.count == without + 1, "\(lab.requests)")
        #expect(lab.requests.filter { $0.hasPrefix("PUT log") }.count == 1)
        lab.log(0)
        // Not before it is time.
        #expect(lab.sync(0).pushedLogs == 0)
        lab.sync(1)
        lab.sync(1)
        #expect(lab.requests.count == 1, "\(lab.requests)")
    }

    /// Logs that must stay are not let go of by whoever has stolen the device.
    @Test func aStolenDeviceThatHidesItsTracesIsNamed() {
        var lab = logged()
        let honest = heard(lab)
        lab.forgeHead(0, logs: honest.dropping(before: 4))
        let report = renew(&lab)
        #expect(report.alarms.map(\.kind) == [.logsHidden] && report.alarms[0].author == lab.state(0).author)
        // What is believed stays, so that `sync verify` goes on asking for them.
        #expect(heard(lab) == honest)
    }

    /// The twin: what is older than the policy says goes, in silence.
    @Test func honestExpiryIsQuiet() {
        var lab = logged()
        lab.now += 88 * Self.day
        lab.log(0)
        #expect(renew(&lab).alarms.isEmpty)
        #expect(heard(lab).oldest == 1)
        lab.now += 2 * Self.day
        #expect(renew(&lab).alarms.isEmpty)
        #expect(heard(lab).oldest == 3 && heard(lab).last.sequence == 4)
        lab.now += 200 * Self.day
        #expect(renew(&lab).alarms.isEmpty)
        #expect(heard(lab).oldest == 5 && heard(lab).days.isEmpty)
    }

    /// Who was away as long as logs stay asks for none that went meanwhile.
    @Test func whoWasAwayIsNotAlarmed() {
        var lab = logged()
        for _ in 0..<20 {
            lab.log(0)
            lab.sync(0)
            lab.now += 10 * Self.day
        }
        #expect(lab.sync(1, looksAtAll: true).alarms.isEmpty)
        #expect(heard(lab).oldest > 4)
    }

    /// Neither an older end, nor another past, nor back-dating helps the thief.
    @Test func nothingElseIsTakenBack() {
        for forge in [Forgery.shorter, .otherDays, .backDated, .otherHash] {
            var lab = logged()
            #expect(renew(&lab).alarms.isEmpty)
            let honest = heard(lab)
            lab.forgeHead(0, logs: forge.apply(to: honest))
            #expect(renew(&lab).alarms.map(\.kind) == [.logsHidden], "\(forge)")
            #expect(heard(lab) == honest)
        }
        // The twin: one more, sealed today.
        var lab = logged()
        lab.forgeHead(0, logs: Forgery.honest.apply(to: heard(lab), today: LogDay(milliseconds: lab.now)))
        #expect(renew(&lab).alarms.isEmpty)
    }

    private enum Forgery {
        case shorter, otherDays, backDated, otherHash, honest

        func apply(to range: LogRange, today: LogDay = LogDay(number: 0)) -> LogRange {
            let next = Position(
                sequence: range.last.sequence + 1, hash: [UInt8](repeating: 7, count: 32))
            let early = LogDay(number: 100)
            switch self {
            case .shorter: return LogRange.none.adding(Position(sequence: 1, hash: next.hash), on: early)
            case .otherDays: return LogRange.none.adding(range.last, on: early)
            case .backDated: return range.adding(next, on: range.days[2].day)
            case .otherHash:
                return range.adding(
                    Position(sequence: range.last.sequence, hash: next.hash), on: range.days[2].day)
            case .honest: return range.adding(next, on: today)
            }
        }
    }
}
