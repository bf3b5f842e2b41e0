import Foundation
import Testing

@Suite("The README") struct ReadmeTests {
    @Test("Every command that it shows exists", arguments: ["README.md", "README.zh-TW.md"])
    func commands(_ name: String) throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let text = try String(contentsOf: root.appending(path: name), encoding: .utf8)
        let dump = try Program.run(["--experimental-dump-help"], in: root).json()["command"]
        var shown = 0
        for line in text.split(separator: "\n") where line.hasPrefix("ai-team ") {
            var node = dump
            for word in line.split(separator: " ").dropFirst() {
                let inner = node["subcommands"].list
                if inner.isEmpty || word.hasPrefix("-") { break }
                let next = inner.first { $0["commandName"].string == String(word) }
                #expect(next != nil, "\(name) shows \(line)")
                guard let next else { break }
                node = next
            }
            shown += 1
        }
        #expect(shown > 0)
    }
}
