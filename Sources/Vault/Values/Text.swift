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

    /// What `encode` wrote. Anything else is damage: an empty list in its place would be written back.
    static func decodeList(_ json: String) throws -> [String] {
        if json == "[]" { return [] }
        guard let list = try JSONValue(parsing: json).array else { throw unreadable }
        return try list.map { value in
            guard let text = value.string else { throw unreadable }
            return text
        }
    }

    /// The JSON object that a column holds; damage is an error, as above.
    static func decodeObject(_ json: String) throws -> JSONObject {
        if json == "{}" { return JSONObject() }
        guard let object = try JSONValue(parsing: json).object else { throw unreadable }
        return object
    }

    private static let unreadable = VaultError(
        .failed, "a stored list or object is not what its column holds", hint: "run ai-team doctor")
}

extension String {
    /// Whether both consist of the same bytes, which `==` does not ask: é and e with an accent are one text.
    func hasSameBytes(as other: String) -> Bool {
        let (a, b) = (utf8Span.span, other.utf8Span.span)
        guard a.count == b.count else { return false }
        for index in a.indices where a[index] != b[index] { return false }
        return true
    }
}
