import Cryptography
public import GRDB

/// An encrypted SQLite database: making it, opening it, and the errors that come out of it.
///
/// Life of a database: `create` makes the seal, then the database under a temporary name, empties its log and
/// gives it its name; `open` checks format, key and seal and gives a pool; `EncryptedPool.close` empties
/// the log, so that nothing about the next opening is ambiguous.
public enum EncryptedDatabase {
    /// The prefix-less suffixes of the files beside a database; backup and doctor name them.
    public static let sealSuffix = "-seal"
    /// The list of the pages' tags, a cache.
    public static let tagsSuffix = "-tags"

    /// Makes a database at `path`, lets `prepare` fill it (migrations), and closes it. A creation that a
    /// crash interrupted is begun anew. Throws `exists` when there is a finished one.
    public static func create(
        at path: String, keys: any DatabaseKeySource,
        prepare: (any DatabaseWriter) throws -> Void
    ) throws {
        guard VFS.isRegistered else {
            throw EncryptedDatabaseError(.io, "SQLite's VFS can't be registered")
        }
        let path = try Paths.canonical(path)
        try Paths.refuseNetwork(path)
        let store = try beginSeal(at: path, keys: keys)
        let temporary = path + "-new"
        for suffix in ["", "-wal", "-shm"] { try Paths.remove(temporary + suffix) }
        // SQLite would make it readable for everybody; the files beside it get what it has.
        _ = try Descriptor(temporary, create: true)
        let seal = try store.read()
        let database = try Registry.join(temporary) { () throws(EncryptedDatabaseError) in
            RegisteredDatabase(
                path: temporary, lockBase: path, stage: .creating, source: keys, seal: store,
                databaseID: seal.databaseID, requiresBlinding: false)
        }
        defer { Registry.leave(database) }
        let pool = EncryptedPool(
            try DatabasePool(
                path: temporary, configuration: Settings.configuration(.init(), isCreating: true)),
            database: database)
        try prepare(pool.pool)
        try pool.finish()
        let file = try Descriptor(temporary)
        try file.sync()
        try database.drain()
        try Paths.rename(temporary, to: path)
        // A seal without a root, if a crash comes now, gets one at the first checkpoint.
        let pages = PageTrailers(file: file, pageCount: UInt32(try file.size() / Int64(Layout.page)))
        let root = try database.tags.rebuild(from: pages, counter: try store.read().counter)
        try store.update { seal in
            seal.root = root
            seal.isFinished = true
            return true
        }
    }

    /// Makes the seal, or takes over that of a creation that never finished.
    private static func beginSeal(
        at path: String, keys: any DatabaseKeySource
    ) throws -> SealStore {
        let key = try keys.homeKey(purpose: Seal.purpose)
        var seal = Seal(databaseID: try RandomBytes.bytes(Layout.databaseID))
        seal.ringGeneration = keys.ringGeneration
        _ = try SealStore.make(seal, at: path + sealSuffix, key: key)
        let store = try SealStore(path: path + sealSuffix, key: key)
        let found = try store.read()
        guard !found.isFinished, try Paths.size(path) == nil else {
            throw EncryptedDatabaseError(.exists, "there is a database at \(path)")
        }
        try store.update { old in
            seal.sequence = old.sequence
            seal.generation = old.generation
            old = seal
            return true
        }
        return store
    }

    /// Opens the database at `path` and gives a pool of connections to it.
    ///
    /// - Parameters:
    ///   - requiresBlinding: refuse a write transaction that did not write `blind()` into a row.
    ///   - anchor: what the database is compared with, and what follows it from now on.
    /// - Throws: `rollback` when the anchor has seen a newer state.
    public static func open(
        at path: String, keys: any DatabaseKeySource, configuration: Configuration = Configuration(),
        requiresBlinding: Bool = false, anchor: AnchorFile? = nil
    ) throws -> EncryptedPool {
        try open(
            at: path, keys: keys, configuration: configuration, requiresBlinding: requiresBlinding,
            judge: LogJudge(cuts: false), anchor: anchor)
    }

    static func open(
        at path: String, keys: any DatabaseKeySource, configuration: Configuration,
        requiresBlinding: Bool = false, judge: LogJudge, anchor: AnchorFile? = nil
    ) throws -> EncryptedPool {
        guard VFS.isRegistered else {
            throw EncryptedDatabaseError(.io, "SQLite's VFS can't be registered")
        }
        let path = try Paths.canonical(path)
        try Paths.refuseNetwork(path)
        let database = try Registry.join(path) { () throws(EncryptedDatabaseError) in
            try register(path, keys, requiresBlinding, judge, anchor)
        }
        do {
            let anchored = try anchor?.check(database.seal)
            let configuration = Settings.configuration(configuration, isCreating: false)
            return EncryptedPool(
                try connect(database, configuration), database: database, anchored: anchored)
        } catch {
            defer { Registry.leave(database) }
            throw database.explain(error)
        }
    }

    /// Opens the connections. When the last of the others has just taken the log away, GRDB writes to the
    /// database (see `beginLog`), is refused for want of random bytes, and has to begin anew.
    private static func connect(
        _ database: RegisteredDatabase, _ configuration: Configuration
    ) throws -> DatabasePool {
        for _ in 0..<100 {
            try database.beginLog()
            do {
                return try DatabasePool(path: database.path, configuration: configuration)
            } catch {
                let reason = database.explain(error) as? EncryptedDatabaseError
                guard reason?.code == .unblinded else { throw error }
            }
        }
        throw EncryptedPool.busy
    }

    static func register(
        _ path: String, _ keys: any DatabaseKeySource, _ requiresBlinding: Bool, _ judge: LogJudge,
        _ anchor: AnchorFile? = nil
    ) throws(EncryptedDatabaseError) -> RegisteredDatabase {
        let size = try Paths.size(path)
        guard try Paths.size(path + sealSuffix) != nil else {
            if size == nil { throw EncryptedDatabaseError(.missing, "there is no database at \(path)") }
            throw EncryptedDatabaseError(
                .tampered, "the seal \(path + sealSuffix) is gone",
                hint: "put it back, or restore from a backup")
        }
        let key: SecretBytes
        do {
            key = try keys.homeKey(purpose: Seal.purpose)
        } catch {
            throw EncryptedDatabaseError(.wrongKey, "the key ring has no key for the seal")
        }
        let store = try SealStore(path: path + sealSuffix, key: key)
        let seal = try store.read()
        guard let size else {
            guard seal.isFinished else {
                throw EncryptedDatabaseError(.missing, "there is no database at \(path)")
            }
            throw EncryptedDatabaseError(.tampered, "\(path) is gone", hint: "restore from a backup")
        }
        guard size > 0 else {
            throw EncryptedDatabaseError(.tampered, "\(path) is empty", hint: "restore from a backup")
        }
        if !seal.isFinished {
            try store.update { seal in
                seal.isFinished = true
                return true
            }
        }
        let database = RegisteredDatabase(
            path: path, lockBase: path, stage: .finished, source: keys, seal: store,
            databaseID: seal.databaseID, requiresBlinding: requiresBlinding, judge: judge, anchor: anchor)
        try database.settleRotationIfLeft()
        return database
    }

    /// 16 random bytes for a row of the current transaction, which then counts as blinded. The same as SQL
    /// `blind()`. Every write transaction writes them into one row, so that the checksums in `-shm` tell
    /// nothing.
    public static func blind(_ database: Database) throws -> [UInt8] {
        try database.markBlinded()
        return try RandomBytes.bytes(Blinding.count)
    }

    /// A plain SQLite file, for the exports that a person asks for and for nothing else.
    public static func plaintextExport(at path: String) throws -> DatabaseQueue {
        var escaped = ""
        for byte in path.utf8 {
            let isPlain = (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
            if isPlain || [45, 46, 47, 95].contains(byte) {
                escaped.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                escaped += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
            }
        }
        return try DatabaseQueue(path: "file:\(escaped)?vfs=unix")
    }
}

extension RegisteredDatabase {
    /// The error behind one of SQLite's, where it was ours.
    func explain(_ error: any Error) -> any Error {
        guard let error = error as? DatabaseError else { return error }
        let code = error.extendedResultCode.rawValue
        if let last = lastFailure, last.code.result == code { return last }
        if error.resultCode == .SQLITE_BUSY {
            return EncryptedDatabaseError(.busy, "another process is writing", hint: "try again")
        }
        return error
    }
}
