internal import FoundationEssentials
internal import GRDB

/// A log object in its final bytes, as it waits in the vault until it is known to be in the remote.
public struct WaitingLog: Sendable, Hashable {
    /// Its number and hash.
    public let position: Position
    /// The day on which it was sealed, counted from 1970-01-01.
    public let day: UInt32
    /// What is sent.
    public let bytes: [UInt8]

    /// A log object as it waits.
    public init(position: Position, day: UInt32, bytes: [UInt8]) {
        self.position = position
        self.day = day
        self.bytes = bytes
    }
}

/// Lines of this home's log on their way to the remote: they are sealed in the order of their numbers, so
/// that one number says how far. Sealing and noting it is one transaction: a crash neither loses a line nor
/// repeats it.
extension ReadTransaction {
    static let sealedLogLinesKey = "sync.log_lines_sealed"
    static let lostLogLinesKey = "sync.log_lines_lost"

    /// The number of the newest line in a log object; 0 before the first.
    private func sealedLogLines() throws -> Int64 {
        try setting(Self.sealedLogLinesKey).flatMap { Int64($0) } ?? 0
    }

    /// Whether this home has ever put lines into a log object.
    func hasSentLogs() throws -> Bool { try setting(Self.sealedLogLinesKey) != nil }

    /// The number of the newest line that is known to be in the remote, with all before it.
    func sentLogLines() throws -> Int64 {
        let first = try Int64.fetchOne(db, sql: "SELECT min(first_line) FROM sync_log")
        return try first.map { $0 - 1 } ?? sealedLogLines()
    }

    /// Lines that were removed although they had not been sent.
    public func lostLogLines() throws -> Int {
        try setting(Self.lostLogLinesKey).flatMap { Int($0) } ?? 0
    }

    /// How many lines no log object carries, and about how many bytes they take there.
    public func unsealedLogLines() throws -> (lines: Int, bytes: Int) {
        let row = try Row.fetchOne(
            db,
            sql: """
                SELECT count(*), ifnull(sum(41 + length(CAST(component || message || ifnull(agent_id, '')
                    || ifnull(task_id, '') || fields AS BLOB))), 0)
                FROM log WHERE seq > ?
                """,
            arguments: [try sealedLogLines()])
        return (row?[0] ?? 0, row?[1] ?? 0)
    }

    /// How many lines are not known to be in the remote.
    public func unsentLogLines() throws -> Int {
        try Int.fetchOne(
            db, sql: "SELECT count(*) FROM log WHERE seq > ?", arguments: [try sentLogLines()]) ?? 0
    }

    /// The oldest lines that no log object carries.
    ///
    /// - Parameter limit: at most so many.
    public func linesToSeal(limit: Int) throws -> [LogRecord] {
        try Row.fetchAll(
            db,
            sql: """
                SELECT seq, time, level, component, message, agent_id, task_id, fields FROM log
                WHERE seq > ? ORDER BY seq LIMIT ?
                """,
            arguments: [try sealedLogLines(), limit]
        ).map { try LogRecord($0) }
    }

    /// The log objects that wait to be sent, in their order.
    public func waitingLogs() throws -> [WaitingLog] {
        try Row.fetchAll(db, sql: "SELECT sequence, hash, day, bytes FROM sync_log ORDER BY sequence")
            .map { row in
                WaitingLog(
                    position: Position(
                        sequence: UInt64(clamping: row[0] as Int64), hash: Array(row[1] as Data)),
                    day: UInt32(clamping: row[2] as Int64), bytes: Array(row[3] as Data))
            }
    }
}

extension WriteTransaction {
    /// Puts a sealed log object into the outbox.
    ///
    /// - Parameter lines: the numbers of the first and the last line in it.
    public func addWaiting(_ log: WaitingLog, lines: ClosedRange<Int64>) throws {
        try db.execute(
            sql: """
                INSERT INTO sync_log(sequence, hash, day, first_line, last_line, bytes)
                VALUES (?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                Int64(clamping: log.position.sequence), Data(log.position.hash), Int64(log.day),
                lines.lowerBound, lines.upperBound, Data(log.bytes),
            ])
        try setSetting(Self.sealedLogLinesKey, String(lines.upperBound))
    }

    /// Lets go of the log objects up to `sequence`: they are in the remote.
    public func settleLogs(through sequence: UInt64) throws {
        try db.execute(
            sql: "DELETE FROM sync_log WHERE sequence <= ?", arguments: [Int64(clamping: sequence)])
    }

    /// Takes back log objects that wait: their lines are sealed anew.
    ///
    /// - Parameter sequence: those up to this one stay as they are.
    public func unsealLogs(above sequence: UInt64 = 0) throws {
        let end = Int64(clamping: sequence)
        let first = try Int64.fetchOne(
            db, sql: "SELECT min(first_line) FROM sync_log WHERE sequence > ?", arguments: [end])
        guard let first else { return }
        try db.execute(sql: "DELETE FROM sync_log WHERE sequence > ?", arguments: [end])
        try setSetting(Self.sealedLogLinesKey, String(first - 1))
    }
}
