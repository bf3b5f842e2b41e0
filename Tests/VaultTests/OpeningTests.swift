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

    @Test func anOpenVaultHasItsHomeForItselfAndOthers() throws {
        let made = try VaultHome()
        let first = try made.open()
        let second = try made.open()
        #expect(throws: KeyError.self) { try HomeLock.exclusive(in: made.home.keysDirectory).release() }
        try first.close()
        #expect(throws: KeyError.self) { try HomeLock.exclusive(in: made.home.keysDirectory).release() }
        try second.close()
        let alone = try HomeLock.exclusive(in: made.home.keysDirectory)
        #expect(performing: { try made.open() }, throws: { ($0 as? KeyError)?.code == .busy })
        alone.release()
        try made.open().close()
    }

    @Test func keysThatWereReplacedMeanwhileAreOpenedAnew() throws {
        let made = try VaultHome()
        let (home, old) = (made.home, try made.keys())
        let secret = try SlotSecret.keyFile(SecretBytes.random(count: 32))
        let more = try KeyRing.addSlot(secret, in: home.keysDirectory, keys: old, time: 2)
        let other = try KeyRing.open(in: home.keysDirectory, with: secret)
        let own = try #require(old.openedSlot)
        try Vault.open(home: home, keys: old).close()
        // What opened them was taken out of the ring: they lead nowhere.
        _ = try KeyRing.removeSlot(own, in: home.keysDirectory, keys: more, time: 3)
        #expect(
            performing: { try Vault.open(home: home, keys: old) },
            throws: { ($0 as? KeyError)?.code == .locked })
        // The twin: those whose slot is still there open the new ring.
        try Vault.open(home: home, keys: other).close()
    }

    @Test func aLockInADirectoryThatMovedAwayDoesNotCount() throws {
        let directory = try TemporaryDirectory()
        let (place, old) = (directory("keys"), directory("old"))
        try Files.createDirectory(place)
        let path = place + "/home.lock"
        guard let lock = try FileLock.attempt(path, .exclusive) else { throw POSIXError(.EBUSY) }
        #expect(try lock.isInPlace())
        try Durable.rename(place, to: old)
        #expect(try !lock.isInPlace())
        try Files.createDirectory(place)
        try HomeLock.exclusive(in: place).release()
        #expect(try !lock.isInPlace())
        lock.release()
    }
}
