import Foundation

/// SECURITY.md names the test that shows each promise. One that was renamed or removed shows nothing.
enum NamedTests {
    /// - Parameters:
    ///   - page: Markdown; what stands between backquotes and looks like a test or a suite is taken for one.
    ///   - tests: the files that hold them.
    static func violations(in page: SourceFile, tests: [SourceFile]) -> [Violation] {
        let known = Set(tests.flatMap(names))
        return page.lines.enumerated().flatMap { index, line in
            let parts = line.components(separatedBy: "`")
            return stride(from: 1, to: parts.count, by: 2).map { parts[$0] }
                .filter { isTestName($0) && !known.contains($0) }
                .map { Violation(file: page, line: index + 1, rule: "no test is called \($0)") }
        }
    }

    /// Words run together, as functions here are called, or a suite.
    private static func isTestName(_ word: String) -> Bool {
        guard word.count > 12, word.allSatisfy({ $0.isASCII && $0.isLetter }) else { return false }
        return word.first?.isLowercase == true ? word.contains(where: \.isUppercase) : word.hasSuffix("Tests")
    }

    private static func names(_ file: SourceFile) -> [String] {
        [file.target]
            + file.lines.flatMap { line in
                let words = line.split { !$0.isLetter && !$0.isNumber }
                return zip(words, words.dropFirst()).compactMap { kind, name in
                    ["func", "struct", "class", "enum"].contains(kind) ? String(name) : nil
                }
            }
    }
}
