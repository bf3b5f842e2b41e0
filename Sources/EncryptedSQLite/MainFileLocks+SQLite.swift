import GRDBSQLite
import Glibc

/// The flocks of one connection: a descriptor for each file, since a flock belongs to the open file.
///
/// Order: snapshot, turnstile, gate, seal; who holds the gate never waits for the snapshot. The files are
/// never removed.
final class ConnectionLocks {
    enum Gate { case free, shared, exclusive }

    private let base: String
    private var gateFile: Descriptor?
    private var turnstileFile: Descriptor?
    private(set) var gate = Gate.free
    /// The slots of `-shm` that the connection holds exclusively, a bit each.
    var held: UInt8 = 0
    /// The gate was taken by a checkpointer, which gives it back itself.
    var isCheckpointer = false

    init(base: String) { self.base = base }

    static func snapshot(base: String) throws(EncryptedDatabaseError) -> Descriptor {
        try Descriptor(base + "-snapshot", create: true)
    }

    private func openGate() throws(EncryptedDatabaseError) -> Descriptor {
        if let gateFile { return gateFile }
        let file = try Descriptor(base + "-gate", create: true)
        gateFile = file
        return file
    }

    private func openTurnstile() throws(EncryptedDatabaseError) -> Descriptor {
        if let turnstileFile { return turnstileFile }
        let file = try Descriptor(base + "-turnstile", create: true)
        turnstileFile = file
        return file
    }

    /// A writer's way in: through the turnstile, which a waiting checkpointer closes, and the gate, shared.
    func enter() throws(EncryptedDatabaseError) -> Bool {
        guard gate == .free else { return true }
        let turnstile = try openTurnstile()
        guard try turnstile.lock(LOCK_SH | LOCK_NB) else { return false }
        defer { turnstile.unlock() }
        guard try openGate().lock(LOCK_SH | LOCK_NB) else { return false }
        gate = .shared
        return true
    }

    /// A checkpoint that did not come through the checkpointer may only run when nobody writes.
    func enterExclusive() throws(EncryptedDatabaseError) -> Bool {
        if gate == .exclusive { return true }
        guard gate == .free, try openGate().lock(LOCK_EX | LOCK_NB) else { return false }
        gate = .exclusive
        return true
    }

    /// The checkpointer's way in: closes the turnstile while it waits for the writers inside to finish.
    func close(until deadline: UInt64) throws(EncryptedDatabaseError) -> Bool {
        let turnstile = try openTurnstile()
        guard try turnstile.lockExclusive(until: deadline) else { return false }
        defer { turnstile.unlock() }
        guard try openGate().lockExclusive(until: deadline) else { return false }
        gate = .exclusive
        isCheckpointer = true
        return true
    }

    func leave() {
        gateFile?.unlock()
        gate = .free
        isCheckpointer = false
    }
}

/// SQLite's lock slots in `-shm`.
enum Slot {
    static let write: Int32 = 0, checkpoint: Int32 = 1, recover: Int32 = 2
}

extension MainFile {
    /// Whether this connection rebuilds the index of the log right now.
    var isRecovering: Bool { locks.held & 1 << UInt8(Slot.recover) != 0 }

    func lockShared(_ offset: Int32, _ count: Int32, _ flags: Int32) -> Int32 {
        let mask = UInt8(truncatingIfNeeded: ((1 << count) - 1) << offset)
        if flags & SQLITE_SHM_UNLOCK != 0 {
            let result = methods.xShmLock(inner, offset, count, flags)
            if flags & SQLITE_SHM_EXCLUSIVE != 0 { released(mask) }
            return result
        }
        guard flags & SQLITE_SHM_EXCLUSIVE != 0, offset <= Slot.recover else {
            return methods.xShmLock(inner, offset, count, flags)
        }
        do throws(EncryptedDatabaseError) {
            if offset == Slot.write {
                guard try locks.enter() else { return SQLITE_BUSY }
            } else if offset == Slot.checkpoint, count == 1 {
                guard try locks.enterExclusive() else { return SQLITE_BUSY }
            }
        } catch {
            return database.report(error)
        }
        let result = methods.xShmLock(inner, offset, count, flags)
        guard result == SQLITE_OK else {
            released(0)
            return result
        }
        locks.held |= mask
        guard offset == Slot.write else { return result }
        do throws(EncryptedDatabaseError) {
            try startTransaction()
        } catch {
            _ = methods.xShmLock(inner, offset, count, SQLITE_SHM_UNLOCK | SQLITE_SHM_EXCLUSIVE)
            released(mask)
            return database.report(error)
        }
        return result
    }

    /// With the lock held, so that a transaction which began after a new epoch writes under it.
    private func startTransaction() throws(EncryptedDatabaseError) {
        try database.source.reload()
        writeSerial &+= 1
        isBlinded = false
        epoch = database.source.currentEpoch
    }

    private func released(_ mask: UInt8) {
        locks.held &= ~mask
        if mask & 1 != 0 { isBlinded = false }
        if mask & 2 != 0 { isCheckpointSealed = false }
        if locks.held & 3 == 0, locks.gate != .free, !locks.isCheckpointer { locks.leave() }
    }
}
