import Foundation
import Testing

@Suite("Search") struct SearchTests {
    @Test("Passages are found in both languages, in what was uploaded and added")
    func search() throws {
        let home = try TestHome()
        _ = try home.file("docs/登入.md", Data("# 登入\n\n## 認證\n\nJWT 認證失敗時記錄 ERR_TLS_104。\n".utf8))
        _ = try home.file("docs/backup.md", Data("# Backups\n\nThey are encrypted every night.\n".utf8))
        let uploaded = try home.json("kb", "upload", "docs", "--category", "guide", "--tag", "x")["uploaded"]
            .list
        #expect(uploaded.allSatisfy { $0["chunks"].int == 1 })
        let added = try home.json(
            "kb", "add", "--type", "decision", "--title", "備份選 S3", home.file("d.md", Data("夜間備份。".utf8)))
        #expect(added["category"].string == "decision" && added["status"].string == "new")

        func found(
            _ query: String, _ option: (String, String) = ("--limit", "10"),
            _ other: (String, String) = ("--mode", "text")
        ) throws -> [JSON] {
            let answer = try home.json(
                "kb", "search", query, option.0, option.1, other.0, other.1)
            #expect(answer["is_index_complete"].bool == true)
            return answer["results"].list
        }
        let hit = try #require(try found("JWT 認證").first)
        #expect(
            hit.keys.isSuperset(of: [
                "document_id", "chunk_id", "title", "score", "snippet", "path", "heading", "offset",
                "matched",
                "rank",
            ]))
        #expect(hit["title"].string == "登入" && hit["heading"].string == "登入 › 認證")
        #expect(hit["snippet"].string?.contains("[JWT] [認證]失敗") == true)
        #expect(try found("err_tls_104").count == 1)
        #expect(try found("认证").count == 1)
        #expect(try found("備份", ("--category", "decision")).map { $0["title"].string } == ["備份選 S3"])
        #expect(try found("encrypted", ("--tag", "x"), ("--since", "1h")).count == 1)
        #expect(try found("Kubernetes").isEmpty)
        for group in ["kb", "tasks"] {
            let signs = try home.run(group, "search", "* -( \" 。", "--json")
            #expect(signs.errors.contains("nothing to search for") && signs.text.contains("[]"))
        }
        #expect(try home.run("kb", "search", "認證").text.contains("登入"))
        try home.error("kb", "search", "x", "--mode", "nonsense", expect: 64)

        let id = try #require(uploaded.first { $0["title"].string == "Backups" }?["id"].string)
        try home.json("kb", "delete", id)
        #expect(try found("encrypted").isEmpty)
        #expect(try home.json("kb", "reindex")["documents"].int == 3)
        #expect(try home.json("stats")["documents"]["chunks"].int == 3)
        let checks = try home.json("doctor")["checks"].list
        #expect(checks.contains { $0["name"].string == "search_index" && $0["ok"].bool == true })
    }

    @Test("A watched folder is kept in step")
    func watch() throws {
        let home = try TestHome()
        _ = try home.file("notes/a.md", Data("# 備份\n\n每晚一次。\n".utf8))
        let first = try home.json("kb", "watch", "notes", "--once", "--category", "note")
        #expect(first["uploaded"].list.map { $0["status"].string } == ["new"])
        #expect(first["trashed"].list.isEmpty && first["withheld"].int == 0)
        #expect(try home.json("kb", "search", "每晚", "--category", "note")["results"].list.count == 1)
        try FileManager.default.removeItem(at: home.folder.appending(path: "notes/a.md"))
        let second = try home.json("kb", "watch", "notes", "--once")
        #expect(second["trashed"].list.map { $0["title"].string } == ["備份"])
        #expect(try home.json("kb", "search", "每晚", "--mode", "text")["results"].list.isEmpty)
        try home.error("kb", "watch", "elsewhere", "--once", expect: 3)
    }

    @Test("While it runs a watched folder's files are followed, until it is interrupted")
    func watchOn() throws {
        let home = try TestHome()
        func write(_ name: String, _ text: String) throws { _ = try home.file(name, Data(text.utf8)) }
        try write("notes/a.md", "# First\n\nalpha")
        let watch = try RunningProgram(["kb", "watch", "notes", "--interval", "20ms", "--json"], in: home)
        func next(_ count: Int) throws -> JSON {
            let line = try #require(watch.lines(count).dropFirst(count - 1).first)
            return JSON(try JSONSerialization.jsonObject(with: line))
        }
        func found(_ query: String) throws -> [String?] {
            try home.json("kb", "search", query, "--mode", "text")["results"].list.map { $0["title"].string }
        }
        let id = try #require(try next(1)["uploaded"][0]["id"].string)
        try write("notes/deep/b.md", "# Second\n\nbeta")
        #expect(try next(2)["uploaded"][0]["status"].string == "new")
        #expect(try found("beta") == ["Second"])
        try write("notes/a.md", "# First\n\ngamma")
        let changed = try next(3)["uploaded"][0]
        #expect(changed["status"].string == "updated" && changed["id"].string == id)
        #expect(try found("alpha").isEmpty && found("gamma") == ["First"])
        let folder = home.folder.appending(path: "notes")
        try FileManager.default.moveItem(
            at: folder.appending(path: "a.md"), to: folder.appending(path: "c.md"))
        let renamed = try next(4)
        #expect(renamed["uploaded"][0]["id"].string == id && renamed["trashed"].list.isEmpty)
        #expect(renamed["uploaded"][0]["renamed_from"].string?.hasSuffix("notes/a.md") == true)
        try FileManager.default.removeItem(at: folder.appending(path: "deep/b.md"))
        #expect(try next(5)["trashed"][0]["title"].string == "Second")
        #expect(try found("beta").isEmpty && found("gamma") == ["First"])
        watch.send(SIGINT)
        #expect(watch.wait().status == 130)
        #expect(try home.json("kb", "list").list.count == 1)
    }
}
