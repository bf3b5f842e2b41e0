internal import GRDB

/// What an export writes as JSON Lines.
public enum ExportedRecords: String, Sendable, CaseIterable {
    case projects, tasks, comments, documents, history, logs
}

extension ReadTransaction {
    /// Writes all records of a kind, those in the trash too, oldest first.
    ///
    /// - Parameter emit: is given one line at a time.
    public func export(_ kind: ExportedRecords, _ emit: ([UInt8]) throws -> Void) throws {
        try withoutActuallyEscaping(emit) { emit in
            var lines = Lines(emit)
            try export(kind, to: &lines)
        }
    }

    private func export(_ kind: ExportedRecords, to lines: inout Lines) throws {
        switch kind {
        case .projects:
            for record in try projects() + projects(deleted: true) { try lines.write(record) }
        case .tasks:
            try eachBlock(of: "task") { rows in
                for record in try fetchTasks(
                    where: "t.row BETWEEN ? AND ?", [rows.lowerBound, rows.upperBound],
                    suffix: " ORDER BY t.row")
                { try lines.write(record) }
            }
        case .documents:
            try eachBlock(of: "document") { rows in
                for record in try fetchDocuments(
                    "d.row BETWEEN ? AND ? ORDER BY d.row", [rows.lowerBound, rows.upperBound])
                { try lines.write(record) }
            }
        case .comments: try eachComment { try lines.write($0) }
        case .history: try eachChange(&lines)
        case .logs: try eachLog { try lines.write($0) }
        }
    }

    /// Rows in blocks: memory holds one. Up to 50 tasks get their links one by one.
    private func eachBlock(of table: String, _ body: (ClosedRange<Int64>) throws -> Void) throws {
        let statement = try db.cachedStatement(
            sql: """
                SELECT min(row), max(row) FROM (SELECT row FROM \(table) WHERE row > ? ORDER BY row LIMIT 50)
                """)
        var last = Int64.min
        while let found = try Row.fetchOne(statement, arguments: [last]),
            let first = found[0] as Int64?, let end = found[1] as Int64?
        {
            try body(first...end)
            last = end
        }
    }

    private func eachComment(_ body: (TaskComment) throws -> Void) throws {
        let rows = try Row.fetchCursor(
            db, sql: "SELECT id, task_id, author, body, created_at FROM comment ORDER BY row")
        while let row = try rows.next() {
            try body(
                TaskComment(
                    id: row[0], taskID: row[1], author: row[2], text: row[3],
                    createdAt: Timestamp(milliseconds: row[4])))
        }
    }

    private func eachLog(_ body: (LogRecord) throws -> Void) throws {
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT seq, time, level, component, message, agent_id, task_id, fields FROM log ORDER BY seq
                """)
        while let row = try rows.next() {
            try body(
                LogRecord(
                    sequence: row[0], time: Timestamp(milliseconds: row[1]),
                    level: LogLevel(rawValue: row[2]) ?? .info, component: row[3], message: row[4],
                    agentID: row[5], taskID: row[6], fields: Text.decodeObject(row[7])))
        }
    }

    /// The change log, one line for each record that a transaction changed.
    private func eachChange(_ lines: inout Lines) throws {
        var last: Int64 = 0
        while case let batches = try changes(after: last, limit: 200), let end = batches.last {
            for batch in batches {
                for change in batch.changes { try lines.write(ChangeLine(batch: batch, change: change)) }
            }
            last = end.sequence
        }
    }
}

/// Writes records as lines.
private struct Lines {
    private var writer = JSONWriter()
    private let emit: ([UInt8]) throws -> Void

    init(_ emit: @escaping ([UInt8]) throws -> Void) { self.emit = emit }

    mutating func write(_ record: some JSONEncodable) throws {
        writer.reset()
        record.encode(to: &writer)
        try emit(writer.bytes + [0x0A])
    }
}

/// What a transaction changed in one record, for people.
private struct ChangeLine: JSONEncodable {
    let batch: ChangeBatch
    let change: RecordChange

    func encode(to writer: inout JSONWriter) {
        let collection = Collection.numbered(change.collection)
        writer.object { writer in
            writer.field("time", batch.stamp.time)
            writer.field("actor", batch.actor)
            writer.field("device", Hex.encode(batch.origin.device))
            writer.field("collection", Collection.name(change.collection))
            writer.field("id", change.id)
            writer.field("fields", .object((collection ?? .task).json(change.fields, record: change.id)))
        }
    }
}
