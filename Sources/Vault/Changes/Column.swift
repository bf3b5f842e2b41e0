/// A column that shows a field. Whatever a field was given, by a later program or a broken one, the column
/// holds what its readers can read: a value of another kind shows as the default, and stays in the log.
struct Column: Sendable {
    enum Kind: Sendable {
        case text, blob
        /// Within these bounds.
        case integer(ClosedRange<Int64>)
        /// JSON of a list of texts, or of an object.
        case list, object
    }

    let name: String
    let kind: Kind
    /// What shows when the field has no value; null where the table allows it.
    let standard: FieldValue

    static func text(_ name: String, _ standard: String? = nil) -> Column {
        Column(name: name, kind: .text, standard: standard.map(FieldValue.text) ?? .null)
    }

    static func blob(_ name: String, _ standard: [UInt8]? = nil) -> Column {
        Column(name: name, kind: .blob, standard: standard.map(FieldValue.blob) ?? .null)
    }

    static func integer(
        _ name: String, _ standard: Int64? = nil, in range: ClosedRange<Int64> = .min ... .max
    ) -> Column {
        Column(name: name, kind: .integer(range), standard: standard.map(FieldValue.integer) ?? .null)
    }

    static func list(_ name: String) -> Column { Column(name: name, kind: .list, standard: .text("[]")) }

    static func object(_ name: String) -> Column { Column(name: name, kind: .object, standard: .text("{}")) }

    /// What shows for a value.
    func shown(_ value: FieldValue?) -> FieldValue {
        guard let value, value != .null else { return standard }
        switch (kind, value) {
        case (.text, .text), (.blob, .blob): return value
        case (.integer(let range), .integer(let number)): return range.contains(number) ? value : standard
        case (.list, .text(let text)): return isReadable(text, Text.decodeList) ? value : standard
        case (.object, .text(let text)): return isReadable(text, Text.decodeObject) ? value : standard
        default: return standard
        }
    }

    private func isReadable<T>(_ text: String, _ decode: (String) throws -> T) -> Bool {
        do {
            _ = try decode(text)
            return true
        } catch { return false }
    }
}
