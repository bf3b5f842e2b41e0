import EncryptedSQLite
import GRDB
import GRDBSQLite
import TestSupport

/// One of the two databases that `DatabaseBench` compares, and its workloads.
struct BenchSide {
    private let pool: DatabasePool
    private let tasks: BenchTasks
    private let scale: Double
    /// The size of FTS5's pieces, where it is not its own.
    private let pieceBytes: Int?
    private let empty: () throws -> Void
    private let vacuum: () throws -> Void
    private let finish: () throws -> Void

    static func plain(_ path: String, _ tasks: BenchTasks, _ scale: Double) throws -> BenchSide {
        var configuration = Configuration()
        configuration.prepareDatabase { db in
            try db.execute(
                sql: """
                    PRAGMA wal_autocheckpoint = 1000; PRAGMA cache_size = -8000; PRAGMA temp_store = MEMORY
                    """)
        }
        let pool = try DatabasePool(path: "file:\(path)?vfs=unix", configuration: configuration)
        // GRDB sets NORMAL when it opens a pool.
        try pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
        return BenchSide(pool: pool, tasks: tasks, scale: scale, pieceBytes: nil) {
            try pool.writeWithoutTransaction { _ = try $0.checkpoint(.truncate) }
        } vacuum: {
            try pool.vacuum()
        } finish: {
            try pool.close()
        }
    }

    static func encrypted(_ path: String, _ tasks: BenchTasks, _ scale: Double) throws -> BenchSide {
        try EncryptedDatabase.create(at: path, keys: FixedKeys()) { _ in }
        let pool = try EncryptedDatabase.open(at: path, keys: FixedKeys())
        let pieceBytes = EncryptedDatabase.fullTextPieceBytes
        return BenchSide(pool: pool.pool, tasks: tasks, scale: scale, pieceBytes: pieceBytes) {
            try pool.checkpoint(empties: true)
        } vacuum: {
            try pool.vacuum()
        } finish: {
            try pool.close()
        }
    }

    private init(
        pool: DatabasePool, tasks: BenchTasks, scale: Double, pieceBytes: Int?,
        empty: @escaping () throws -> Void, vacuum: @escaping () throws -> Void,
        finish: @escaping () throws -> Void
    ) {
        self.pool = pool
        self.tasks = tasks
        self.scale = scale
        self.pieceBytes = pieceBytes
        self.empty = empty
        self.vacuum = vacuum
        self.finish = finish
    }

    func close() throws { try finish() }

    func slices(of phase: String) -> Int {
        switch phase {
        case "bulk", "single-row", "points", "match": 20
        case "scan": 10
        default: 1
        }
    }

    /// What a phase needs and nobody times.
    func prepare(_ phase: String) throws {
        switch phase {
        case "bulk":
            try pool.write {
                try $0.execute(
                    sql: """
                        CREATE TABLE task (id INTEGER PRIMARY KEY, type TEXT, title TEXT, description TEXT,
                            status TEXT, priority INTEGER, created_at INTEGER)
                        """)
            }
        case "checkpoint":
            try empty()
            // While a reader looks at the old state nothing is copied, so the whole update stays in the log.
            try pool.read { db in
                _ = try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_master")
                try pool.write {
                    try $0.execute(sql: "UPDATE task SET title = title || '!' WHERE id % 3 = 0")
                }
            }
        default: try empty()
        }
    }

    func slice(_ phase: String, _ slice: Int, of count: Int) throws -> BenchTime {
        switch phase {
        case "bulk": try insert(tasks.rows / count, from: tasks.rows / count * slice, batch: 1000)
        case "single-row":
            try insert(
                (tasks.texts.count - tasks.rows) / count,
                from: tasks.rows + (tasks.texts.count - tasks.rows) / count * slice, batch: 1)
        case "points": try points(Int(100_000 * scale) / count, seed: UInt64(slice))
        case "scan": try scan()
        case "fts": try buildIndex()
        case "match": try match(Int(1000 * scale) / count, from: slice * 50)
        case "checkpoint":
            try BenchTime.of {
                try empty()
                return nil
            }
        default:
            try BenchTime.of {
                try vacuum()
                return nil
            }
        }
    }

    private func insert(_ count: Int, from first: Int, batch: Int) throws -> BenchTime {
        try BenchTime.of {
            for start in stride(from: first, to: first + count, by: batch) {
                try pool.write { db in
                    let insert = try db.cachedStatement(
                        sql: "INSERT INTO task VALUES (NULL, 'implement_feature', ?, ?, 'pending', ?, ?)")
                    for index in start..<min(start + batch, first + count) {
                        let text = tasks.texts[index]
                        try insert.execute(arguments: [text.title, text.description, index % 4, index])
                    }
                }
            }
            return nil
        }
    }

    private func points(_ count: Int, seed: UInt64) throws -> BenchTime {
        try pool.read { db in
            try db.execute(sql: "PRAGMA cache_size = 200")
            defer { restoreCache(db) }
            let select = try db.cachedStatement(sql: "SELECT title FROM task WHERE id = ?")
            var random = SplitMix64(seed: seed)
            return try BenchTime.of {
                let before = misses(db)
                for _ in 0..<count {
                    _ = try String.fetchOne(select, arguments: [random.next() % UInt64(tasks.rows) + 1])
                }
                return misses(db) - before
            }
        }
    }

    private func scan() throws -> BenchTime {
        try pool.read { db in
            try BenchTime.of {
                let before = misses(db)
                _ = try Int.fetchOne(db, sql: "SELECT sum(length(description)) FROM task")
                return misses(db) - before
            }
        }
    }

    private func buildIndex() throws -> BenchTime {
        try pool.write { db in
            try db.execute(
                sql: """
                    CREATE VIRTUAL TABLE search USING fts5(
                        title, description, content='task', content_rowid='id')
                    """)
            if let pieceBytes {
                try db.execute(
                    sql: "INSERT INTO search (search, rank) VALUES ('pgsz', ?)", arguments: [pieceBytes])
            }
        }
        return try BenchTime.of {
            try pool.write { try $0.execute(sql: "INSERT INTO search (search) VALUES ('rebuild')") }
            return nil
        }
    }

    private func match(_ count: Int, from first: Int) throws -> BenchTime {
        try pool.read { db in
            let select = try db.cachedStatement(sql: "SELECT count(*) FROM search WHERE search MATCH ?")
            return try BenchTime.of {
                let before = misses(db)
                for index in first..<first + count {
                    _ = try Int.fetchOne(select, arguments: ["w\(index * 7 % 5000)"])
                }
                return misses(db) - before
            }
        }
    }

    private func restoreCache(_ db: Database) {
        do { try db.execute(sql: "PRAGMA cache_size = -8000") } catch { print("cache_size: \(error)") }
    }

    /// Pages that the connection had to read from the file.
    private func misses(_ db: Database) -> Int {
        var (now, highest): (Int32, Int32) = (0, 0)
        guard let connection = db.sqliteConnection else { return 0 }
        sqlite3_db_status(connection, SQLITE_DBSTATUS_CACHE_MISS, &now, &highest, 0)
        return Int(now)
    }
}
