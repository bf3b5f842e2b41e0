import GRDB
import Glibc

/// How far a rotation of pages has come.
public struct PageRotation: Sendable, Hashable {
    /// Pages looked at, and those that the file has.
    public var looked: UInt32 = 0, pageCount: UInt32 = 0
    /// Pages that were encrypted anew.
    public var rotated: UInt32 = 0
    /// Pages that are under another epoch than the current one, once all have been looked at; nil before
    /// that, or when it was stopped.
    public var remaining: UInt32?
}

/// Re-encryption of the pages in place while everybody goes on.
///
/// The plaintext stays as it is, so SQLite need not know: no transaction, nothing in the log, no reader
/// waits. Batch by batch, each under the snapshot lock, so that no checkpoint writes the same pages and no
/// backup copies them.
extension EncryptedPool {
    /// Encrypts every page that is not under the current epoch anew. What was done stays done, whatever
    /// happens: the next call goes on.
    ///
    /// - Parameters:
    ///   - pages: how many there are in a batch, 4,096 at most. Each batch waits for the disk six times, and
    ///     no checkpoint or backup begins meanwhile.
    ///   - milliseconds: how long to wait for a checkpoint or backup before `busy`.
    ///   - goesOn: told after each batch; false stops it.
    public func rotatePages(
        pages: Int = 4096, milliseconds: Int = 10_000, goesOn: (PageRotation) -> Bool = { _ in true }
    ) throws -> PageRotation {
        var state = PageRotation()
        let rotator = PageRotator(database, pages: pages)
        // A process that began its transaction before it heard of the epoch leaves pages for another pass.
        for _ in 0..<8 {
            state.looked = 0
            repeat {
                try withMainFile(milliseconds: milliseconds) {
                    try finishCheckpoint(milliseconds: milliseconds)
                    try rotator.rotateBatch(&state)
                }
                guard goesOn(state) else { return state }
                // Who waits for the lock looks for it twice in a millisecond.
                usleep(2000)
            } while state.looked < state.pageCount
            try withMainFile(milliseconds: milliseconds) { try rotator.removeJournal() }
            // Frames of the log are under the epochs of their writers until it is emptied.
            try checkpoint(empties: true, milliseconds: milliseconds)
            let left = try pageEpochs(milliseconds: milliseconds).reduce(0) { sum, entry in
                entry.key == rotator.epoch ? sum : sum + entry.value
            }
            state.remaining = left
            if left == 0 { break }
        }
        return state
    }

    /// How many pages there are under each epoch.
    public func pageEpochs(milliseconds: Int = 10_000) throws -> [UInt32: UInt32] {
        try withMainFile(milliseconds: milliseconds) {
            var counts: [UInt32: UInt32] = [:]
            try DatabaseImage(database).eachTag { number, tag in
                guard number != PageSealer.lockPage else { return }
                counts[tag.loadUnaligned(as: UInt32.self).bigEndian, default: 0] += 1
            }
            return counts
        }
    }

    /// While a checkpoint is half done, nothing says which pages are the newest. Under the snapshot lock.
    private func finishCheckpoint(milliseconds: Int) throws {
        let deadline = Clock.deadline(milliseconds: UInt64(max(0, milliseconds)))
        while try database.seal.read().hasIntent {
            _ = try pool.writeWithoutTransaction { try $0.checkpointLocked(milliseconds: 1000) }
            guard Clock.now() < deadline else { throw EncryptedPool.busy }
        }
    }

    /// Runs `body` while no checkpoint and no other rotation writes to the main file.
    private func withMainFile<R>(milliseconds: Int, _ body: () throws -> R) throws -> R {
        let lock = try ConnectionLocks.snapshot(base: database.lockBase)
        let deadline = Clock.deadline(milliseconds: UInt64(max(0, milliseconds)))
        guard try lock.lockExclusive(until: deadline) else { throw EncryptedPool.busy }
        defer { lock.unlock() }
        try database.settleRotation()
        return try body()
    }
}
