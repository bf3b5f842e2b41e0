/// Limits of size, and constructs that the house does without.
enum Style {
    static let linesInFile = 700
    static let linesInFunction = 70
    static let columns = 110

    static func sizes(in file: SourceFile) -> [Violation] {
        var found: [Violation] = []
        let count = file.lines.last == "" ? file.lines.count - 1 : file.lines.count
        if count > linesInFile {
            found.append(Violation(file: file, line: count, rule: "more than \(linesInFile) lines"))
        }
        for (index, line) in file.lines.enumerated() {
            if line.count > columns {
                found.append(Violation(file: file, line: index + 1, rule: "more than \(columns) columns"))
            }
            if line.last == " " || line.contains("\t") {
                found.append(Violation(file: file, line: index + 1, rule: "trailing space or tab"))
            }
        }
        return found
    }

    /// Functions longer than the limit, found by indentation: a body ends at a brace under its `func`.
    static func functions(in file: SourceFile) -> [Violation] {
        file.lines.indices.compactMap { start in
            guard let indent = declaration(file.lines[start]) else { return nil }
            let closing = indent + "}"
            let end = file.lines[(start + 1)...].firstIndex { line in
                line.hasPrefix(closing) || (!line.isEmpty && !line.hasPrefix(indent))
                    || (line.hasPrefix(indent) && declaration(line) == indent)
            }
            guard let end, file.lines[end].hasPrefix(closing), end - start + 1 > linesInFunction
            else { return nil }
            return Violation(
                file: file, line: start + 1,
                rule: "a function of \(end - start + 1) lines, more than \(linesInFunction)")
        }
    }

    /// The indentation of a line that begins a function; nil for every other line.
    private static func declaration(_ line: String) -> String? {
        let indent = String(line.prefix { $0 == " " })
        let words = line.dropFirst(indent.count)
        guard !words.hasPrefix("//") else { return nil }
        for word in words.split(separator: " ") {
            if word == "func" || word.hasPrefix("init(") || word.hasPrefix("init?(")
                || word.hasPrefix("init<") || word == "deinit" || word.hasPrefix("subscript(")
            {
                return indent
            }
            let modifier = word.hasPrefix("@") || modifiers.contains(String(word))
            if !modifier { return nil }
        }
        return nil
    }

    private static let modifiers: Set<String> = [
        "public", "package", "internal", "private", "fileprivate", "static", "mutating", "borrowing",
        "consuming", "convenience", "override", "final", "nonisolated", "required", "isolated", "class",
    ]

    static func constructs(in file: SourceFile) -> [Violation] {
        var found: [Violation] = []
        for (index, line) in file.lines.enumerated() {
            for word in banned where line.contains(word) {
                found.append(Violation(file: file, line: index + 1, rule: "\(word) is not used here"))
            }
            let code = line.prefix { $0 != "\"" }
            guard !code.contains("//") else { continue }
            let unsafe = ["@unchecked Send" + "able", "nonisolated(uns" + "afe)"].contains {
                code.contains($0)
            }
            if unsafe, !hasSafetyNote(file.lines[..<index]) {
                found.append(Violation(file: file, line: index + 1, rule: "no // SAFETY: line above"))
            }
        }
        return found
    }

    // Written in two pieces, so that this file passes its own test.
    private static let banned = [
        "try" + "!", "TO" + "DO", "FIX" + "ME", "XX" + "X:", "@test" + "able",
    ]

    /// A SAFETY comment in the block of comments and attributes right above.
    private static func hasSafetyNote(_ above: ArraySlice<String>) -> Bool {
        for line in above.reversed() {
            let text = line.drop { $0 == " " }
            if text.contains("// SAFETY:") { return true }
            guard text.hasPrefix("//") || text.hasPrefix("@") else { return false }
        }
        return false
    }
}
