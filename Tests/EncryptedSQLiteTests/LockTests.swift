import EncryptedSQLite
import FileSystem
import GRDB
import Glibc
import TestSupport
import Testing

/// What reads the files beside SQLite in a process that holds its locks must not let go of them: closing any
/// descriptor of a file drops the POSIX locks that the process has on it.
@Suite struct LockTests {
    /// The kernel's list of this database's POSIX locks.
    private static func locks(_ vault: TestDatabase) throws -> [Substring] {
        var inodes: [String] = []
        for name in ["db", "db-shm"] {
            var status = stat()
            try #require(stat(vault.directory(name), &status) == 0)
            inodes.append(":\(status.st_ino) ")
        }
        let file = try File.open("/proc/locks", .read)
        let text = String(decoding: try file.read(count: 1 << 20, at: 0), as: UTF8.self)
        // The number in front counts all locks of the machine.
        return text.split(separator: "\n").map { $0.drop { $0 != " " } }.filter { line in
            line.contains("POSIX") && inodes.contains { line.contains($0) }
        }.sorted()
    }

    /// Whether another process can empty the log, which a reader in this one must prevent.
    private static func otherProcessEmptiesTheLog(_ vault: TestDatabase) throws -> Bool {
        let worker = try WorkerProcess(["database-checkpoint", vault.path, "1"])
        let lines = worker.lines()
        try #require(worker.wait() == 0, "\(lines)")
        return try vault.size("db-wal") == 0
    }

    @Test func verificationAndSnapshotKeepAReadersLocks() throws {
        let vault = try TestDatabase()
        try vault.create(rows: 50)
        let pool = try vault.open()
        try pool.pool.write { try TestDatabase.insert($0, 5) }
        try pool.pool.read { db in
            #expect(try Int.fetchOne(db, sql: "SELECT count(*) FROM note") == 55)
            let before = try LockTests.locks(vault)
            #expect(try !LockTests.otherProcessEmptiesTheLog(vault))
            #expect(try pool.verify().isIntact)
            try pool.withSnapshot { _ = try $0.map() }
            #expect(try Files.status(vault.path) != nil)
            #expect(try LockTests.locks(vault) == before)
            #expect(try !LockTests.otherProcessEmptiesTheLog(vault))
            #expect(try Int.fetchOne(db, sql: "SELECT count(*) FROM note") == 55)

            // The twin: what a look by path does, and that this test would see it.
            _ = try vault.bytes("db-shm", 1, at: 0)
            #expect(try LockTests.locks(vault) != before)
            #expect(try LockTests.otherProcessEmptiesTheLog(vault))
        }
        try pool.close()
    }

    @Test func aWritersLocksAreKeptByThoseWhoFindItBusy() throws {
        let vault = try TestDatabase()
        try vault.create(rows: 50)
        let (pool, other) = (try vault.open(), try vault.open())
        try pool.pool.write { db in
            try TestDatabase.insert(db, 1)
            let before = try LockTests.locks(vault)
            let verified = #expect(throws: EncryptedDatabaseError.self) {
                try other.verify(milliseconds: 20)
            }
            #expect(verified?.code == .busy)
            let lent = #expect(throws: EncryptedDatabaseError.self) {
                try other.withSnapshot(milliseconds: 20) { _ in }
            }
            #expect(lent?.code == .busy)
            #expect(try LockTests.locks(vault) == before)
            #expect(try !LockTests.otherProcessEmptiesTheLog(vault))
        }
        try pool.close()
        try other.close()
        #expect(try vault.count() == 51)
    }
}
