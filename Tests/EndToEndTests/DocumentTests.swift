import Foundation
import Testing

@Suite("Documents") struct DocumentTests {
    @Test("Files survive upload, get and export byte for byte, under weird names too")
    func roundTrip() throws {
        let home = try TestHome()
        let files: [String: Data] = [
            "in/文件 😀.md": Data("# 標題\n內容".utf8), "in/empty.txt": Data(),
            "in/deep/er/\u{202E}right to left.bin": Data(
                (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }),
        ]
        for (name, content) in files { _ = try home.file(name, content) }
        let report = try home.json("kb", "upload", "in/**", "--category", "guide", "--tag", "x")["uploaded"]
            .list
        #expect(report.count == 3)
        #expect(
            report.allSatisfy {
                $0.keys.isSuperset(of: ["id", "title", "category", "size", "chunks", "status"])
                    && $0["status"].string == "new"
            })
        #expect(try home.json("kb", "upload", "in")["uploaded"][0]["status"].string == "unchanged")
        let list = try home.json("kb", "list", "--category", "guide").list
        #expect(list.count == 3)
        for document in list {
            let name = try #require(document["name"].string)
            let id = try #require(document["id"].string)
            #expect(try home.run("kb", "get", id).output == files[name])
        }
        try home.json("kb", "export", "out")
        for (name, content) in files {
            let copy = home.folder.appending(path: "out").appending(path: name)
            #expect(FileManager.default.contents(atPath: copy.path(percentEncoded: false)) == content)
        }
        try home.error("kb", "upload", "nothing-*.txt", expect: 3)
    }

    @Test("A changed file is a new version; the trash gives back")
    func versions() throws {
        let home = try TestHome()
        let path = try home.file("a.txt", Data("one".utf8))
        let id = try #require(try home.json("kb", "upload", path)["uploaded"][0]["id"].string)
        _ = try home.file("a.txt", Data("two".utf8))
        #expect(try home.json("kb", "upload", path)["uploaded"][0]["status"].string == "updated")
        #expect(try home.json("kb", "history", id).list.count == 2)
        #expect(try home.run("kb", "get", id, "--version", "1").text == "one")
        try home.json("kb", "delete", id)
        try home.error("kb", "get", id, expect: 3)
        try home.json("kb", "restore", id)
        #expect(try home.json("kb", "show", id)["version"].int == 2)
        try home.json("kb", "delete", id, "--purge", "--yes")
        try home.error("kb", "show", id, expect: 3)
    }

    @Test("A canary in titles, tags, names and contents is in no file of the home")
    func canary() throws {
        let home = try TestHome()
        let canary = "CANARY-7d1f-金絲雀"
        let path = try home.file("\(canary).md", Data("# \(canary)\n".utf8))
        try home.json("create-project", canary)
        try home.json("create-task", canary, "--tag", canary, "--description", canary)
        try home.json("kb", "upload", path, "--tag", canary, "--category", canary)
        let names = try FileManager.default.subpathsOfDirectory(atPath: home.home)
        for name in names {
            #expect(!name.contains("CANARY"))
            guard let data = FileManager.default.contents(atPath: "\(home.home)/\(name)") else { continue }
            #expect(data.range(of: Data("CANARY-7d1f".utf8)) == nil, "\(name)")
            #expect(data.range(of: Data("金絲雀".utf8)) == nil, "\(name)")
        }
    }

    @Test("A damaged blob is an integrity failure that names its document", arguments: [3, 40, 200])
    func damage(_ position: Int) throws {
        let home = try TestHome()
        let path = try home.file("a.txt", Data("content".utf8))
        let id = try #require(try home.json("kb", "upload", path)["uploaded"][0]["id"].string)
        let documents = URL(filePath: home.home).appending(path: "data/documents")
        let names = try FileManager.default.subpathsOfDirectory(atPath: documents.path(percentEncoded: false))
        let blob = documents.appending(path: try #require(names.first { $0.count > 30 }))
        var bytes = try Data(contentsOf: blob)
        bytes[position] ^= 1
        try bytes.write(to: blob)
        let error = try home.error("kb", "get", id, expect: 6)
        #expect(error["code"].string == "integrity_failure")
        #expect(error["message"].string?.contains(id) == true)
        #expect(try home.run("doctor", "--json", expect: 6).text.contains(id))
        let out = home.folder.appending(path: "out.txt").path(percentEncoded: false)
        try home.error("kb", "get", id, "-o", out, expect: 6)
        #expect(!FileManager.default.fileExists(atPath: out))
    }
}
