import Backup
import Cryptography
import KeyRing
import TestSupport
import Testing
import Vault

@Suite struct VaultBackupsTests {
    let living: LivingHome
    let vault: Vault
    var scratch: Scratch { living.scratch }
    var home: Home { living.home }
    var keys: UnlockedKeys { living.keys }

    init() throws {
        living = try LivingHome()
        vault = try living.open()
    }

    private func tagged(_ tag: String) -> VaultBackups.CreateOptions {
        var options = VaultBackups.CreateOptions()
        options.tags = [tag]
        return options
    }

    private var accepting: VaultBackups.CreateOptions {
        var options = VaultBackups.CreateOptions()
        options.acceptsRollback = true
        return options
    }

    private func addTasks(_ count: Int) throws { try living.addTasks(count, to: vault) }

    /// Two copies of one device would go on with one chain of backups. The twin: the other one makes them.
    @Test func aCopyThatWasReplacedMakesNoBackups() throws {
        let copy = scratch.path + "/copy"
        try TemporaryDirectory.copyTree(home.keysDirectory, to: copy)
        let theirs = try KeyRing.reincarnate(in: copy, keys: keys, time: 1_800_000_000_000)
        let tail = Array(theirs.roster.chain.dropFirst(keys.roster.records.count))
        let stopped = try KeyRing.follow(
            tail, in: home.keysDirectory, keys: keys, time: 1_800_000_000_000)
        let error = #expect(throws: BackupError.self) {
            try VaultBackups(home: home, keys: stopped).create(vault, time: 1_800_000_000_000)
        }
        #expect(error?.code == .conflict)
        _ = try VaultBackups(home: home, keys: theirs).create(vault, time: 1_800_000_000_000)
    }

    @Test func aLiveVaultIsBackedUpAndEveryPageVerifies() throws {
        try addTasks(200)
        put(Array("content of a document".utf8), scratch.path + "/doc.md")
        try living.upload("doc.md", to: vault)
        let backups = VaultBackups(home: home, keys: keys)
        let first = try backups.create(vault, tagged("first"), time: 1_700_000_000_000).backup
        #expect(first.files >= 1 && first.bytesAdded > 0)
        try addTasks(50)
        let second = try backups.create(vault, time: 1_700_000_000_001).backup
        let list = try backups.list()
        #expect(list.backups.map(\.id) == [first.id, second.id] && list.problems.isEmpty)
        #expect(list.backups[0].tags == ["first"])
        let check = try backups.verify(data: true)
        #expect(check.checked == 2 && check.problems.isEmpty)
        // What both need is read once.
        #expect(check.bytes == first.bytesAdded + second.bytesAdded && second.parent == first.id)
    }

    @Test func nothingReadableStandsInTheStore() throws {
        try vault.write { _ = try $0.createTask(TaskDraft(title: "canary-7f3a")) }
        _ = try VaultBackups(home: home, keys: keys).create(vault, time: 1)
        #expect(run("/bin/grep", "-r", "canary-7f3a", home.path).status == 1)
    }

    @Test func aDamagedPackIsNamed() throws {
        try addTasks(5)
        let backups = VaultBackups(home: home, keys: keys)
        let made = try backups.create(vault, time: 1).backup
        let pack = String(run("/usr/bin/find", home.backupsDirectory + "/p", "-type", "f").output.dropLast())
        var bytes = try #require(contents(pack))
        bytes[bytes.count / 3] ^= 4
        put(bytes, pack)
        #expect(try backups.verify(made.id).problems.isEmpty)
        #expect(try backups.verify(made.id, data: true).problems.map(\.code) == [.integrity])
    }

    @Test func theCatalogueNamesEveryVersion() throws {
        put(Array("first".utf8), scratch.path + "/筆記 📝.md")
        try living.upload("筆記 📝.md", to: vault)
        put(Array("second, longer".utf8), scratch.path + "/筆記 📝.md")
        try living.upload("筆記 📝.md", to: vault)
        let backups = VaultBackups(home: home, keys: keys)
        let details = try backups.show(backups.create(vault, time: 1).backup.id)
        #expect(details.documents.map(\.version) == [1, 2] && details.documents.map(\.size) == [5, 14])
        #expect(details.documents.allSatisfy { $0.name == Array("筆記 📝.md".utf8) })
    }

    @Test func aBlobThatDoesNotDecryptIsFoundBeforeItIsNeeded() throws {
        put(Array("content".utf8), scratch.path + "/doc.md")
        try living.upload("doc.md", to: vault)
        let blob = String(run("/usr/bin/find", home.documentsDirectory, "-path", "*/??/*").output.dropLast())
        var bytes = try #require(contents(blob))
        bytes[bytes.count - 1] ^= 1
        put(bytes, blob)
        let backups = VaultBackups(home: home, keys: keys)
        let made = try backups.create(vault, time: 1).backup
        #expect(try backups.verify(made.id).problems.isEmpty)
        #expect(try backups.verify(made.id, data: true).problems.map(\.code) == [.integrity])
    }

    @Test func aManifestThatDoesNotOpenHidesNoOther() throws {
        let backups = VaultBackups(home: home, keys: keys)
        let first = try backups.create(vault, time: 1).backup
        let second = try backups.create(vault, time: 2).backup
        let path = String(
            run("/usr/bin/find", home.backupsDirectory + "/m", "-type", "f", "-name", "*1").output.dropLast())
        var bytes = try #require(contents(path))
        bytes[bytes.count - 1] ^= 1
        put(bytes, path)
        let list = try backups.list()
        #expect(list.backups.map(\.id) == [second.id] && !list.problems.isEmpty)
        #expect(throws: BackupError.self) { try backups.show(first.id) }
        #expect(try backups.verify(second.id).problems.contains { $0.code == .integrity })
    }

    @Test func aStoreThatWasPutBackIsNoticed() throws {
        let backups = VaultBackups(home: home, keys: keys)
        _ = try backups.create(vault, time: 1).backup
        let newest = try backups.create(vault, time: 2).backup
        #expect(
            run("/usr/bin/find", home.backupsDirectory + "/m", "-type", "f", "-name", "*2", "-delete").status
                == 0)
        #expect(try backups.list().problems.map(\.code) == [.rollback])
        #expect(try backups.verify().problems.map(\.code) == [.rollback])
        let refused = #expect(throws: BackupError.self) { try backups.create(vault, time: 3).backup }
        #expect(refused?.code == .rollback)
        let next = try backups.create(vault, accepting, time: 3).backup
        #expect(next.sequence == newest.sequence)
        #expect(try backups.verify().problems.isEmpty)
    }
}
