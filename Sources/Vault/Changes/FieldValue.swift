/// The value of one field of a record, as the change log and SQLite know it.
public enum FieldValue: Sendable, Hashable {
    case null
    case integer(Int64)
    case real(Double)
    case text(String)
    case blob([UInt8])
}

/// One field of one record and its new value. Numbers, not names, travel: names may change.
public struct FieldChange: Sendable, Hashable {
    public var field: UInt32
    public var value: FieldValue

    public init(_ field: UInt32, _ value: FieldValue) {
        self.field = field
        self.value = value
    }
}

/// The bytes of a change's fields (docs/FORMAT.md, "Change log"): for each the field number, a type byte,
/// and the value; numbers and lengths as unsigned LEB128, integers in zigzag.
package enum FieldCodec {
    package static func encode(_ fields: [FieldChange]) -> [UInt8] {
        var out: [UInt8] = []
        for change in fields {
            put(UInt64(change.field), into: &out)
            put(change.value, into: &out)
        }
        return out
    }

    /// A value: its type and itself.
    static func put(_ value: FieldValue, into out: inout [UInt8]) {
        switch value {
        case .null: out.append(0)
        case .integer(let value):
            out.append(1)
            put(UInt64(bitPattern: value << 1 ^ value >> 63), into: &out)
        case .real(let value):
            out.append(2)
            withUnsafeBytes(of: value.bitPattern.bigEndian) { out.append(contentsOf: $0) }
        case .text(let text):
            out.append(3)
            put(UInt64(text.utf8.count), into: &out)
            out.append(contentsOf: text.utf8)
        case .blob(let bytes):
            out.append(4)
            put(UInt64(bytes.count), into: &out)
            out.append(contentsOf: bytes)
        }
    }

    /// - Throws: `VaultError` with code `integrity_failure` for bytes that `encode` doesn't make.
    package static func decode(_ bytes: [UInt8]) throws -> [FieldChange] {
        var reader = Reader(bytes: bytes)
        var fields: [FieldChange] = []
        while !reader.atEnd {
            guard let number = UInt32(exactly: try reader.number()) else { throw Reader.malformed }
            fields.append(FieldChange(number, try reader.value()))
        }
        return fields
    }

    static func put(_ number: UInt64, into out: inout [UInt8]) {
        var rest = number
        while rest >= 0x80 {
            out.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        out.append(UInt8(rest))
    }

    struct Reader {
        static let malformed = VaultError(.integrityFailure, "a change in the log is malformed")

        private let bytes: [UInt8]
        private var position = 0
        var atEnd: Bool { position == bytes.count }

        init(bytes: [UInt8]) { self.bytes = bytes }

        mutating func byte() throws -> UInt8 {
            guard position < bytes.count else { throw Self.malformed }
            defer { position += 1 }
            return bytes[position]
        }

        mutating func number() throws -> UInt64 {
            var value: UInt64 = 0
            for shift in stride(from: UInt64(0), to: 64, by: 7) {
                let next = try byte()
                if shift == 63 && next > 1 { throw Self.malformed }
                value |= UInt64(next & 0x7F) << shift
                if next < 0x80 {
                    if next == 0 && shift > 0 { throw Self.malformed }
                    return value
                }
            }
            throw Self.malformed
        }

        mutating func take(_ count: UInt64) throws -> ArraySlice<UInt8> {
            guard count <= UInt64(bytes.count - position) else { throw Self.malformed }
            defer { position += Int(count) }
            return bytes[position..<(position + Int(count))]
        }

        mutating func value() throws -> FieldValue {
            switch try byte() {
            case 0: return .null
            case 1:
                let raw = try number()
                return .integer(Int64(bitPattern: raw >> 1) ^ -Int64(bitPattern: raw & 1))
            case 2:
                let bits = try take(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
                return .real(Double(bitPattern: bits))
            case 3:
                guard let text = String(validating: try take(number()), as: UTF8.self) else {
                    throw Self.malformed
                }
                return .text(text)
            case 4: return .blob(Array(try take(number())))
            default: throw Self.malformed
            }
        }
    }
}
