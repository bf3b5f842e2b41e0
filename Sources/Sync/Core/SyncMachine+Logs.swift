internal import ObjectStorage
internal import Vault

/// Log objects: sent like segments, and merged by nobody. What each head says of its author's is compared
/// with what the one before said, so that none can be made to disappear unnoticed.
extension SyncMachine {
    private var today: LogDay { LogDay(milliseconds: round?.request.now ?? 0) }

    /// What the next own head says of own log objects.
    var keptLogs: LogRange {
        let days = max(membership.logRetentionDays, round?.request.logRetentionDays ?? 0)
        return state.logs.range.expired(after: days, at: today)
    }

    /// Sends log objects one after the other: a head names those that are stored, and leaves no gap.
    mutating func pumpLogs() -> Bool {
        guard let round, round.awaited.isEmpty, state.halt == nil, let log = state.logs.outbox.first else {
            return true
        }
        guard log.position.sequence <= state.logs.offered else {
            commit([.offerLog(log.position.sequence)])
            return false
        }
        put(name(of: log), log.bytes, .ifAbsent, .sendingLog(log))
        return false
    }

    private func name(of log: OutboxLog) -> SyncName { .log(state.author, log.day, log.position.sequence) }

    mutating func sentLog(_ log: OutboxLog, _ answer: RemoteAnswer) {
        switch answer {
        case .stored: settle(log)
        case .lost: get(name(of: log), limit: Self.segmentLimit, .takenLog(log))
        default: fail(answer)
        }
    }

    mutating func tookLog(_ log: OutboxLog, _ answer: RemoteAnswer) {
        let name = "l/\(log.day)/\(state.author)/\(log.position.sequence)"
        if isOwn(log.bytes, answer, as: .log, name: name) { settle(log) }
    }

    private mutating func settle(_ log: OutboxLog) {
        round?.report.pushedLogs += 1
        commit([.settleLog])
    }

    /// What counts from now on of an author's log objects: what its new head says, unless that hides some.
    mutating func knownLogs(of author: Author, _ next: LogRange) -> LogRange {
        guard let seen = state.heads[author] else { return next }
        let issuedAt = LogDay(milliseconds: Int64(clamping: seen.times.issuedAt))
        let objection = seen.logs.objection(
            to: next, issuedAt: issuedAt, retention: membership.logRetentionDays, now: today)
        guard let objection else { return next }
        raise(SyncAlarm(.logsHidden, "h/\(author)", by: author, objection))
        return seen.logs
    }
}
