import GRDB

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
        try database.requireRoot()
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

    static var busy: EncryptedDatabaseError {
        EncryptedDatabaseError(.busy, "the database is in use by others", hint: "try again")
    }
}
