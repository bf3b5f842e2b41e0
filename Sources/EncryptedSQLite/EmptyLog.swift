extension RegisteredDatabase {
    /// Gives a drained database a log of one zero byte when it has none.
    ///
    /// GRDB writes to the database on every opening unless it finds a log that is not empty (it makes and
    /// drops a table). One byte is a torn header, which after a drain means an empty log (WALRecovery).
    /// Done under the gate, exclusively: nobody writes to the log or truncates it meanwhile.
    func beginLog() throws(EncryptedDatabaseError) {
        let log = path + "-wal"
        if let size = try Paths.size(log), size > 0 { return }
        let locks = ConnectionLocks(base: lockBase)
        guard try locks.close(until: Clock.deadline(milliseconds: 2000)) else { return }
        defer { locks.leave() }
        if let size = try Paths.size(log), size > 0 { return }
        guard try seal.read().isDrained else { return }
        try Descriptor(log, create: true).write([0], at: 0)
    }
}
