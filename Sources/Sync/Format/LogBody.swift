internal import Cryptography
public import Vault

/// What a log object says inside its encryption: lines of one device's log, in their order.
public struct LogBody: Sendable, Equatable {
    /// When it was sealed, in milliseconds since 1970; its name has that day.
    public var sealedAt: Int64
    /// The lines, by ascending number.
    public var lines: [LogRecord]

    /// Lines as they were at a time.
    public init(sealedAt: Int64, lines: [LogRecord]) {
        self.sealedAt = sealedAt
        self.lines = lines
    }

    private static let lineLimit = 1 << 20
    /// Bytes of a line that says nothing.
    private static let encodedCount = 41

    /// The canonical bytes.
    public var encoded: [UInt8] {
        var writer = CanonicalWriter()
        writer.u64(UInt64(bitPattern: sealedAt))
        writer.count(lines.count)
        for line in lines {
            writer.u64(UInt64(bitPattern: line.sequence))
            writer.u64(UInt64(bitPattern: line.time.milliseconds))
            writer.u8(UInt8(clamping: line.level.rawValue))
            writer.string(line.component)
            writer.string(line.message)
            writer.text(line.agentID)
            writer.text(line.taskID)
            writer.string(JSONValue.object(line.fields).text)
        }
        return writer.bytes
    }

    /// - Throws: `integrity` for bytes that `encoded` doesn't make.
    public init(_ bytes: [UInt8], name: String) throws(SyncError) {
        do {
            var reader = CanonicalReader(bytes)
            sealedAt = Int64(bitPattern: try reader.u64())
            lines = []
            for _ in 0..<(try reader.count(limit: Self.lineLimit, elementCount: Self.encodedCount)) {
                lines.append(try reader.line())
            }
            try reader.expectEnd()
        } catch { throw .integrity(name, "\(error)") }
        guard encoded == bytes else { throw .integrity(name, "it is not canonical") }
    }
}

extension CanonicalWriter {
    /// A byte that says whether there is one, then the text.
    fileprivate mutating func text(_ text: String?) {
        u8(text == nil ? 0 : 1)
        string(text ?? "")
    }
}

extension CanonicalReader {
    private mutating func text() throws(CryptoError) -> String? {
        let isThere = try u8() == 1
        let text = try string(limit: PaddedBody.limit)
        return isThere ? text : nil
    }

    fileprivate mutating func line() throws -> LogRecord {
        let sequence = Int64(bitPattern: try u64())
        let time = Timestamp(milliseconds: Int64(bitPattern: try u64()))
        guard let level = LogLevel(rawValue: Int(try u8())) else {
            throw CryptoError(.malformed, "a line's level is unknown")
        }
        let component = try string(limit: PaddedBody.limit)
        let message = try string(limit: PaddedBody.limit)
        let (agent, task) = (try text(), try text())
        let fields = try JSONValue(parsing: string(limit: PaddedBody.limit))
        guard let object = fields.object else { throw CryptoError(.malformed, "a line's fields are no map") }
        return LogRecord(
            sequence: sequence, time: time, level: level, component: component, message: message,
            agentID: agent, taskID: task, fields: object)
    }
}
