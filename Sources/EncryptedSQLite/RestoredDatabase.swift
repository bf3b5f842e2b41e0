import Cryptography
import Synchronization

/// How far a database had come; a restored copy goes on from beyond all that is known.
public struct DatabaseHistory: Sendable, Hashable {
    /// The database's id, 16 bytes.
    public let databaseID: [UInt8]
    /// The seal's counter: one more for each checkpoint that wrote.
    public let counter: UInt64
    /// The generation of its last log.
    public let generation: UInt64

    /// What a backup's manifest, which names no generation, says of a database.
    public init(databaseID: [UInt8], counter: UInt64, generation: UInt64 = 0) {
        self.databaseID = databaseID
        self.counter = counter
        self.generation = generation
    }
}

extension EncryptedDatabase {
    /// What the seal beside the database at `path` says; nil when there is none, or none that these keys
    /// open: a restore replaces damaged homes too.
    public static func history(
        at path: String, keys: any DatabaseKeySource
    ) throws -> DatabaseHistory? {
        guard try Paths.size(path + sealSuffix) != nil else { return nil }
        let key = try keys.homeKey(purpose: Seal.purpose)
        do throws(EncryptedDatabaseError) {
            let seal = try SealStore(path: path + sealSuffix, key: key).read()
            return DatabaseHistory(
                databaseID: seal.databaseID, counter: seal.counter, generation: seal.generation)
        } catch {
            guard [.tampered, .wrongKey].contains(error.code) else { throw error }
            return nil
        }
    }
}

/// A main file that a restore rebuilds page by page.
///
/// Each page is encrypted under exactly the epoch and nonce that the backup recorded, and has to give the
/// recorded tag: what stands on disk is byte for byte what was backed up (same key, nonce and message, so
/// nothing is used twice). `finish` then makes the seal, without which the file does not open. Several
/// threads may write different pages at once; nobody else may know the path before `finish` returned.
public final class RestoredDatabase: Sendable {
    private let path: String
    private let file: Descriptor
    private let keys: any DatabaseKeySource
    private let databaseID: [UInt8]
    private let pageCount: UInt32
    // SAFETY: a sealer is in the list or with the one thread that took it, never both.
    private struct Idle: @unchecked Sendable { let sealer: PageSealer }
    private let idle = Mutex<[Idle]>([])

    /// Makes the file; `exists` when something is there.
    ///
    /// - Parameters:
    ///   - databaseID: 16 bytes.
    ///   - pageCount: the lock page counts, and stays a hole.
    public init(
        at path: String, databaseID: [UInt8], pageCount: UInt32, keys: any DatabaseKeySource
    ) throws {
        self.path = try Paths.canonical(path)
        try Paths.refuseNetwork(self.path)
        guard try Paths.size(self.path) == nil,
            try Paths.size(self.path + EncryptedDatabase.sealSuffix) == nil
        else {
            throw EncryptedDatabaseError(.exists, "there is a database at \(path)")
        }
        guard pageCount > 0, databaseID.count == Layout.databaseID else {
            throw EncryptedDatabaseError(.tampered, "a database without pages or id")
        }
        file = try Descriptor(self.path, create: true)
        self.keys = keys
        self.databaseID = databaseID
        self.pageCount = pageCount
    }

    /// Writes page `number`, counted from 1.
    ///
    /// - Parameters:
    ///   - plain: 4096 bytes as SQLite sees them, the last 48 zero.
    ///   - tag: what the page was in the database that was backed up.
    /// - Throws: `tampered` with the page's number when these bytes do not give that tag.
    public func write(_ plain: [UInt8], number: UInt32, as tag: PageTag) throws(EncryptedDatabaseError) {
        guard number >= 1, number <= pageCount, number != Layout.lockPage else {
            throw EncryptedDatabaseError.tampered(page: number)
        }
        let page = try withSealer { sealer throws(EncryptedDatabaseError) in
            try sealer.seal(plain, number: number, as: tag)
        }
        try file.write(page, at: Int64(number - 1) * Int64(Layout.page))
    }

    /// Writes page `number` as it stood on disk where it was backed up, if it authenticates there.
    ///
    /// - Parameter page: 4,096 bytes, the trailer among them.
    /// - Throws: `tampered` with the page's number, `unknownEpoch`.
    public func write(sealed page: [UInt8], number: UInt32) throws(EncryptedDatabaseError) {
        guard number >= 1, number <= pageCount, number != Layout.lockPage else {
            throw EncryptedDatabaseError.tampered(page: number)
        }
        _ = try withSealer { sealer throws(EncryptedDatabaseError) in
            try sealer.open(page, number: number)
        }
        try file.write(page, at: Int64(number - 1) * Int64(Layout.page))
    }

    /// Lends a sealer that no other thread has.
    private func withSealer<R>(
        _ body: (PageSealer) throws(EncryptedDatabaseError) -> R
    ) throws(EncryptedDatabaseError) -> R {
        let own =
            idle.withLock { $0.popLast() } ?? Idle(sealer: PageSealer(keys: keys, databaseID: databaseID))
        defer { idle.withLock { $0.append(own) } }
        return try body(own.sealer)
    }

    /// Syncs the file and makes its seal: drained, the counter one above every known one.
    ///
    /// The log's generation goes on from a random number above every known one: elsewhere the same database
    /// may go on from where it was, and a log of its must not fit to this copy.
    ///
    /// - Parameter isKept: false for a copy that is looked at and removed: its pages need not reach the disk.
    public func finish(after known: [DatabaseHistory], isKept: Bool = true) throws {
        let end = Int64(pageCount) * Int64(Layout.page)
        guard try Paths.size(path) == end else {
            throw EncryptedDatabaseError(.tampered, "\(path) is shorter than \(pageCount) pages")
        }
        if isKept { try file.sync() }
        var seal = Seal(databaseID: databaseID)
        seal.state = .drained
        seal.isFinished = true
        seal.pageCount = pageCount
        seal.ringGeneration = keys.ringGeneration
        seal.counter = (known.map(\.counter).max() ?? 0) + 1
        let step = try RandomBytes.bytes(4).reduce(1 as UInt64) { $0 << 8 | UInt64($1) }
        seal.generation = (known.map(\.generation).max() ?? 0) + step
        if isKept {
            let tags = PageTags(path: path + EncryptedDatabase.tagsSuffix, databaseID: databaseID)
            seal.root = try tags.rebuild(
                from: PageTrailers(file: file, pageCount: pageCount), counter: seal.counter)
        }
        let key = try keys.homeKey(purpose: Seal.purpose)
        guard try SealStore.make(seal, at: path + EncryptedDatabase.sealSuffix, key: key) else {
            throw EncryptedDatabaseError(.exists, "there is a seal beside \(path)")
        }
    }
}
