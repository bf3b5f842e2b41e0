import Foundation
import Testing

@Suite("The rules that a machine can check") struct TidyTests {
    @Test("Targets import only what is below them, and C only in files named so")
    func layers() {
        expectNone(Repository.sources.flatMap(Layers.violations))
    }

    @Test("Files, functions and lines keep their limits")
    func sizes() {
        expectNone(Repository.files.flatMap(Style.sizes))
        expectNone(Repository.files.flatMap(Style.functions))
    }

    @Test("No forced tries, no leftovers, no unexplained unsafety")
    func constructs() {
        expectNone(Repository.files.flatMap(Style.constructs))
    }

    @Test("SQL and the database's name stay in their homes")
    func database() {
        expectNone(Repository.sources.flatMap(Database.violations))
    }

    @Test("The tests that SECURITY.md names exist")
    func namedTests() throws {
        let page = try #require(
            SourceFile(Repository.root.appending(path: "SECURITY.md"), path: "SECURITY.md"))
        expectNone(
            NamedTests.violations(in: page, tests: Repository.files.filter { $0.path.hasPrefix("Tests/") }))
    }

    @Test("The rules find what they look for")
    func positiveTwins() {
        func file(_ text: String, _ path: String = "Sources/Backup/A.swift") -> SourceFile {
            SourceFile(path: path, text: text)
        }
        #expect(Layers.violations(in: file("public import Foundation")).count == 1)
        #expect(Layers.violations(in: file("import CArchive")).count == 1)
        #expect(Layers.violations(in: file("import CArchive", "Sources/Backup/A+Archive.swift")).isEmpty)
        #expect(Layers.violations(in: file("import Backup", "Sources/Vault/A.swift")).count == 1)
        let body = String(repeating: "    work()\n", count: 70)
        #expect(Style.functions(in: file("func long() {\n\(body)}\n")).count == 1)
        #expect(Style.functions(in: file("func short() {\n    work()\n}\n")).isEmpty)
        #expect(Style.sizes(in: file(String(repeating: "a", count: 111))).count == 1)
        #expect(Style.sizes(in: file(String(repeating: "\n", count: 701))).count == 1)
        #expect(Style.constructs(in: file("let a = try" + "! b()")).count == 1)
        let bare = "final class A: @unchecked Send" + "able {}"
        #expect(Style.constructs(in: file(bare)).count == 1)
        #expect(Style.constructs(in: file("// SAFETY: why\n" + bare)).isEmpty)
        #expect(Database.violations(in: file("run(\"SELECT " + "1\")")).count == 1)
        #expect(Database.violations(in: file("open(\"ai-agent" + ".db\")")).count == 1)
        let page = file("| a promise | `whatIsShownHere`, `nothingShowsThis`, `--flag`, `SomeTests` |")
        let tests = file("struct SomeTests { func whatIsShownHere() {} }", "Tests/SomeTests/A.swift")
        #expect(NamedTests.violations(in: page, tests: [tests]).count == 1)
    }

    /// The violations are the message: one line each.
    private func expectNone(_ found: [Violation]) {
        #expect(found.isEmpty, "\n\(found.map(\.description).joined(separator: "\n"))")
    }
}
