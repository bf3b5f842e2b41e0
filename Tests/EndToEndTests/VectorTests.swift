import Foundation
import TestSupport
import Testing

@Suite("Vectors") struct VectorTests {
    /// A home with three documents, in two languages, categories and projects.
    private func home() throws -> TestHome {
        let home = try TestHome()
        try home.json("create-project", "website")
        _ = try home.file("docs/login.md", Data("# Login\n\nUsers sign in with a passkey.\n".utf8))
        _ = try home.file("docs/備份.md", Data("# 備份\n\n每天晚上備份到雲端。\n".utf8))
        _ = try home.file("notes/lunch.md", Data("# Lunch\n\nUsers eat at noon in the garden.\n".utf8))
        try home.json("kb", "upload", "docs", "--category", "guide", "--tag", "x", "--project", "website")
        try home.json("kb", "upload", "notes", "--category", "note")
        return home
    }

    private func configure(_ home: TestHome, _ settings: KeyValuePairs<String, String>) throws {
        for (key, value) in settings { try home.run("config", "embeddings." + key, value) }
    }

    private func spaces(_ home: TestHome) throws -> [String] {
        try home.json("kb", "embed", "--status")["spaces"].list.map {
            "\($0["model"].string ?? "") \($0["state"].string ?? "") \($0["vectors"].int ?? -1)"
        }
    }

    @Test("Each mode finds what it is for, among what the filters leave")
    func modesAndFilters() throws {
        let home = try home()
        #expect(try home.json("kb", "embed")["chunks"].int == 3)
        func found(_ mode: String, _ query: String, _ filter: String...) throws -> [JSON] {
            let answer = try home.runJSON(["kb", "search", query, "--mode", mode] + filter)
            #expect(answer["mode"].string == mode)
            #expect((answer["model"].string == nil) == (mode == "text"))
            return answer["results"].list
        }
        func titles(_ hits: [JSON]) -> [String] { hits.compactMap { $0["title"].string } }
        for mode in ["text", "vector", "hybrid"] {
            #expect(try titles(found(mode, "users")).prefix(2).sorted() == ["Login", "Lunch"])
            for filter in [["--category", "note"], ["--since", "1h", "--category", "note"]] {
                let hits = try home.runJSON(["kb", "search", "users", "--mode", mode] + filter)["results"]
                    .list
                #expect(titles(hits) == ["Lunch"], "\(mode) \(filter)")
            }
            for filter in [("--tag", "x"), ("--project", "website")] {
                #expect(try titles(found(mode, "users", filter.0, filter.1)).first == "Login")
                #expect(try !titles(found(mode, "users", filter.0, filter.1)).contains("Lunch"))
            }
            #expect(try found(mode, "users", "--category", "nothing").isEmpty)
            #expect(try found(mode, "users", "--since", "2126-01-01").isEmpty)
        }
        let text = try #require(try found("text", "備份").first)
        #expect(text["matched"].list.map(\.string) == ["text"] && text["vector_rank"].int == nil)
        let vector = try #require(try found("vector", "備分到雲端").first)
        #expect(vector["title"].string == "備份" && vector["matched"].list.map(\.string) == ["vector"])
        #expect(vector["vector_rank"].int == 1 && vector["text_rank"].int == nil)
        let both = try #require(try found("hybrid", "備份").first)
        #expect(both["matched"].list.map(\.string) == ["text", "vector"])
        try home.error("kb", "search", "users", "--project", "nothing", expect: 3)
        let list = try home.json("kb", "list", "--project", "website").list
        #expect(list.compactMap { $0["title"].string }.sorted() == ["Login", "備份"])
        let id = try #require(list.first?["id"].string)
        let project = try #require(try home.json("kb", "show", id)["project_id"].string)
        #expect(try home.run("kb", "show", id).text.contains(project))
        try home.json("kb", "upload", "docs", "--project", "")
        #expect(try home.json("kb", "list", "--project", "website").list.isEmpty)
    }

    @Test("A server's vectors are made, counted, made anew and checked, with the key that was given")
    func server() throws {
        let home = try home()
        let server = try EmbeddingServer()
        try configure(home, ["provider": "openai", "url": server.url, "model": "good"])
        #expect(try home.json("kb", "embed", "--status")["provider"].string == "openai")
        let secret = try home.file("secret", Data("sk-e2e\n".utf8))
        #expect(try home.json("kb", "embed", "--login", "--secret-file", secret)["has_key"].bool == true)
        #expect(try home.run("kb", "embed").text == "good (openai, 16 dimensions): 3 of 3 passages\n")
        #expect(try spaces(home) == ["good ready 3"])
        let sent = try server.requests().count
        #expect(try server.requests().last?.key == "Bearer sk-e2e")
        try home.json("kb", "embed")
        #expect(try server.requests().count == sent)
        #expect(try home.json("kb", "embed", "--logout")["has_key"].bool == false)
        try home.json("kb", "embed", "--reembed")
        #expect(try server.requests().count > sent)
        let last = try #require(try server.requests().last)
        #expect(last.key == nil)
        #expect(try spaces(home) == ["good ready 3"])

        let answer = try home.json("kb", "search", "passkey", "--mode", "hybrid")
        #expect(answer["model"].string == "good")
        let hit = answer["results"].list.first { $0["title"].string == "Login" }
        #expect(hit?["text_rank"].int == 1)
        let check = try home.json("kb", "verify-recall")
        #expect(check["model"].string == "good" && check["queries"].int == 3)
        #expect(check["recall"].int == 1 && check["is_thorough"].bool == false)
        #expect(try home.run("kb", "verify-recall").text.contains("100.0 % of the ten nearest"))
        try home.error("kb", "embed", "--status", "--reembed", expect: 64)
        try home.error("kb", "embed", "--secret-file", secret, expect: 64)
        try home.error("kb", "embed", "--login", expect: 64)
    }

    @Test("Without vectors there is nothing to verify")
    func nothingToVerify() throws {
        let home = try TestHome()
        try home.error("kb", "verify-recall", expect: 3)
        #expect(try home.run("kb", "embed", "--status").text.contains("no vectors yet"))
    }

    @Test(
        "Where vectors can't be had text answers, and the message says what is missing",
        arguments: [
            ("good", "away", "127.0.0.1", 7), ("wrong-size", "", "17 dimensions instead of 16", 1),
            ("nan", "", "is no JSON", 1), ("zeros", "", "a vector of zeros", 1),
            ("locked", "", "status 401", 7), ("no-data", "", "has no data", 1),
        ])
    func withoutAnEndpoint(model: String, place: String, message: String, status: Int32) throws {
        let home = try home()
        let server = try EmbeddingServer()
        let url = place == "away" ? "http://127.0.0.1:1/v1" : server.url
        try configure(home, ["provider": "openai", "url": url, "model": model])
        try expectText(home, message)
        let failure = try home.error("kb", "embed", expect: status)
        #expect(failure["message"].string?.contains(message) == true)
        #expect(try spaces(home).allSatisfy { !$0.contains("ready") || $0.hasPrefix("lexical") })
    }

    @Test("Where the model's folder is missing or damaged text answers, and the message says so")
    func withoutAModel() throws {
        let home = try home()
        let folder = home.folder.appending(path: "model").path(percentEncoded: false)
        try configure(home, ["provider": "local", "folder": folder])
        try expectText(home, folder)
        try home.error("kb", "embed", expect: 1)
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let script = ProjectPython.root + "/Tests/KnowledgeTests/Local/make_model.py"
        _ = try Python.run([script, folder, "bert", "uncased", "F32", "mean", "7"])
        #expect(try home.json("kb", "embed")["spaces"][0]["state"].string == "ready")
        #expect(try home.run("kb", "search", "passkey", "--mode", "vector").text.contains("Login"))
        try FileManager.default.removeItem(atPath: folder + "/tokenizer.json")
        try expectText(home, "tokenizer.json")
    }

    @Test("A server that goes away leaves text to answer")
    func serverGone() throws {
        let home = try home()
        var server: EmbeddingServer? = try EmbeddingServer()
        try configure(home, ["provider": "openai", "url": try #require(server).url, "model": "good"])
        try home.json("kb", "embed")
        #expect(try home.json("kb", "search", "passkey")["model"].string == "good")
        server = nil
        try expectText(home, "no vectors were searched")
        #expect(try home.json("kb", "search", "passkey", "--mode", "vector")["results"].list.isEmpty)
    }

    /// Searches answer by their text, exit 0, and say this.
    private func expectText(
        _ home: TestHome, _ message: String, _ location: SourceLocation = #_sourceLocation
    ) throws {
        for mode in ["hybrid", "text"] {
            let outcome = try home.run("kb", "search", "passkey", "--mode", mode, "--json")
            let hit = try outcome.json()["results"][0]
            #expect(hit["title"].string == "Login", sourceLocation: location)
            #expect(hit["matched"].list.first?.string == "text", sourceLocation: location)
            let says = outcome.errors.contains(message)
            #expect(says == (mode == "hybrid"), "\(outcome.errors)", sourceLocation: location)
        }
    }

    @Test("Until a new model's vectors are whole the old one answers, and is named")
    func twoModels() throws {
        let home = try TestHome()
        let sections = (0..<300).map { "## Part \($0)\n\nNumber \($0)\($0 == 299 ? " poison" : "").\n\n" }
        let path = try home.file("parts.md", Data(sections.joined().utf8))
        try home.json("kb", "upload", path)
        try home.json("kb", "embed")
        let server = try EmbeddingServer()
        try configure(home, ["provider": "openai", "url": server.url, "model": "poisoned"])
        try home.error("kb", "embed", expect: 7)
        let half = try spaces(home)
        #expect(half.count == 2 && half[0] == "poisoned filling 256" && half[1].hasSuffix("ready 300"))

        let outcome = try home.run("kb", "search", "part 31", "--mode", "vector", "--json")
        #expect(try outcome.json()["model"].string?.hasPrefix("lexical") == true)
        #expect(try outcome.json()["results"].list.count == 1)
        #expect(outcome.errors.contains("status 400") && outcome.errors.contains("lexical"))
        let checks = try home.json("doctor")["checks"].list
        #expect(checks.contains { $0["name"].string == "search_index" && $0["ok"].bool == true })

        // What holds the run up goes; it goes on, and with its end the old model's vectors go.
        _ = try home.file("parts.md", Data(sections.dropLast().joined().utf8))
        try home.json("kb", "upload", path)
        let before = try server.requests().flatMap(\.body.input).count
        try home.json("kb", "embed")
        #expect(try server.requests().flatMap(\.body.input).count == before + 43)
        #expect(try spaces(home) == ["poisoned ready 299"])
        #expect(try home.json("kb", "search", "part 31", "--mode", "vector")["model"].string == "poisoned")
    }
}
