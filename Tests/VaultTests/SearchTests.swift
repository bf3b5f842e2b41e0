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
