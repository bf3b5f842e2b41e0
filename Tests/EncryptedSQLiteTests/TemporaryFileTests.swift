import EncryptedSQLite
import GRDB
import Glibc
import TestSupport
import Testing

/// Files that SQLite makes, unlinks and fills: they have no name, so they are read through this process's own
/// descriptors while they are open. Each has its twin with SQLite's own VFS, where the canary is found.
@Suite struct TemporaryFileTests {
    /// What the open temporary files of this process hold. Other tests may have some open too: only the
    /// canary tells whose they are.
    private struct Scan {
        var bytes = 0
        /// Bytes of the files in which the canary stands.
        var plainBytes = 0
        var holdsCanary: Bool { plainBytes > 0 }
    }

    private static func scan(for canary: String) -> Scan {
        var scan = Scan()
        let wanted = Array(canary.utf8)
        // Other tests' servers may hold more than a thousand.
        for descriptor in 0..<min(getdtablesize(), 1 << 16) {
            var name = [CChar](repeating: 0, count: 512)
            guard readlink("/proc/self/fd/\(descriptor)", &name, name.count - 1) > 0,
                String(decoding: name.map { UInt8(bitPattern: $0) }, as: UTF8.self).contains("/etilqs_")
            else { continue }
            var status = stat()
            guard fstat(descriptor, &status) == 0, status.st_size > 0 else { continue }
            var content = [UInt8](repeating: 0, count: Int(status.st_size))
            let got = pread(descriptor, &content, content.count, 0)
            guard got > 0 else { continue }
            scan.bytes += got
            if content.firstRange(of: wanted) != nil { scan.plainBytes += got }
        }
        return scan
    }

    /// Some 400 bytes a row, each with the canary.
    private static func fill(_ db: Database, _ rows: Int, _ canary: String) throws {
        let insert = try db.makeStatement(sql: "INSERT INTO note (body) VALUES (?)")
        for index in 0..<rows {
            let text = "\(index * 7919 % rows) \(canary) " + String(repeating: "text ", count: 70)
            try insert.execute(arguments: [text])
        }
    }

    /// A savepoint keeps the old pages of a large update in a statement journal.
    private static func statementJournal(_ db: Database, _ canary: String) throws -> Scan {
        var scan = Scan()
        try db.inTransaction {
            try fill(db, 600, canary)
            try db.inSavepoint {
                try db.execute(sql: "UPDATE note SET body = body || '.'")
                scan = self.scan(for: canary)
                return .commit
            }
            return .rollback
        }
        return scan
    }

    /// A sort that does not fit into memory, half-way through its rows.
    private static func sorter(_ db: Database, _ canary: String) throws -> Scan {
        let rows = try String.fetchCursor(db, sql: "SELECT body FROM note ORDER BY body DESC")
        _ = try rows.next()
        return scan(for: canary)
    }

    private static func canary() -> String { "canary-\(UInt64.random(in: .min ... .max))" }

    /// With the settings of every connection these files stay in memory.
    @Test func aVaultWritesNoPlaintextToTemporaryFiles() throws {
        let vault = try TestDatabase()
        try vault.create()
        let pool = try vault.open()
        let canary = TemporaryFileTests.canary()
        try pool.pool.writeWithoutTransaction { db in
            let journal = try TemporaryFileTests.statementJournal(db, canary)
            #expect(!journal.holdsCanary)
            try TemporaryFileTests.fill(db, 6000, canary)
            let sorted = try TemporaryFileTests.sorter(db, canary)
            #expect(!sorted.holdsCanary)
        }
        try pool.close()
    }

    /// A connection without them, and its twin over SQLite's own VFS.
    @Test(arguments: [("", false), ("file:?vfs=unix", true)])
    func temporaryFilesOnDiskHoldNoPlaintext(_ path: String, isPlain: Bool) throws {
        // Makes ours the VFS of the process.
        try TestDatabase().create()
        let canary = TemporaryFileTests.canary()
        let queue = try DatabaseQueue(path: path)
        try queue.writeWithoutTransaction { db in
            try db.execute(
                sql: "PRAGMA cache_size = 10; CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT)")
            let journal = try TemporaryFileTests.statementJournal(db, canary)
            #expect(journal.bytes > 100_000)
            #expect(journal.holdsCanary == isPlain)
            try TemporaryFileTests.fill(db, 6000, canary)
            let pages = TemporaryFileTests.scan(for: canary)
            #expect(pages.bytes > 1_000_000)
            #expect(pages.holdsCanary == isPlain)
            let sorted = try TemporaryFileTests.sorter(db, canary)
            // The twin shows that the same sort fills a file of its own.
            #expect(sorted.plainBytes > pages.plainBytes + 1_000_000 || !isPlain)
            #expect(sorted.holdsCanary == isPlain)
        }
        try queue.close()
    }
}
