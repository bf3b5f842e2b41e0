internal import KeyRing
internal import Vault

/// The log of this device on its way out. Nothing of it is merged elsewhere.
extension VaultSync {
    /// Lines wait so long before they are sealed, in milliseconds, or until they take so many bytes: each log
    /// object costs a request.
    static let logInterval: Int64 = 900_000
    private static let logBytes = 1 << 20
    /// Log objects that one round makes at most; the rest is due in the next.
    private static let logLimit = 64
    private static let lineLimit = 4096

    /// Whether lines of the log are due to be sent.
    ///
    /// - Parameter now: milliseconds since 1970.
    func hasLogs(now: Int64) throws -> Bool {
        guard keys.roster.member(keys.device)?.role.reads == true, try Self.pushesLogs(vault) else {
            return false
        }
        let waiting = try vault.read { try $0.unsealedLogLines() }
        // A clock that was set back must not put it off for ever.
        let isTime = now - state.logs.sealedAt >= Self.logInterval || now < state.logs.sealedAt
        return waiting.lines > 0 && (isTime || waiting.bytes >= Self.logBytes)
    }

    /// Whether this home sends its log.
    static func pushesLogs(_ vault: Vault) throws -> Bool {
        guard let home = vault.home else { return true }
        return SyncRules(try HomeConfiguration(of: home)).pushes(.logs)
    }

    /// Seals what waits. Days never go back, nor before the newest head: a clock that was wrong must not make
    /// it look as if something was dated back.
    func sealLogs(_ next: SyncState, at now: Int64, _ transaction: WriteTransaction) throws -> [OutboxLog] {
        var sealed: [OutboxLog] = []
        var last = next.logs.last
        let heads = [next.head, next.pendingHead].compactMap { $0?.issuedAt }
        let earliest =
            heads.map { LogDay(milliseconds: Int64(clamping: $0)) } + [next.logs.lastDay].compactMap { $0 }
        let time = max(now, earliest.max().map { Int64($0.number) * 86_400_000 } ?? 0)
        while sealed.count < Self.logLimit {
            let lines = Self.first(try transaction.linesToSeal(limit: Self.lineLimit))
            guard let from = lines.first?.sequence, let to = lines.last?.sequence else { break }
            let number = last.sequence + 1
            let content = LogBody(sealedAt: time, lines: lines).encoded
            let bytes = try object(.log, number, link: last.hash, content, next)
            last = position(of: bytes, number)
            let log = OutboxLog(position: last, day: LogDay(milliseconds: time), bytes: bytes)
            try transaction.addWaiting(
                WaitingLog(position: last, day: log.day.number, bytes: bytes), lines: from...to)
            sealed.append(log)
        }
        return sealed
    }

    /// As many lines as fit into a log object, and one at least.
    private static func first(_ lines: [LogRecord]) -> [LogRecord] {
        var bytes = 0
        let end = lines.firstIndex { line in
            bytes += LogBody(sealedAt: 0, lines: [line]).encoded.count
            return bytes > logBytes
        }
        return Array(lines.prefix(max(1, end ?? lines.count)))
    }
}
