import Testing
import Vault

@Suite struct SearchTests {
    private func titles(_ test: TestVault, _ query: String) throws -> [String] {
        try test.vault.read { try $0.searchTasks(query).items.map(\.task.title) }
    }

    @Test func twoCharacterWordsAreFound() throws {
        let test = try TestVault()
        for title in ["實現用戶認證系統", "使用者登入後伺服器簽發權杖", "登入的使用者", "JWT 認證", "Write the README"] {
            try test.task(title)
        }
        #expect(try Set(titles(test, "認證")) == ["實現用戶認證系統", "JWT 認證"])
        #expect(try titles(test, "JWT 認證").first == "JWT 認證")
        #expect(try titles(test, "使用者登入") == ["使用者登入後伺服器簽發權杖", "登入的使用者"])
        #expect(try titles(test, "杖") == ["使用者登入後伺服器簽發權杖"])
        #expect(try titles(test, "readme") == ["Write the README"])
        #expect(try titles(test, "ＲＥＡＤＭＥ") == ["Write the README"])
        #expect(try titles(test, "nothing").isEmpty)
    }

    @Test func traditionalAndSimplifiedAreOne() throws {
        let test = try TestVault()
        try test.task("資料庫備份與還原")
        try test.task("用户认证系统")
        #expect(try titles(test, "资料库备份") == ["資料庫備份與還原"])
        #expect(try titles(test, "認證系統") == ["用户认证系统"])
        let hit = try test.vault.read { try $0.searchTasks("还原").items.first }
        #expect(hit?.snippet == "資料庫備份與[還原]")
    }

    @Test func identifiersAndQuotedTextComeFirst() throws {
        let test = try TestVault()
        for title in [
            "ERR TLS 104 and other errors", "Error ERR_TLS_104 after login", "see task-01h2x of 10.0.0.1",
            "10 tasks, 0 of them done, 1 left: task 01h2x", "rotate the key", "the key, rotate it",
        ] {
            try test.task(title)
        }
        #expect(try titles(test, "ERR_TLS_104") == ["Error ERR_TLS_104 after login"])
        #expect(try titles(test, "login TLS ERR_TLS_104").first == "Error ERR_TLS_104 after login")
        #expect(try titles(test, "done 10.0.0.1").first == "see task-01h2x of 10.0.0.1")
        #expect(try titles(test, "\"rotate the key\" it").first == "rotate the key")
        #expect(try titles(test, "「rotate it」").first == "the key, rotate it")
    }

    /// A phrase goes on behind ideographs.
    @Test func quotedTextOfBothScriptsIsFound() throws {
        let test = try TestVault()
        try test.task("以 JWT 認證 API 呼叫")
        try test.task("API 認證，JWT 呼叫")
        #expect(try titles(test, "\"認證 API\"").first == "以 JWT 認證 API 呼叫")
        #expect(try titles(test, "\"JWT 認證 API 呼叫\"").first == "以 JWT 認證 API 呼叫")
        #expect(try titles(test, "\"API 認證\"").first == "API 認證，JWT 呼叫")
    }

    @Test func otherFormsOfAWordAreFound() throws {
        let test = try TestVault()
        try test.task("Rotating keys needs no backup")
        for query in ["rotate", "rotation of backups", "rotated key"] {
            #expect(try titles(test, query) == ["Rotating keys needs no backup"], "\(query)")
        }
    }

    @Test func foldingTwiceChangesNothing() {
        for value in UInt32(0x4E00)...0x9FFF {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let once = TextRuns.of(String(scalar)).map { $0.text($0.pieces[0]) }
            #expect(TextRuns.of(once.joined()).map { $0.text($0.pieces[0]) } == once)
        }
    }

    @Test(arguments: [
        "\"", "a\"b", "NEAR(", "-", "*", "JWT-認證", "title:x", "{a b}:c", "AND OR NOT", "^x", "(((", "", " ",
        "'; DROP TABLE task;", "\u{0}", "🚪", "a + b", "‮abc",
    ])
    func nothingTypedIsSyntax(query: String) throws {
        let test = try TestVault()
        try test.task("JWT 認證 and or not near")
        _ = try titles(test, query)
    }

    @Test func theIndexFollowsChanges() throws {
        let test = try TestVault()
        let id = try test.task("alpha").id
        var update = TaskUpdate()
        update.title = "beta"
        update.description = "深色模式切換"
        try test.vault.write { try $0.updateTask(id, update) }
        #expect(try titles(test, "alpha").isEmpty)
        let hit = try test.vault.read { try $0.searchTasks("深色").items.first }
        #expect(hit?.snippet == "[深色]模式切換")
        try test.vault.write { try $0.completeTask(id, output: "gamma") }
        #expect(try titles(test, "gamma") == ["beta"])
        try test.task("delta, tagged")
        try test.checkIndex()
        try test.vault.write { try $0.deleteTask(id) }
        #expect(try titles(test, "beta").isEmpty)
        try test.vault.write { try $0.purgeTask(id) }
        try test.checkIndex()
    }
}
