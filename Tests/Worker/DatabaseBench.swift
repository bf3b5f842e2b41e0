import EncryptedSQLite
import FileSystem
import GRDB
import Glibc
import TestSupport

/// `ROUNDS`: times the encrypted database against plain SQLite, same settings and same access layer, in turn,
/// and prints the medians of the ratios. docs/BENCHMARKS.md holds the bars.
enum DatabaseBench {
    private static let names = [
        "bulk", "transactions", "points", "scan", "fts", "match", "checkpoint", "vacuum",
    ]

    static func run(_ arguments: [String]) throws {
        let rounds = Int(arguments.first ?? "3") ?? 3
        var ratios: [String: [Double]] = [:]
        for _ in 0..<rounds {
            let directory = try TemporaryDirectory()
            let plain = try measurePlain(directory("plain"))
            let encrypted = try measureEncrypted(directory("encrypted"))
            for name in names {
                ratios[name, default: []].append((encrypted[name] ?? 0) / (plain[name] ?? 1))
            }
            print(
                names.map { "\($0) \(Int((encrypted[$0] ?? 0) * 1000))/\(Int((plain[$0] ?? 0) * 1000)) ms" }
            )
        }
        for name in names {
            let sorted = (ratios[name] ?? []).sorted()
            print(name, sorted[sorted.count / 2])
        }
    }

    private static func measurePlain(_ path: String) throws -> [String: Double] {
        var configuration = Configuration()
        configuration.prepareDatabase { db in
            try db.execute(sql: "PRAGMA wal_autocheckpoint = 1000; PRAGMA cache_size = -8000")
        }
        let pool = try DatabasePool(path: "file:\(path)?vfs=unix", configuration: configuration)
        try pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
        let result = try measure(pool) {
            try pool.writeWithoutTransaction { _ = try $0.checkpoint(.truncate) }
        } vacuum: {
            try pool.vacuum()
        }
        try pool.close()
        return result
    }

    private static func measureEncrypted(_ path: String) throws -> [String: Double] {
        try EncryptedDatabase.create(at: path, keys: FixedKeys()) { _ in }
        let pool = try EncryptedDatabase.open(at: path, keys: FixedKeys())
        let result = try measure(pool.pool) {
            try pool.checkpoint(empties: true)
        } vacuum: {
            try pool.vacuum()
        }
        try pool.close()
        return result
    }

    private static func measure(
        _ pool: DatabasePool, checkpoint: () throws -> Void, vacuum: () throws -> Void
    ) throws -> [String: Double] {
        var times: [String: Double] = [:]
        try pool.write { try $0.execute(sql: "CREATE TABLE row (id INTEGER PRIMARY KEY, body TEXT)") }
        try timed("bulk", &times) {
            for batch in 0..<100 {
                try pool.write { db in
                    let insert = try db.makeStatement(sql: "INSERT INTO row (body) VALUES (?)")
                    for index in 0..<1000 { try insert.execute(arguments: [text(batch * 1000 + index)]) }
                }
            }
        }
        try timed("transactions", &times) {
            for index in 0..<1000 {
                try pool.write {
                    try $0.execute(sql: "INSERT INTO row (body) VALUES (?)", arguments: [text(index)])
                }
            }
        }
        try pool.write { try $0.execute(sql: "UPDATE row SET body = body || '!' WHERE id % 3 = 0") }
        try timed("checkpoint", &times, checkpoint)
        try measureReads(pool, &times)
        try timed("vacuum", &times, vacuum)
        return times
    }

    private static func measureReads(_ pool: DatabasePool, _ times: inout [String: Double]) throws {
        try pool.read { db in
            try db.execute(sql: "PRAGMA cache_size = 200")
            let select = try db.makeStatement(sql: "SELECT body FROM row WHERE id = ?")
            var random = SplitMix64(seed: 7)
            try timed("points", &times) {
                for _ in 0..<50_000 {
                    _ = try String.fetchOne(select, arguments: [random.next() % 100_000 + 1])
                }
            }
            try timed("scan", &times) {
                for _ in 0..<3 { _ = try Int.fetchOne(db, sql: "SELECT sum(length(body)) FROM row") }
            }
            try db.execute(sql: "PRAGMA cache_size = -8000")
        }
        try timed("fts", &times) {
            try pool.write { db in
                try db.execute(
                    sql: "CREATE VIRTUAL TABLE search USING fts5(body, content='row', content_rowid='id')")
                try db.execute(sql: "INSERT INTO search (search) VALUES ('rebuild')")
            }
        }
        try timed("match", &times) {
            try pool.read { db in
                for index in 0..<500 {
                    _ = try Int.fetchOne(
                        db, sql: "SELECT count(*) FROM search WHERE search MATCH ?",
                        arguments: ["w\(index * 7)"])
                }
            }
        }
    }

    private static func text(_ index: Int) -> String {
        (0..<20).map { "w\((index * 31 + $0 * 977) % 5000)" }.joined(separator: " ")
    }

    private static func timed(_ name: String, _ times: inout [String: Double], _ body: () throws -> Void)
        throws
    {
        let start = ContinuousClock.now
        try body()
        let spent = (ContinuousClock.now - start).components
        times[name] = Double(spent.seconds) + Double(spent.attoseconds) / 1e18
    }
}
