import Backup
import EncryptedSQLite
import FileSystem
import TestSupport
import Testing
import Vault

/// A backup of pages that are not the newest would make an old state the newest backup.
@Suite struct NewestStateTests {
    private let living: LivingHome

    init() throws {
        living = try LivingHome()
        try living.use { try living.addTasks(60, to: $0) }
    }

    private var database: String { living.home.databasePath }

    /// Puts back a page that the second of two backups would take, and gives its number.
    private func putPageBack() throws -> UInt32 {
        let before = try Files.readAll(database, limit: 1 << 24)
        try living.use { try living.addTasks(60, to: $0) }
        let now = try Files.readAll(database, limit: 1 << 24)
        let changed = try #require(
            (1..<before.count / 4096).last {
                before[($0 * 4096)...].prefix(4096) != now[($0 * 4096)...].prefix(4096)
            })
        let page = Array(before[(changed * 4096)...].prefix(4096))
        try File.open(database, .readWrite).write(page, at: Int64(changed * 4096))
        return UInt32(changed) + 1
    }

    @Test func aBackupOfPagesThatWerePutBackIsRefusedAndNamesThem() throws {
        _ = try living.use { try living.backups.create($0, time: 1) }
        let page = try putPageBack()
        let vault = try living.open()
        let error = #expect(throws: EncryptedDatabaseError.self) { try living.backups.create(vault, time: 2) }
        #expect(error?.code == .rollback && error?.page == page)
        let offered = #expect(throws: EncryptedDatabaseError.self) {
            try living.backups.offer(vault, in: living.scratch.path + "/spool", time: 2)
        }
        #expect(offered?.code == .rollback && offered?.page == page)
        #expect(try living.backups.verify().problems.isEmpty)
    }

    /// Database and anchor put back together: the home's own backup has seen a newer state.
    @Test func aHomePutBackWholeIsNamedByItsNewestBackup() throws {
        let saved = living.scratch.path + "/saved"
        try TemporaryDirectory.copyTree(living.home.path, to: saved)
        try living.use { try living.addTasks(20, to: $0) }
        _ = try living.use { try living.backups.create($0, time: 1) }
        for part in ["keys", "data/database"] {
            try Files.removeTree(living.home.path + "/" + part)
            try TemporaryDirectory.copyTree(saved + "/" + part, to: living.home.path + "/" + part)
        }
        let vault = try living.open()
        let error = #expect(throws: BackupError.self) { try living.backups.create(vault, time: 2) }
        #expect(error?.code == .rollback)
        try vault.close()
    }

    @Test func aBackupOfTheNewestPagesIsMade() throws {
        _ = try living.use { try living.backups.create($0, time: 1) }
        try living.use { try living.addTasks(60, to: $0) }
        _ = try living.use { try living.backups.create($0, time: 2) }
        #expect(try living.backups.verify().problems.isEmpty)
    }
}
