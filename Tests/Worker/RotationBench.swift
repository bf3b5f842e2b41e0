import EncryptedSQLite
import Foundation
import GRDB
import Glibc
import TestSupport

/// What scripts/bench/keys/rotation.py starts: a large database, and load on it.
enum RotationBench {
    /// `PATH MIB`: makes a database of about that size; says its rows.
    static func fill(_ arguments: [String]) throws {
        let rows = (Int(arguments[1]) ?? 64) * 2270
        try EncryptedDatabase.create(at: arguments[0], keys: FixedKeys()) { writer in
            try writer.write { db in
                try db.execute(sql: "CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT)")
            }
            for first in stride(from: 0, to: rows, by: 50_000) {
                try writer.write { db in
                    for id in first..<min(first + 50_000, rows) { try insert(db, id) }
                }
            }
        }
        print(rows)
    }

    /// `PATH EPOCHS read|write SECONDS ROWS SEED`: point reads by id, or transactions that change one row,
    /// for so long; says how many.
    static func load(_ arguments: [String]) throws {
        let pool = try EncryptedDatabase.open(at: arguments[0], keys: FixedKeys(sharedFile: arguments[1]))
        let end = Date(timeIntervalSinceNow: Double(arguments[3]) ?? 1)
        let rows = UInt64(arguments[4]) ?? 1
        var random = SplitMix64(seed: UInt64(arguments[5]) ?? 1)
        var count = 0
        while Date() < end {
            if arguments[2] == "read" {
                for _ in 0..<100 {
                    let id = Int64(random.next() % rows)
                    _ = try pool.pool.read {
                        try String.fetchOne($0, sql: "SELECT body FROM note WHERE id = ?", arguments: [id])
                    }
                    count += 1
                }
            } else {
                let id = Int64(random.next() % rows)
                try pool.pool.write { db in
                    try db.execute(
                        sql: "UPDATE note SET body = substr(body, 2) || 'x' WHERE id = ?", arguments: [id])
                }
                count += 1
            }
        }
        print(count)
        try pool.close()
    }

    private static func insert(_ db: Database, _ id: Int) throws {
        let body = "note \(id) " + String(repeating: "text \(id % 977) ", count: 42)
        try db.execute(
            sql: "INSERT INTO note (id, body) VALUES (?, ?)", arguments: [id, String(body.prefix(400))])
    }
}
