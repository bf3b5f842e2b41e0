import Foundation
import Knowledge
import Testing
import Vault

@Suite struct TextRankingTests {
    @Test func aHitIsTheBestPassageOfItsDocument() throws {
        let fixture = try SearchFixture()
        let filler = String(repeating: "其他與此無關的說明文字。", count: 30)
        try fixture.write(
            "guide.md", "# 手冊\n\n## 安裝\n\n\(filler)\n\n## 認證\n\nJWT 認證在登入後簽發權杖。\n\n## 備份\n\n\(filler)登入。\n")
        try fixture.write("other.md", "# Other\n\nNothing of it.\n")
        #expect(try fixture.upload().map(\.chunks).max() == 3)
        let hits = try fixture.hits("JWT 認證")
        let hit = try #require(hits.first)
        #expect(hits.count == 1)
        #expect(hit.passage.heading == "手冊 › 認證" && hit.passage.ordinal == 1 && hit.rank == 1)
        #expect(hit.passage.snippet.contains("[JWT] [認證]在登入後"))
        let text = try #require(try fixture.vault.documentText(hit.passage.documentID))
        #expect(Array(text.utf8)[hit.passage.offset...].starts(with: "## 認證".utf8))
    }

    /// A page's tags are no words, and a hit's place is one in what it shows.
    @Test func aPageIsSearchedByWhatItShows() throws {
        let fixture = try SearchFixture()
        try fixture.write(
            "page.html",
            """
            <title>Keys &amp; 金鑰</title><style>.strong {}</style><script>let lease = 1</script>
            <h1 id="cipher">金鑰</h1><p>前言</p><h2>輪替</h2><p>每天 <b>輪</b>替一次，密碼 &lt;secret&gt;
            不在其中。</p>
            """)
        try fixture.upload()
        for tag in ["strong", "lease", "cipher", "h2", "title", "lt"] {
            #expect(try fixture.hits(tag).isEmpty, "\(tag)")
        }
        let hit = try #require(try fixture.hits("輪替一次").first)
        #expect(hit.passage.title == "Keys & 金鑰" && hit.passage.heading == "金鑰 › 輪替")
        #expect(hit.passage.snippet.contains("每天 [輪替一次]，密碼 <secret> 不在其中"))
        let text = try #require(try fixture.vault.documentText(hit.passage.documentID))
        #expect(Array(text.utf8)[hit.passage.offset...].starts(with: "輪替\n\n每天".utf8))
    }

    @Test(arguments: [
        ("權", ["權杖"]), ("权", ["權杖"]), ("權杖", ["權杖"]), ("权杖轮替", ["權杖"]), ("ＪＷＴ", ["權杖"]),
        ("jwt權杖", ["權杖"]), ("ERR_TLS_104", ["Errors"]), ("err_tls", ["Errors"]),
        ("--re-encrypt", ["Rotation"]),
        ("VaultError.newerFormat", ["Errors"]), ("task-01hx2", ["Rotation"]), ("10.0.0.1", ["Rotation"]),
        ("\"keys rotate\"", ["Rotation"]), ("Kubernetes", []), ("🚪", []), ("", []),
    ])
    func queriesOfEveryKindAnswer(_ query: String, _ expected: [String]) throws {
        let fixture = try SearchFixture()
        try fixture.write("a.md", "# 權杖\n\n每天輪替一次。JWT 由伺服器簽發。\n")
        try fixture.write("b.md", "# Errors\n\nERR_TLS_104 and VaultError.newerFormat, err tls 104.\n")
        try fixture.write(
            "c.md", "# Rotation\n\nRun it with --re-encrypt: keys rotate, see task-01hx2 at 10.0.0.1.\n")
        try fixture.upload()
        #expect(try fixture.titles(query).first == expected.first, "\(query)")
    }

    @Test(arguments: [
        "\"", "a\"b", "NEAR(", "-", "*", "JWT-認證", "title:x", "{a b}:c", "AND OR NOT", "^x", "(((", " ",
        "'; DROP TABLE chunk;", "\u{0}", "a + b", "‮abc", "「", "\"\"", "row", "x\" OR \"y",
    ])
    func nothingTypedIsSyntax(_ query: String) throws {
        let fixture = try SearchFixture()
        try fixture.write("a.md", "# JWT 認證\n\nand or not near row x y\n")
        try fixture.upload()
        _ = try fixture.hits(query)
        #expect(try fixture.hits("認證").count == 1)
    }

    @Test func manyPassagesOfOneDocumentHideNoOther() throws {
        let fixture = try SearchFixture()
        let section = "## Part\n\nThe needle is in here, needle after needle.\n\n"
        try fixture.write("long.md", "# Long\n\n" + String(repeating: section, count: 300))
        for index in 0..<5 {
            try fixture.write(
                "\(index).md", "# Short \(index)\n\nOnce a needle, and \(index) other words about hay.\n")
        }
        try fixture.upload()
        #expect(try Set(fixture.titles("needle")) == Set(["Long"] + (0..<5).map { "Short \($0)" }))
    }
}
