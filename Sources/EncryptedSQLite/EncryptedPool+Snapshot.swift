import GRDB

/// What a look at every page and every record of the log found.
public struct DatabaseVerification: Sendable, Hashable {
    /// Pages looked at, free ones too.
    public let pageCount: UInt32
    /// Records of the log looked at.
    public let frameCount: UInt32
    /// Numbers of the pages that do not authenticate; without a key for its epoch a page can't.
    public let damagedPages: [UInt32]
    /// Numbers of the frames of the log that do not authenticate.
    public let damagedFrames: [UInt32]

    /// Whether nothing was found.
    public var isIntact: Bool { damagedPages.isEmpty && damagedFrames.isEmpty }
}

extension EncryptedPool {
    /// Lends the main file at one commit. Waits at most `milliseconds` for checkpoints of others and for
    /// readers of old states; throws `busy` when they don't finish. Writers are not stopped.
    public func withSnapshot<R>(
        milliseconds: Int = 10_000, _ body: (DatabaseImage) throws -> R
    ) throws -> R {
        let deadline = Clock.deadline(milliseconds: UInt64(max(0, milliseconds)))
        let lock = try ConnectionLocks.snapshot(base: database.lockBase)
        guard try lock.lockExclusive(until: deadline) else { throw EncryptedPool.busy }
        defer { lock.unlock() }
        try database.settleRotation()
        while true {
            let outcome = try pool.writeWithoutTransaction { try $0.checkpointLocked(milliseconds: 1000) }
            if outcome == .complete { break }
            guard Clock.now() < deadline else { throw EncryptedPool.busy }
        }
        return try body(try DatabaseImage(database))
    }

    /// Runs `body` while no backup copies and no checkpoint runs, for who removes what a backup may be
    /// copying. `body` may write. Nil when somebody else held the lock for `milliseconds`.
    public func excludingSnapshots<R>(milliseconds: Int, _ body: () throws -> R) throws -> R? {
        let lock = try ConnectionLocks.snapshot(base: database.lockBase)
        let deadline = Clock.deadline(milliseconds: UInt64(max(0, milliseconds)))
        guard try lock.lockExclusive(until: deadline) else { return nil }
        defer { lock.unlock() }
        return try body()
    }

    /// Authenticates every page of the main file and every record of the log that counts.
    public func verify(milliseconds: Int = 10_000) throws -> DatabaseVerification {
        let deadline = Clock.deadline(milliseconds: UInt64(max(0, milliseconds)))
        let lock = try ConnectionLocks.snapshot(base: database.lockBase)
        guard try lock.lockExclusive(until: deadline) else { throw EncryptedPool.busy }
        defer { lock.unlock() }
        try database.settleRotation()
        let log = try pool.writeWithoutTransaction { try $0.verifyLog(until: deadline) }
        let image = try DatabaseImage(database)
        var damaged: [UInt32] = []
        for index in 0..<image.pageCount where try !image.isIntact(index + 1) { damaged.append(index + 1) }
        return DatabaseVerification(
            pageCount: image.pageCount, frameCount: log.count, damagedPages: damaged,
            damagedFrames: log.damaged)
    }

    static var busy: EncryptedDatabaseError {
        EncryptedDatabaseError(.busy, "the database is in use by others", hint: "try again")
    }
}
