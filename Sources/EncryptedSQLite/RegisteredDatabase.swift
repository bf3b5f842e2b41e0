import Cryptography
import Synchronization

/// One database that this process may open: its keys, its seal and what was last found wrong with it.
/// Shared by all its connections.
final class RegisteredDatabase: Sendable {
    /// `creating`: under its temporary name, any write goes; `finished`: only checkpoints write the main
    /// file.
    enum Stage { case creating, finished }

    /// The main file, as the "unix" VFS names it.
    let path: String
    /// What the names of seal and locks begin with.
    let lockBase: String
    let stage: Stage
    let databaseID: [UInt8]
    let source: any DatabaseKeySource
    let keys: KeyCache
    let seal: SealStore
    let tags: PageTags
    let requiresBlinding: Bool
    /// What outside of the database's own files knows how far it had come.
    let anchor: AnchorFile?
    let judge: LogJudge
    /// Set by the pool that closes: the log may then be deleted by SQLite.
    let isClosing = Atomic(false)
    private let failure = Mutex<EncryptedDatabaseError?>(nil)

    init(
        path: String, lockBase: String, stage: Stage, source: any DatabaseKeySource, seal: SealStore,
        databaseID: [UInt8], requiresBlinding: Bool, judge: LogJudge = LogJudge(cuts: false),
        anchor: AnchorFile? = nil
    ) {
        self.judge = judge
        self.anchor = anchor
        self.path = path
        self.lockBase = lockBase
        self.stage = stage
        self.source = source
        self.seal = seal
        self.databaseID = databaseID
        self.requiresBlinding = requiresBlinding
        keys = KeyCache(source)
        tags = PageTags(path: lockBase + EncryptedDatabase.tagsSuffix, databaseID: databaseID)
    }

    func cipher(_ kind: RecordKind) -> RecordCipher {
        RecordCipher(kind, keys: keys, databaseID: databaseID)
    }

    /// Keeps the reason and gives SQLite the code for it.
    func report(_ error: EncryptedDatabaseError) -> Int32 {
        failure.withLock { $0 = error }
        return error.code.result
    }

    /// The last reason for a code, with the page number that SQLite's code can't carry.
    var lastFailure: EncryptedDatabaseError? { failure.withLock { $0 } }

    /// Key check of page 1: HMAC(K_page, `check` ‖ database id), 4 bytes.
    private static func pageCheck(
        keys: KeyCache, databaseID: [UInt8], epoch: UInt32
    ) throws(EncryptedDatabaseError) -> [UInt8] {
        let box = try keys.key(.page, epoch: epoch)
        do {
            let tag = try HMAC.authenticate(.sha256, key: box.secret, Array("check".utf8) + databaseID)
            return Array(tag.prefix(4))
        } catch {
            throw EncryptedDatabaseError(.io, "the key check failed: \(error.message)")
        }
    }

    /// The clear bytes of page 1.
    static func clearHeader(
        keys: KeyCache, databaseID: [UInt8], epoch: UInt32
    ) throws(EncryptedDatabaseError) -> [UInt8] {
        var writer = CanonicalWriter()
        writer.raw(Array("ATDB".utf8))
        writer.raw([Layout.format, Layout.suite, 0, 0])
        writer.u32(epoch)
        writer.raw(try pageCheck(keys: keys, databaseID: databaseID, epoch: epoch))
        return writer.bytes
    }

    func clearHeader(epoch: UInt32) throws(EncryptedDatabaseError) -> [UInt8] {
        try RegisteredDatabase.clearHeader(keys: keys, databaseID: databaseID, epoch: epoch)
    }

    /// Format, suite and key of a main file, from its first 16 bytes alone: page 1 itself may be torn by a
    /// power cut in a checkpoint although the log holds it.
    func check(clearHeader bytes: [UInt8]) throws(EncryptedDatabaseError) {
        guard bytes.count == Layout.clear, Array(bytes[..<4]) == Array("ATDB".utf8) else {
            throw EncryptedDatabaseError(
                .tampered, "\(path) does not begin like an encrypted database", page: 1,
                hint: "restore from a backup")
        }
        guard bytes[4] == Layout.format, bytes[5] == Layout.suite else {
            throw EncryptedDatabaseError(
                .newerFormat, "a newer version wrote \(path)", hint: "update ai-team")
        }
        let epoch = bytes[8..<12].reduce(0 as UInt32) { $0 << 8 | UInt32($1) }
        guard epoch > 0, epoch < 1 << 24, bytes[6] == 0, bytes[7] == 0 else {
            throw EncryptedDatabaseError.tampered(page: 1)
        }
        guard bytes == (try clearHeader(epoch: epoch)) else {
            throw EncryptedDatabaseError(
                .wrongKey, "the keys at hand are not those of \(path), or its first bytes were changed")
        }
    }
}

/// The databases that this process may open, by path. A path that is not here is refused: there is no way
/// through to a plaintext file.
enum Registry {
    private struct Entry {
        let database: RegisteredDatabase
        var users: Int
    }

    private static let entries = Mutex<[String: Entry]>([:])

    static func find(_ path: String) -> RegisteredDatabase? {
        entries.withLock { $0[path]?.database }
    }

    /// Joins a database that is open already, or adds what `make` makes.
    static func join(
        _ path: String, _ make: () throws(EncryptedDatabaseError) -> RegisteredDatabase
    ) throws(EncryptedDatabaseError) -> RegisteredDatabase {
        let known = entries.withLock { entries -> RegisteredDatabase? in
            entries[path]?.users += 1
            return entries[path]?.database
        }
        if let known { return known }
        let database = try make()
        return entries.withLock { entries in
            let entry = Entry(
                database: entries[path]?.database ?? database, users: (entries[path]?.users ?? 0) + 1)
            entries[path] = entry
            return entry.database
        }
    }

    static func leave(_ database: RegisteredDatabase) {
        entries.withLock { entries in
            guard let entry = entries[database.path], entry.database === database else { return }
            entries[database.path] =
                entry.users > 1 ? Entry(database: database, users: entry.users - 1) : nil
        }
    }
}
