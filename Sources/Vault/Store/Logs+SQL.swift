internal import GRDB

extension ReadTransaction {
    /// Log lines that pass the filter, oldest first.
    public func logs(_ filter: LogFilter = LogFilter()) throws -> [LogRecord] {
        var conditions = ["level >= ?"]
        var arguments: [any DatabaseValueConvertible] = [filter.level.rawValue]
        func require(_ condition: String, _ value: any DatabaseValueConvertible) {
            conditions.append(condition)
            arguments.append(value)
        }
        if let agent = filter.agentID { require("agent_id = ?", AgentCatalogue.canonical(agent)) }
        if let task = filter.taskID { require("task_id = ?", task) }
        if let since = filter.since { require("time >= ?", since.milliseconds) }
        if let after = filter.after { require("seq > ?", after) }
        let tail = filter.tail > 0 ? "DESC LIMIT \(filter.tail)" : ""
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT seq, time, level, component, message, agent_id, task_id, fields FROM log
                WHERE \(conditions.joined(separator: " AND ")) ORDER BY seq \(tail)
                """,
            arguments: StatementArguments(arguments))
        let records = try rows.map { try LogRecord($0) }
        return filter.tail > 0 ? records.reversed() : records
    }

    /// The sequence of the newest line, 0 when there is none.
    public func lastLogSequence() throws -> Int64 {
        try Int64.fetchOne(db, sql: "SELECT max(seq) FROM log") ?? 0
    }
}

extension WriteTransaction {
    /// Writes a log line into the encrypted log.
    public func log(_ draft: LogDraft) throws {
        let statement = try db.cachedStatement(
            sql: """
                INSERT INTO log(time, level, component, message, agent_id, task_id, fields)
                VALUES (?, ?, ?, ?, ?, ?, ?)
                """)
        try statement.execute(
            arguments: [
                (draft.time ?? now).milliseconds, draft.level.rawValue, draft.component, draft.message,
                draft.agentID.map(AgentCatalogue.canonical), draft.taskID,
                JSONValue.object(draft.fields).text,
            ])
    }

    /// Forgets log lines that are older than `days`, and the oldest beyond `linesMax`, `limit` at most.
    ///
    /// - Parameter isKeptUnsent: lines that wait to be sent don't go for their age, but only beyond
    ///   `linesMax`; those are counted, and the log says how many.
    /// - Returns: how many went.
    @discardableResult
    public func trimLogs(
        olderThanDays days: Int, linesMax: Int = 1_000_000, isKeptUnsent: Bool = false,
        limit: Int = Int(Int32.max)
    ) throws -> Int {
        let sent = isKeptUnsent ? try sentLogLines() : .max
        let oldest = now.advanced(byMilliseconds: -Int64(days) * 86_400_000).milliseconds
        let arguments: StatementArguments = [oldest, sent, linesMax, limit]
        let due = """
            SELECT seq FROM log WHERE time < ?1 AND seq <= ?2 OR seq <= (SELECT max(seq) FROM log) - ?3
            ORDER BY seq LIMIT ?4
            """
        let lost =
            try Int.fetchOne(db, sql: "SELECT count(*) FROM (\(due)) WHERE seq > ?2", arguments: arguments)
            ?? 0
        try db.execute(sql: "DELETE FROM log WHERE seq IN (\(due))", arguments: arguments)
        let count = db.changesCount
        if lost > 0 { try noteLost(logLines: lost) }
        return count
    }

    private func noteLost(logLines count: Int) throws {
        try setSetting(Self.lostLogLinesKey, String(try lostLogLines() + count))
        var line = LogDraft(
            .warning, component: "logs", "lines were removed that had not been sent: too many waited")
        line.fields["lines"] = .integer(Int64(count))
        try log(line)
    }
}

extension LogRecord {
    /// From `seq, time, level, component, message, agent_id, task_id, fields`.
    init(_ row: Row) throws {
        self.init(
            sequence: row[0], time: Timestamp(milliseconds: row[1]),
            level: LogLevel(rawValue: row[2]) ?? .info, component: row[3], message: row[4],
            agentID: row[5], taskID: row[6], fields: try Text.decodeObject(row[7]))
    }
}
