import Foundation

/// The repository's own text, as the tidy rules read it.
enum Repository {
    static let root = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// Every Swift file under `Sources` and `Tests`, and the manifest.
    static let files: [SourceFile] = ["Package.swift", "Plugins", "Sources", "Tests"].flatMap(swiftFiles)

    /// Swift files of the product alone.
    static var sources: [SourceFile] { files.filter { $0.path.hasPrefix("Sources/") } }

    private static func swiftFiles(under name: String) -> [SourceFile] {
        let start = root.appending(path: name)
        if name.hasSuffix(".swift") { return [SourceFile(start, path: name)].compactMap(\.self) }
        let names = FileManager.default.enumerator(atPath: start.path(percentEncoded: false))
        return (names?.compactMap { $0 as? String } ?? []).filter { $0.hasSuffix(".swift") }.sorted()
            .compactMap { SourceFile(start.appending(path: $0), path: "\(name)/\($0)") }
    }
}

/// One file: its path from the root, and its lines.
struct SourceFile: CustomStringConvertible, Sendable {
    let path: String
    let lines: [String]

    init?(_ url: URL, path: String) {
        guard let text = try? String(contentsOf: url, encoding: .utf8) else { return nil }
        self.path = path
        lines = text.components(separatedBy: "\n")
    }

    /// For the rules' own tests.
    init(path: String, text: String) {
        self.path = path
        lines = text.components(separatedBy: "\n")
    }

    private static let visibilities: Set<String> = ["public", "package", "internal", "private"]

    var description: String { path }
    var name: String { String(path.split(separator: "/").last ?? "") }

    /// The target of a file in `Sources/<target>/…` or `Tests/<target>/…`.
    var target: String { path.split(separator: "/").dropFirst().first.map(String.init) ?? "" }

    /// Names of the imported modules, with the number of the line.
    var imports: [(module: String, line: Int)] {
        lines.enumerated().compactMap { index, line in
            let words = line.split(separator: " ").map(String.init)
            guard let mark = words.firstIndex(of: "import"), words.count > mark + 1,
                words[..<mark].allSatisfy({ $0.hasPrefix("@") || Self.visibilities.contains($0) })
            else { return nil }
            let kinds: Set<String> = ["struct", "class", "enum", "func", "protocol"]
            let named = kinds.contains(words[mark + 1]) && words.count > mark + 2
            let path = words[mark + (named ? 2 : 1)]
            return (String(path.prefix { $0 != "." }), index + 1)
        }
    }
}

/// A broken rule, named so that an editor can jump to it.
struct Violation: CustomStringConvertible {
    let file: SourceFile
    let line: Int
    let rule: String

    var description: String { "\(file.path):\(line): \(rule)" }
}
