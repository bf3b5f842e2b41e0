/// Checks on what people type.
enum Text {
    /// A line of text: not empty, without control characters, at most 4,096 bytes; spaces around it go.
    static func line(_ text: String, _ what: String) throws -> String {
        var scalars = Substring(text).unicodeScalars
        while let first = scalars.first, first.properties.isWhitespace { scalars.removeFirst() }
        while let last = scalars.last, last.properties.isWhitespace { scalars.removeLast() }
        let line = String(scalars)
        guard !line.isEmpty else { throw VaultError(.invalid, "\(what) is empty") }
        guard line.utf8.count <= 4096 else {
            throw VaultError(.invalid, "\(what) is longer than 4096 bytes")
        }
        guard !line.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) else {
            throw VaultError(.invalid, "\(what) contains a control character")
        }
        return line
    }

    /// Tags: trimmed, without doubles, in the order given.
    static func tags(_ tags: [String]) throws -> [String] {
        var seen: Set<String> = []
        return try tags.map { try line($0, "a tag") }.filter { seen.insert($0).inserted }
    }

    /// The JSON array that a column holds.
    static func encode(_ list: [String]) -> String {
        JSONValue.array(list.map(JSONValue.string)).text
    }

    static func decodeList(_ json: String) -> [String] {
        if json == "[]" { return [] }
        return (try? JSONValue(parsing: json))?.array?.compactMap(\.string) ?? []
    }

    static func decodeObject(_ json: String) -> JSONObject {
        if json == "{}" { return JSONObject() }
        return (try? JSONValue(parsing: json))?.object ?? JSONObject()
    }
}
