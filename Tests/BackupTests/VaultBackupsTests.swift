import Backup
import Cryptography
import KeyRing
import Testing
import Vault

@Suite struct VaultBackupsTests {
    let scratch: Scratch
    let home: Home
    let keys: UnlockedKeys
    let vault: Vault

    init() throws {
        scratch = try Scratch()
        home = Home(path: scratch.path + "/home")
        try home.makeLayout()
        keys = try KeyRing.create(
            in: home.keysDirectory, name: "test",
            secret: .keyFile(SecretBytes(copying: Array(repeating: 5, count: 32))), time: 1
        ).keys
        vault = try Vault.create(home: home, keys: keys)
    }

    private func addTasks(_ count: Int) throws {
        try vault.write { tx in
            for i in 0..<count { _ = try tx.createTask(TaskDraft(title: "task \(i) 任務")) }
        }
    }

    @Test func aLiveVaultIsBackedUpAndEveryPageVerifies() throws {
        try addTasks(200)
        put(Array("content of a document".utf8), scratch.path + "/doc.md")
        _ = try vault.upload(["doc.md".utf8.map { $0 }], workingDirectory: Array(scratch.path.utf8))
        let backups = VaultBackups(home: home, keys: keys)
        let first = try backups.create(vault, tags: ["first"], time: 1_700_000_000_000)
        #expect(first.files >= 1 && first.bytesAdded > 0)
        try addTasks(50)
        let second = try backups.create(vault, time: 1_700_000_000_001)
        let list = try backups.list()
        #expect(list.backups.map(\.id) == [first.id, second.id] && list.problems.isEmpty)
        #expect(list.backups[0].tags == ["first"])
        let check = try backups.verify(data: true)
        #expect(check.checked == 2 && check.problems.isEmpty)
    }

    @Test func nothingReadableStandsInTheStore() throws {
        try vault.write { _ = try $0.createTask(TaskDraft(title: "canary-7f3a")) }
        _ = try VaultBackups(home: home, keys: keys).create(vault, time: 1)
        #expect(run("/bin/grep", "-r", "canary-7f3a", home.path).status == 1)
    }

    @Test func aDamagedPackIsNamed() throws {
        try addTasks(5)
        let backups = VaultBackups(home: home, keys: keys)
        let made = try backups.create(vault, time: 1)
        let pack = String(run("/usr/bin/find", home.backupsDirectory + "/p", "-type", "f").output.dropLast())
        var bytes = try #require(contents(pack))
        bytes[bytes.count / 3] ^= 4
        put(bytes, pack)
        #expect(try backups.verify(made.id).problems.isEmpty)
        #expect(try backups.verify(made.id, data: true).problems.map(\.code) == [.integrity])
    }
}
