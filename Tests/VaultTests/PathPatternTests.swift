import Testing
import Vault

@Suite struct PathPatternTests {
    @Test(arguments: [
        ("*.md", "a/b/c.md", true), ("*.md", "c.md", true), ("*.md", "c.mdx", false),
        ("docs", "a/docs/x/y", true), ("docs/*.md", "docs/x.md", true), ("docs/*.md", "a/docs/x.md", false),
        ("docs/*.md", "docs/a/x.md", false), ("docs/**/x.md", "docs/x.md", true),
        ("docs/**/x.md", "docs/a/b/x.md", true), ("docs/**", "docs/a/b", true), ("docs/**", "doc/a", false),
        ("/a/b", "/a/b/c", true), ("/a/b", "/a/bc", false), ("**", "anything", true), ("/b", "a/b", false),
        ("報告?.md", "documents/報告一.md", true), ("[a-c]/x", "b/x", true), ("[!a-c]/x", "b/x", false),
    ])
    func matches(pattern: String, path: String, expected: Bool) {
        #expect(PathPattern(pattern).matches(Array(path.utf8)) == expected)
    }

    @Test func manyStarsStayCheap() {
        let pattern = PathPattern(String(repeating: "**/*a*/", count: 40) + "b")
        let path = Array(repeating: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", count: 200).joined(separator: "/")
        #expect(!pattern.matches(Array(path.utf8)))
    }
}
