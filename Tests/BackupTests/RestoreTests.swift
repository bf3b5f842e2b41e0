import Backup
import Cryptography
import FileSystem
import KeyRing
import Testing
import Vault

@Suite struct RestoreTests {
    let living: LivingHome
    let backups: VaultBackups

    init() throws {
        living = try LivingHome()
        backups = living.backups
    }

    /// A backup of 120 tasks and three documents.
    private func backUp() throws -> (id: String, contents: [String]) {
        for (name, text) in [
            ("a.md", "first"), ("空.txt", ""), ("📦.bin", String(repeating: "x", count: 70_000)),
        ] {
            put(Array(text.utf8), living.scratch.path + "/" + name)
        }
        let id = try living.use { vault in
            try living.addTasks(120, to: vault)
            for name in ["a.md", "空.txt", "📦.bin"] { try living.upload(name, to: vault) }
            return try backups.create(vault, time: 1_700_000_000_000).backup.id
        }
        return (id, try living.contents())
    }

    private func options(_ target: Home) -> VaultBackups.RestoreOptions {
        var options = VaultBackups.RestoreOptions()
        options.target = target
        return options
    }

    /// Every file of the home with its bytes, run/ and locks left out.
    private func state(_ home: Home) -> String {
        run(
            "/bin/sh", "-c",
            "find . -type f ! -path './run/*' ! -name '*lock*' ! -name 'backup-heads' "
                + "! -name 'turnstile' ! -name 'gate' ! -name 'snapshot' | sort | xargs -d '\\n' sha256sum",
            in: home.path
        ).output
    }

    @Test func elsewhereItIsTheSameAndANewIncarnation() throws {
        let (id, wanted) = try backUp()
        let before = state(living.home)
        let target = Home(path: living.scratch.path + "/elsewhere/home")
        let report = try backups.restore(id, options(target), time: 2)
        #expect(report.home == target && report.oldState == nil && report.problems.isEmpty)
        #expect(state(living.home) == before)
        let keys = try KeyRing.open(in: target.keysDirectory, with: LivingHome.secret())
        #expect(keys.device == living.keys.device && keys.incarnation == report.incarnation)
        #expect(keys.incarnation != 0 && keys.vaultID == living.keys.vaultID)
        #expect(keys.slots == living.keys.slots)
        #expect(try LivingHome.contents(of: target, keys: keys) == wanted)
        let logs = try living.logs(of: target, keys)
        #expect(logs.contains { $0.component == "backup" && $0.message.contains("restored") })
        #expect(run("/bin/ls", "-A", target.path).output == "config\ndata\nkeys\nrun\n")
        // It goes on as a home of its own, with backups of its own.
        let vault = try Vault.open(home: target, keys: keys)
        let next = try VaultBackups(home: target, keys: keys).create(vault, time: 3).backup
        try vault.close()
        #expect(next.sequence == 1 && next.incarnation == keys.incarnation)
        #expect(try VaultBackups(home: target, keys: keys).verify(data: true).problems.isEmpty)
    }

    @Test func inPlaceItTakesTheStateBackAndKeepsTheOldUntilTheNextBackup() throws {
        let (id, wanted) = try backUp()
        try living.use { try living.addTasks(7, to: $0) }
        let later = try living.contents()
        let report = try backups.restore(id, time: 2)
        #expect(try living.contents() == wanted && later != wanted)
        let old = try #require(report.oldState)
        #expect(try Files.exists(old + "/data/database/ai-agent.db"))
        let keys = try KeyRing.open(in: living.home.keysDirectory, with: LivingHome.secret())
        let again = VaultBackups(home: living.home, keys: keys)
        #expect(try again.list().backups.map(\.id) == [id] && again.list().problems.isEmpty)
        let vault = try Vault.open(home: living.home, keys: keys)
        _ = try again.create(vault, time: 3).backup
        try vault.close()
        #expect(try !Files.exists(old))
        #expect(try again.verify(data: true).problems.isEmpty)
    }

    @Test(arguments: ["gone", "emptied", "garbled", "seal gone"])
    func aBrokenDatabaseIsNoObstacle(_ damage: String) throws {
        let (id, wanted) = try backUp()
        let path = living.home.databasePath
        switch damage {
        case "gone": _ = run("/bin/rm", path)
        case "emptied": put([], path)
        case "garbled": put(Array(repeating: 7, count: 9000), path)
        default: _ = run("/bin/rm", path + "-seal")
        }
        _ = try backups.restore(id, time: 2)
        #expect(try living.contents() == wanted)
    }

    @Test func whatWasRevokedSinceStaysRevoked() throws {
        let (id, wanted) = try backUp()
        let added = try KeyRing.addSlot(
            LivingHome.secret(6), in: living.home.keysDirectory, keys: living.keys, time: 2)
        let slot = try #require(living.keys.slots.first { $0.kind == .keyFile })
        let changed = try KeyRing.removeSlot(
            slot.id, in: living.home.keysDirectory, keys: added, time: 3)
        let report = try VaultBackups(home: living.home, keys: changed).restore(id, time: 4)
        #expect(report.incarnation != 0)
        let opened = try KeyRing.open(
            in: living.home.keysDirectory, with: LivingHome.secret(6))
        #expect(opened.currentEpoch == 2)
        #expect(try LivingHome.contents(of: living.home, keys: opened) == wanted)
        let refused = #expect(throws: KeyError.self) {
            try KeyRing.open(in: living.home.keysDirectory, with: LivingHome.secret())
        }
        #expect(refused?.code == .wrongKey)
    }

    @Test func claimsEnd() throws {
        let id = try living.use { vault in
            try living.addTasks(2, to: vault)
            _ = try vault.write { try $0.claimTask(agent: "coder") }
            return try backups.create(vault, time: 1).backup.id
        }
        let report = try backups.restore(id, time: 2)
        #expect(report.droppedLeases.count == 1)
        let states = try living.contents().filter { $0.contains("pending") }
        #expect(states.count == 2)
    }

    @Test func aDamagedBackupChangesNothing() throws {
        let (id, _) = try backUp()
        let before = state(living.home)
        let pack = String(
            run("/usr/bin/find", living.home.backupsDirectory + "/p", "-type", "f").output.dropLast())
        var bytes = try #require(contents(pack))
        bytes[bytes.count / 3] ^= 1
        put(bytes, pack)
        let damaged = state(living.home)
        let target = Home(path: living.scratch.path + "/elsewhere")
        for options in [VaultBackups.RestoreOptions(), options(target)] {
            let error = #expect(throws: BackupError.self) { try backups.restore(id, options, time: 2) }
            #expect(error?.code == .integrity && error?.object?.hasPrefix("pack ") == true)
        }
        #expect(state(living.home) == damaged && damaged != before)
        #expect(try !Files.exists(target.path))
        #expect(!run("/bin/ls", "-A", living.home.path).output.contains(".restore"))
    }

    @Test func aHomeInUseIsLeftAlone() throws {
        let (id, _) = try backUp()
        let before = state(living.home)
        let lock = try HomeLock.shared(in: living.home.keysDirectory)
        let error = #expect(throws: KeyError.self) { try backups.restore(id, time: 2) }
        lock.release()
        #expect(error?.code == .busy && state(living.home) == before)
        #expect(!run("/bin/ls", "-A", living.home.path).output.contains(".restore"))
    }

    @Test func anotherVaultsHomeIsNotReplaced() throws {
        let (id, _) = try backUp()
        let other = try LivingHome()
        let before = state(other.home)
        let error = #expect(throws: BackupError.self) {
            try backups.restore(id, options(other.home), time: 2)
        }
        #expect(error?.code == .conflict && state(other.home) == before)
    }

    @Test func aCloneOfTheProjectKeepsItsFiles() throws {
        let (id, _) = try backUp()
        let target = Home(path: living.scratch.directory("clone"))
        for folder in ["keys", "data", "Sources"] { _ = living.scratch.directory("clone/" + folder) }
        put(Array("*\n!.gitignore\n".utf8), target.path + "/keys/.gitignore")
        put(Array("code".utf8), target.path + "/Sources/main.swift")
        _ = try backups.restore(id, options(target), time: 2)
        #expect(contents(target.path + "/keys/.gitignore") == Array("*\n!.gitignore\n".utf8))
        #expect(contents(target.path + "/Sources/main.swift") == Array("code".utf8))
        #expect(try KeyRing.exists(in: target.keysDirectory))
    }

    @Test func aLockOnKeysThatMovedGuardsNothing() throws {
        let (id, _) = try backUp()
        _ = try backups.restore(id, time: 2)
        let alone = try HomeLock.exclusive(in: living.home.keysDirectory)
        let second = try FileLock.attempt(living.home.keysDirectory + "/home.lock", .shared)
        let isFree = second != nil
        #expect(!isFree)
        alone.release()
    }
}
