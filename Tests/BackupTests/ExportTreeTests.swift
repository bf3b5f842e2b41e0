import Backup
import Testing

@Suite struct ExportTreeTests {
    private func paths(_ names: [String]) -> [String] {
        ExportTree.paths(
            of: names.enumerated().map {
                ExportTree.Version(documentID: "doc-\($0.offset)", number: 1, name: Array($0.element.utf8))
            }
        ).map { String(decoding: $0.bytes, as: UTF8.self) }
    }

    @Test func documentsHaveTheirNames() {
        #expect(paths(["a.md", "notes/b.md", "報告 📦.pdf"]) == [
            "documents/a.md", "documents/notes/b.md", "documents/報告 📦.pdf",
        ])
    }

    @Test func namesThatWouldBeOneAreNumbered() {
        #expect(paths(["a.md", "A.md", "a.MD", "x/a.md", "X/b.md"]) == [
            "documents/a.md", "documents/A (2).md", "documents/a (3).MD", "documents/x/a.md",
            "documents/x/b.md",
        ])
        // A file where a directory is needed, and the other way round.
        #expect(paths(["a", "a/b", "c/d", "c"]) == [
            "documents/a", "documents/a (2)/b", "documents/c/d", "documents/c (2)",
        ])
        #expect(paths(["a (2)", "a", "a"]) == ["documents/a (2)", "documents/a", "documents/a (3)"])
    }

    @Test(arguments: [
        "../x", "../../../etc/passwd", "/etc/passwd", "x\0y", "..", ".", "", "a/../../b", "a//b", "\u{1B}[2J",
        ".versions/doc-0/1-x", ".versions", "a." + String(repeating: "e", count: 254), "new\nline",
        String(repeating: "n", count: 300), String(repeating: "報", count: 100),
        String(repeating: "deep/", count: 600) + "x", String(repeating: "../", count: 99), "files/etc/passwd",
    ])
    func hostileNamesStayInside(name: String) throws {
        // Twice, so that each is numbered too, and with an older version.
        var versions = ["doc-1", "doc-2", "doc-2", "../../doc-3", ""].map {
            ExportTree.Version(documentID: $0, number: 1, name: Array(name.utf8))
        }
        versions[2].number = 2
        let paths = ExportTree.paths(of: versions)
        #expect(Set(paths).count == versions.count)
        for (row, path) in paths.enumerated() {
            #expect(RelativePath(path.bytes) == path && path.bytes.count < 4000)
            #expect(path.components[0] == Array("documents".utf8))
            #expect((path.components[1] == Array(".versions".utf8)) == (row == 1))
            #expect(path.components.allSatisfy { part in !part.contains { $0 < 0x20 || $0 == 0x7F } })
            if String(validating: name.utf8, as: UTF8.self) != nil {
                #expect(String(validating: path.bytes, as: UTF8.self) != nil, "cut within a character")
            }
        }
    }

    @Test func theNewestVersionHasTheName() {
        let versions = [(1, "old.md"), (3, "new.md"), (2, "x/mid.md")].map {
            ExportTree.Version(documentID: "doc-1", number: $0.0, name: Array($0.1.utf8))
        }
        #expect(ExportTree.paths(of: versions).map { String(decoding: $0.bytes, as: UTF8.self) } == [
            "documents/.versions/doc-1/1-old.md", "documents/new.md", "documents/.versions/doc-1/2-mid.md",
        ])
    }

    @Test func manyDocumentsOfOneNameStayCheap() {
        let names = Array(repeating: "README.md", count: 5_000)
        #expect(Set(paths(names)).count == names.count)
    }
}
