/// A request as it came in.
struct StrictRequest: Sendable {
    var method: String
    /// As it stood in the request, before anything was unescaped.
    var rawPath: String
    var rawQuery: String
    /// Names in lower case; values of one name joined by commas.
    var headers: [String: String] = [:]
    var body: [UInt8] = []
    var bucket = ""
    var key = ""
    var query: [String: String] = [:]

    init?(head: String) {
        var lines = head.components("\r\n")[...]
        let words = lines.removeFirst().split(separator: " ")
        guard words.count == 3, words[2] == "HTTP/1.1" else { return nil }
        method = String(words[0])
        let target = words[1].split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        rawPath = String(target[0])
        rawQuery = target.count > 1 ? String(target[1]) : ""
        for line in lines {
            guard let colon = line.firstIndex(of: ":") else { return nil }
            let name = line[..<colon].lowercased()
            var value = line[line.index(after: colon)...]
            while value.first == " " { value.removeFirst() }
            while value.last == " " { value.removeLast() }
            headers[name] = headers[name].map { $0 + "," + value } ?? String(value)
        }
        guard let path = Self.unescaped(rawPath), path.hasPrefix("/") else { return nil }
        let parts = path.dropFirst().split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        bucket = String(parts[0])
        key = parts.count > 1 ? String(parts[1]) : ""
        for (name, value) in items {
            guard let name = Self.unescaped(name), let value = Self.unescaped(value) else { return nil }
            query[name] = value
        }
    }

    /// Names and values of the query, as they came.
    var items: [(name: String, value: String)] {
        rawQuery.split(separator: "&").map { item in
            let parts = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (String(parts[0]), parts.count > 1 ? String(parts[1]) : "")
        }
    }

    /// Nil for broken escapes and for what is not UTF-8.
    static func unescaped(_ text: String) -> String? {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            else { return nil }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    /// RFC 3986 with upper-case digits; a slash stays when asked for.
    static func escaped(_ text: String, keepsSlashes: Bool) -> String {
        let plain = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~".utf8)
        return text.utf8.reduce(into: "") { result, byte in
            if plain.contains(byte) || (keepsSlashes && byte == UInt8(ascii: "/")) {
                result.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                result += "%" + (digits.count < 2 ? "0" : "") + digits
            }
        }
    }
}

extension String {
    /// The parts between a separator of two characters.
    fileprivate func components(_ separator: String) -> [Substring] {
        let bytes = Array(utf8)
        let mark = Array(separator.utf8)
        var parts: [Substring] = []
        var start = 0
        var at = 0
        while at + mark.count <= bytes.count {
            if Array(bytes[at..<at + mark.count]) == mark {
                parts.append(Substring(decoding: bytes[start..<at], as: UTF8.self))
                at += mark.count
                start = at
            } else {
                at += 1
            }
        }
        return parts + [Substring(decoding: bytes[start...], as: UTF8.self)]
    }
}

/// An answer before it is written.
struct StrictAnswer: Sendable {
    var status: Int
    /// The service's word for a failure; empty for none.
    var code = ""
    var headers: [String: String] = [:]
    var body: [UInt8] = []
    /// What `Content-Length` says when no body goes with it (HEAD).
    var length: Int?
    var isApplied = false

    init(_ status: Int, headers: [String: String] = [:], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// A failure.
    init(_ status: Int, _ code: String) {
        self.status = status
        self.code = code
        headers = ["Content-Type": "application/xml"]
        body = Array(
            """
            <?xml version="1.0" encoding="UTF-8"?>
            <Error><Code>\(code)</Code><Message>refused by the strict server</Message></Error>
            """.utf8)
    }

    func dated(_ now: Int64) -> StrictAnswer {
        var answer = self
        answer.headers["Date"] = StrictTime.header(now)
        answer.headers["Server"] = "strict"
        return answer
    }
}
