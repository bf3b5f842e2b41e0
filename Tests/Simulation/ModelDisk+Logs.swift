internal import Sync
internal import TestSupport
internal import Vault

extension ModelDisk {
    /// Puts the lines that wait into log objects of two lines at most.
    mutating func sealLogs(_ now: Int64, _ crypto: ModelCrypto, _ random: inout SplitMix64) -> [OutboxLog] {
        var sealed: [OutboxLog] = []
        var last = state.logs.last
        let heads = [state.head, state.pendingHead].compactMap { $0?.issuedAt }.max() ?? 0
        let days = state.logs.range.days.map(\.day) + state.logs.outbox.map(\.day)
        let day = max(LogDay(milliseconds: max(now, Int64(clamping: heads))), days.max() ?? LogDay(number: 0))
        let time = max(now, Int64(day.number) * 86_400_000)
        while sealedLines < logLines {
            let numbers = sealedLines + 1...min(sealedLines + 2, logLines)
            let lines = numbers.map { number in
                LogRecord(
                    sequence: number, time: Timestamp(milliseconds: now), level: .info, component: "sim",
                    message: "line", agentID: nil, taskID: nil, fields: JSONObject())
            }
            let bytes = object(
                .log, Lane(author: state.author, stream: 0), last.sequence + 1, link: last.hash,
                LogBody(sealedAt: time, lines: lines).encoded, crypto, &random)
            last = Self.position(bytes, last.sequence + 1)
            sealed.append(OutboxLog(position: last, day: day, bytes: bytes))
            waitingLines.append(numbers.lowerBound)
            sealedLines = numbers.upperBound
        }
        return sealed
    }
}
