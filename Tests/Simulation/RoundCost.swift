internal import Sync

/// The requests of one round, as a device makes them when nothing goes wrong.
struct RoundCost {
    var requests = 0
    var puts = 0
    /// Heads of others that were new.
    var newHeads = 0
    /// The bell, which a round before had left to others, was found to say everything.
    var hasFoundBellRung = false
    /// Writes that somebody else was quicker with.
    var lost = 0
    /// Everything is looked at: the first time, once an hour, and where there is no bell.
    var isLook = false

    /// The most that a round may cost that has done this: one request for the bell; of a pull each segment
    /// and each head that is new; of a push five for the first segment, then one for each, and one
    /// for each log object. Who was late at the bell looks and rings again.
    func limit(_ report: SyncReport) -> Int {
        // Whoever still owes the bell something looks at the roster first, as before every push.
        let push = puts == 0 ? (hasFoundBellRung ? 1 : 0) : 5 + max(0, report.pushedSegments - 1)
        return 1 + report.pulledSegments + newHeads + push + report.pushedLogs + 3 * lost
    }
}
