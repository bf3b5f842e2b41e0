/// How much a log line matters.
public enum LogLevel: Int, Sendable, CaseIterable, Comparable {
    case debug = 0
    case info, warning, error, critical

    public static func < (a: LogLevel, b: LogLevel) -> Bool { a.rawValue < b.rawValue }

    public var name: String { "\(self)" }

    public init?(name: String) {
        guard let match = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = match
    }
}

/// A line of the encrypted log.
public struct LogRecord: Sendable, Equatable {
    /// Counts up; `--follow` asks for what comes after the last one seen.
    public var sequence: Int64
    public var time: Timestamp
    public var level: LogLevel
    public var component: String
    public var message: String
    public var agentID: String?
    public var taskID: String?
    public var fields: JSONObject

    /// A line as it was written.
    public init(
        sequence: Int64, time: Timestamp, level: LogLevel, component: String, message: String,
        agentID: String?, taskID: String?, fields: JSONObject
    ) {
        self.sequence = sequence
        self.time = time
        self.level = level
        self.component = component
        self.message = message
        self.agentID = agentID
        self.taskID = taskID
        self.fields = fields
    }
}

extension LogRecord: JSONEncodable {
    public func encode(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.field("time", time)
            writer.field("level", level.name)
            writer.field("component", component)
            writer.field("message", message)
            writer.field("agent_id", agentID)
            writer.field("task_id", taskID)
            writer.field("fields", .object(fields))
        }
    }
}

/// A log line to be written.
public struct LogDraft: Sendable {
    public var level: LogLevel
    public var component: String
    public var message: String
    public var agentID: String?
    public var taskID: String?
    public var fields = JSONObject()
    /// When it happened, if not now (lines that were kept in memory while the vault was locked).
    public var time: Timestamp?

    public init(_ level: LogLevel, component: String, _ message: String) {
        self.level = level
        self.component = component
        self.message = message
    }
}

/// Which log lines to read.
public struct LogFilter: Sendable {
    /// This level and above.
    public var level: LogLevel = .debug
    public var agentID: String?
    public var taskID: String?
    public var since: Timestamp?
    /// Only lines with a higher sequence.
    public var after: Int64?
    /// Only the last so many that match; 0 means all.
    public var tail = 0

    public init() {}
}
