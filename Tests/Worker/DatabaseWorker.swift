import EncryptedSQLite
import GRDB
import Glibc
import TestSupport

/// Commands on a database of `FixedKeys()` with a table `note (id, body)`.
enum DatabaseWorker {
    /// `PATH NAME`: commits row after row and says each number once it is on disk, until it is killed.
    static func commit(_ arguments: [String]) throws {
        let pool = try EncryptedDatabase.open(at: arguments[0], keys: FixedKeys())
        var number = 0
        while true {
            number += 1
            try pool.pool.write { db in
                for part in 0...(number % 7) { try insert(db, "\(arguments[1]) \(number) \(part)") }
                try db.execute(sql: "UPDATE note SET body = body || '.' WHERE id % 50 = 1")
            }
            if number % 25 == 0 { try pool.checkpoint(empties: number % 50 == 0, milliseconds: 100) }
            say("\(number)\n")
        }
    }

    /// `PATH NAME COUNT`: commits so many transactions of 20 rows, then says how many were acknowledged and
    /// how large the log ever was.
    static func write(_ arguments: [String]) throws {
        let pool = try EncryptedDatabase.open(at: arguments[0], keys: FixedKeys())
        let count = Int(arguments[2]) ?? 1
        var log = 0
        for number in 0..<count {
            try pool.pool.write { db in
                for part in 0..<20 { try insert(db, "\(arguments[1]) \(number) \(part)") }
            }
            var status = stat()
            if stat(arguments[0] + "-wal", &status) == 0 { log = max(log, Int(status.st_size)) }
        }
        print(count, log)
        try pool.close()
    }

    /// `PATH COUNT`: reads; a transaction is seen whole or not at all.
    static func read(_ arguments: [String]) throws {
        let pool = try EncryptedDatabase.open(at: arguments[0], keys: FixedKeys())
        for _ in 0..<(Int(arguments[1]) ?? 1) {
            let count = try pool.pool.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM note") ?? 0 }
            guard count % 20 == 0 else {
                throw EncryptedDatabaseError(.tampered, "half a transaction: \(count)")
            }
        }
        try pool.close()
    }

    /// `PATH COUNT`: empties the log and copies it, in turn and at most 20 times a second, since who does
    /// nothing else keeps writers out; then says how the last time went.
    static func checkpoint(_ arguments: [String]) throws {
        let pool = try EncryptedDatabase.open(at: arguments[0], keys: FixedKeys())
        var outcome = EncryptedPool.CheckpointOutcome.busy
        for number in 0..<(Int(arguments[1]) ?? 1) {
            if number > 0 { usleep(50_000) }
            outcome = try pool.checkpoint(empties: number % 2 == 0, milliseconds: 100)
        }
        print(outcome)
    }

    /// `PATH EPOCHS [PAGES]`: rotates the pages to the epoch that the size of the file EPOCHS says, so many
    /// at a time, telling each batch.
    static func rotate(_ arguments: [String]) throws {
        let pool = try EncryptedDatabase.open(at: arguments[0], keys: FixedKeys(sharedFile: arguments[1]))
        let pages = arguments.count > 2 ? Int(arguments[2]) ?? 4096 : 4096
        let end = try pool.rotatePages(pages: pages) { state in
            say("\(state.looked)\n")
            return true
        }
        say("remaining \(end.remaining.map { Int($0) } ?? -1)\n")
        try pool.close()
    }

    /// `PATH EPOCHS NAME`: reads all and commits a row, in turn, and says each round, until it is killed.
    static func mix(_ arguments: [String]) throws {
        let pool = try EncryptedDatabase.open(at: arguments[0], keys: FixedKeys(sharedFile: arguments[1]))
        // Small, so that pages are read from the disk again and again.
        try pool.pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA cache_size = 20") }
        var number = 0
        while true {
            number += 1
            try pool.pool.write { db in
                try insert(db, "\(arguments[2]) \(number)")
                try db.execute(
                    sql: "UPDATE note SET body = body || '.' WHERE id % 97 = ?", arguments: [number % 97])
                try db.execute(sql: "SELECT sum(length(body)) FROM note")
            }
            _ = try pool.pool.read { try Int.fetchOne($0, sql: "SELECT sum(length(body)) FROM note") }
            say("\(number)\n")
        }
    }

    /// At once and unbuffered: what was said before a kill was said.
    private static func say(_ text: String) {
        let bytes = Array(text.utf8)
        if Glibc.write(1, bytes, bytes.count) != bytes.count { exit(2) }
    }

    private static func insert(_ db: Database, _ body: String) throws {
        let text = body + String(repeating: " text", count: 60)
        try db.execute(sql: "INSERT INTO note (body) VALUES (?)", arguments: [text])
    }
}
