import Cryptography
import FileSystem
import Foundation
import KeyRing
import TestSupport
import Testing
import Vault

@Suite struct OpeningTests {
    @Test func aVaultIsMadeClosedAndOpenedAgain() throws {
        let directory = try TemporaryDirectory()
        let home = Home(path: directory("home"))
        try home.makeLayout()
        let secret = try SlotSecret.keyFile(SecretBytes.random(count: 32))
        let new = try KeyRing.create(in: home.keysDirectory, name: "test", secret: secret, time: 1)
        #expect(try !home.exists())
        let vault = try Vault.create(home: home, keys: new.keys)
        #expect(try home.exists())
        let id = try vault.write { try $0.createTask(TaskDraft(title: "canary-實現用戶認證系統")).id }
        try vault.write { try $0.setSetting("a", "b") }
        #expect(try vault.read { try $0.searchTasks("認證").items.count } == 1)
        try vault.close()

        let keys = try KeyRing.open(in: home.keysDirectory, with: secret)
        let again = try Vault.open(home: home, keys: keys)
        #expect(try again.read { try $0.task(id).title } == "canary-實現用戶認證系統")
        #expect(try again.read { try $0.setting("a") } == "b")
        #expect(throws: (any Error).self) { try Vault.create(home: home, keys: keys) }
        try again.close()
        for name in try Files.list(home.databaseDirectory) {
            let bytes = try Files.readAll(home.databaseDirectory + "/" + name, limit: 1 << 24)
            #expect(Data(bytes).range(of: Data("canary-".utf8)) == nil)
        }
    }
}
