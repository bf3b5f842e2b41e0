/// Writes compact JSON as UTF-8, one value after another, without building a tree first.
public struct JSONWriter: Sendable {
    public private(set) var bytes: [UInt8] = []
    private var needsComma = false

    public init() {}

    public var text: String { String(decoding: bytes, as: UTF8.self) }

    /// Forgets what was written, keeps the memory.
    public mutating func reset() {
        bytes.removeAll(keepingCapacity: true)
        needsComma = false
    }

    /// Hands out what was written so far, which then is somebody else's to keep.
    public mutating func drain() -> [UInt8] {
        defer { bytes.removeAll(keepingCapacity: true) }
        return bytes
    }

    /// `{…}`; `body` writes the members with `key` and `field`.
    public mutating func object(_ body: (inout JSONWriter) throws -> Void) rethrows {
        separate()
        bytes.append(UInt8(ascii: "{"))
        needsComma = false
        try body(&self)
        bytes.append(UInt8(ascii: "}"))
        needsComma = true
    }

    /// `[…]`; `body` writes the elements.
    public mutating func array(_ body: (inout JSONWriter) throws -> Void) rethrows {
        separate()
        bytes.append(UInt8(ascii: "["))
        needsComma = false
        try body(&self)
        bytes.append(UInt8(ascii: "]"))
        needsComma = true
    }

    /// `[…]` of records.
    public mutating func array(_ records: [some JSONEncodable]) {
        array { writer in for record in records { record.encode(to: &writer) } }
    }

    /// The name of the member whose value is written next.
    public mutating func key(_ name: String) {
        separate()
        quote(name)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    public mutating func field(_ name: String, _ value: String?) {
        key(name)
        self.value(value)
    }

    public mutating func field(_ name: String, _ value: Bool) {
        key(name)
        self.value(value)
    }

    public mutating func field(_ name: String, _ value: Int?) {
        key(name)
        self.value(value.map(Int64.init))
    }

    public mutating func field(_ name: String, _ value: Int64?) {
        key(name)
        self.value(value)
    }

    public mutating func field(_ name: String, _ value: Double?) {
        key(name)
        self.value(value)
    }

    public mutating func field(_ name: String, _ value: Timestamp?) {
        key(name)
        self.value(value)
    }

    public mutating func field(_ name: String, _ values: [String]) {
        key(name)
        array { writer in for value in values { writer.value(value) } }
    }

    public mutating func field(_ name: String, _ value: JSONValue) {
        key(name)
        self.value(value)
    }

    public mutating func field(_ name: String, _ record: some JSONEncodable) {
        key(name)
        record.encode(to: &self)
    }

    public mutating func field(_ name: String, _ records: [some JSONEncodable]) {
        key(name)
        array(records)
    }

    public mutating func value(_ value: String?) {
        separate()
        if let value { quote(value) } else { append("null") }
    }

    public mutating func value(_ value: Bool) {
        separate()
        append(value ? "true" : "false")
    }

    public mutating func value(_ value: Int64?) {
        separate()
        append(value.map(String.init) ?? "null")
    }

    /// JSON has no infinities; they are written as null.
    public mutating func value(_ value: Double?) {
        separate()
        if let value, value.isFinite { append("\(value)") } else { append("null") }
    }

    public mutating func value(_ value: Timestamp?) {
        separate()
        guard let value else { return append("null") }
        bytes.append(UInt8(ascii: "\""))
        bytes.append(contentsOf: value.rfc3339)
        bytes.append(UInt8(ascii: "\""))
    }

    public mutating func value(_ value: JSONValue) {
        switch value {
        case .null: self.value(nil as String?)
        case .bool(let flag): self.value(flag)
        case .integer(let number): self.value(number)
        case .number(let number): self.value(number)
        case .string(let text): self.value(text)
        case .array(let elements): array { writer in for element in elements { writer.value(element) } }
        case .object(let object):
            self.object { writer in
                for (name, member) in object.members {
                    writer.key(name)
                    writer.value(member)
                }
            }
        }
    }

    /// JSON text that is stored as such, known to be valid.
    mutating func raw(_ text: String) {
        separate()
        append(text)
    }

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
    }

    private mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }

    private mutating func quote(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        var text = text
        text.withUTF8 { utf8 in
            if utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x22 && $0 != 0x5C }) {
                bytes.append(contentsOf: utf8)
            } else {
                for byte in utf8 { escape(byte) }
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func escape(_ byte: UInt8) {
        switch byte {
        case 0x22: append("\\\"")
        case 0x5C: append("\\\\")
        case 0x0A: append("\\n")
        case 0x0D: append("\\r")
        case 0x09: append("\\t")
        case 0..<0x20:
            append("\\u00")
            bytes.append(ULID.alphabet[Int(byte >> 4)])
            bytes.append(ULID.alphabet[Int(byte & 15)])
        default: bytes.append(byte)
        }
    }
}

/// A record that knows its JSON form, as docs and scripts rely on it.
public protocol JSONEncodable {
    /// Writes one JSON value.
    func encode(to writer: inout JSONWriter)
}

extension JSONEncodable {
    /// The record as compact JSON text.
    public var json: String {
        var writer = JSONWriter()
        encode(to: &writer)
        return writer.text
    }
}
