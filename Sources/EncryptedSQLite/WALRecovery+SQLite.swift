import GRDBSQLite

/// What of a log counts when SQLite rebuilds its index after a crash, decided before it reads a frame: the
/// size that it is told ends with the last commit that is whole. encrypted-database.md 5.3: torn or tampered.
extension WALFile {
    /// SQLite's running checksum.
    private struct Checksum: Equatable {
        var first: UInt32
        var second: UInt32
        let isBigEndian: Bool

        mutating func add(_ bytes: UnsafeRawPointer, _ count: Int) {
            for offset in stride(from: 0, to: count, by: 8) {
                first = first &+ word(bytes, offset) &+ second
                second = second &+ word(bytes, offset + 4) &+ first
            }
        }

        @inline(__always)
        private func word(_ bytes: UnsafeRawPointer, _ offset: Int) -> UInt32 {
            let word = bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
            return isBigEndian ? UInt32(bigEndian: word) : UInt32(littleEndian: word)
        }
    }

    /// A frame that authenticates.
    struct Frame {
        let isCommit: Bool
        let salt: UInt64
        let stored: (UInt32, UInt32)
    }

    /// The size of the log as SQLite may see it.
    func recoveredSize() throws(EncryptedDatabaseError) -> Int64 {
        let seal = try database.seal.read()
        let size = try diskSize()
        let count = UInt32(max(0, size - Int64(WALFile.header)) / Int64(WALFile.frame))
        if seal.isDrained {
            return try drainedSize(seal, size >= Int64(WALFile.header) ? try drainedHeader() : nil, count)
        }
        let header = size >= Int64(WALFile.header) ? try loadHeader() : nil
        let floor = seal.floor
        guard size >= Int64(WALFile.header) else {
            let error = EncryptedDatabaseError(
                .rollback, "the log \(path) is gone, and with it transactions that were acknowledged",
                hint: "put the -wal file back, or restore from a backup")
            return try refuse(error, kept: 0, of: 0, floor: floor)
        }
        guard let header else { return try refuse(damagedHeader(), kept: 0, of: count, floor: floor) }
        guard generation == seal.generation else {
            let error = EncryptedDatabaseError(
                .rollback,
                "the log \(path) is of generation \(generation), the database of \(seal.generation)",
                hint: "put the right -wal file back, or restore from a backup")
            return try refuse(error, kept: 0, of: count, floor: floor)
        }
        return try scan(header, count, floor: floor)
    }

    /// The log is not what was acknowledged. That is an error, unless the doctor was told to cut it.
    /// - Returns: the size of what is kept.
    private func refuse(
        _ error: EncryptedDatabaseError, kept: UInt32, of count: UInt32, lost: UInt32 = 0, floor: UInt32
    ) throws(EncryptedDatabaseError) -> Int64 {
        let damage = LogDamage(
            reason: error.message, frames: count, keptFrames: kept, lostTransactions: lost,
            canBeCut: kept >= floor)
        database.judge.note(damage)
        guard database.judge.cuts, damage.canBeCut else { throw error }
        return kept > 0 ? WALFile.plain(frames: Int64(kept)) : 0
    }

    /// After a drain everything is in the main file: the drained log itself and the beginning of the next
    /// one, torn or not, are empty; anything else was put there.
    private func drainedSize(
        _ seal: Seal, _ header: [UInt8]?, _ count: UInt32
    ) throws(EncryptedDatabaseError) -> Int64 {
        guard header != nil, generation != seal.generation else { return 0 }
        let plain = UnsafeMutableRawPointer.zeroed(WALFile.plainFrame)
        defer { plain.deallocate() }
        if generation == seal.generation + 1, try load(1, into: plain) == nil { return 0 }
        let error = EncryptedDatabaseError(
            .rollback, "the log \(path) does not belong to the database beside it",
            hint: "remove the -wal file only if you know where it came from")
        return try refuse(error, kept: 0, of: count, floor: 0)
    }

    /// The header of a log that holds nothing any more: one that can't be read is a torn one, whatever epoch
    /// its bytes seem to name.
    private func drainedHeader() throws(EncryptedDatabaseError) -> [UInt8]? {
        do throws(EncryptedDatabaseError) {
            return try loadHeader()
        } catch {
            guard error.code == .unknownEpoch else { throw error }
            return nil
        }
    }

    private func scan(_ header: [UInt8], _ count: UInt32, floor: UInt32) throws(EncryptedDatabaseError)
        -> Int64
    {
        let plain = UnsafeMutableRawPointer.zeroed(WALFile.plainFrame)
        defer { plain.deallocate() }
        let (salt, start) = header.withUnsafeBytes { bytes in
            (bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self), (word(bytes, 24), word(bytes, 28)))
        }
        var running = Checksum(first: start.0, second: start.1, isBigEndian: header[3] & 1 == 1)
        let isBigEndian = running.isBigEndian
        var end: UInt32 = 1
        var committed: UInt32 = 0
        while end <= count, let frame = try load(end, into: plain), frame.salt == salt {
            running.add(plain, 8)
            running.add(plain + WALFile.plainFrameHeader, Layout.page)
            guard frame.stored == (running.first, running.second) else { break }
            if frame.isCommit { committed = end }
            end += 1
        }
        guard committed >= floor else {
            let error = EncryptedDatabaseError(
                .tampered, "the log \(path) ends at frame \(committed), but \(floor) were checkpointed",
                hint: "restore from a backup")
            return try refuse(error, kept: committed, of: count, floor: floor)
        }
        if end < count {
            let lost = try lookAhead(from: end, to: count, isBigEndian, plain)
            if lost > 0 {
                return try refuse(damaged(end), kept: committed, of: count, lost: lost, floor: floor)
            }
        }
        return WALFile.plain(frames: Int64(committed))
    }

    /// A commit that a later transaction continues had been acknowledged: damage before it is no torn tail.
    /// - Returns: how many transactions authenticate there, 0 when none had surely been acknowledged.
    private func lookAhead(
        from end: UInt32, to count: UInt32, _ isBigEndian: Bool, _ plain: UnsafeMutableRawPointer
    ) throws(EncryptedDatabaseError) -> UInt32 {
        var commit: (UInt32, UInt32)?
        var commits: UInt32 = 0
        var wasAcknowledged = false
        for number in end...count {
            guard let frame = try load(number, into: plain) else {
                commit = nil
                continue
            }
            if let commit {
                var running = Checksum(first: commit.0, second: commit.1, isBigEndian: isBigEndian)
                running.add(plain, 8)
                running.add(plain + WALFile.plainFrameHeader, Layout.page)
                wasAcknowledged = wasAcknowledged || frame.stored == (running.first, running.second)
            }
            commit = frame.isCommit ? frame.stored : nil
            if frame.isCommit { commits += 1 }
        }
        return wasAcknowledged ? commits : 0
    }

    /// Reads and authenticates one frame whole; nil when it is damaged or of another generation.
    func load(
        _ number: UInt32, into plain: UnsafeMutableRawPointer
    ) throws(EncryptedDatabaseError) -> Frame? {
        let result = methods.xRead(inner, record, Int32(WALFile.frame), WALFile.offset(number))
        if result == SQLITE_IOERR_SHORT_READ { return nil }
        guard result == SQLITE_OK else { throw EncryptedDatabaseError(.io, "\(path) can't be read") }
        guard UnsafeRawPointer(record).big64(0) == generation, try openFrame(number, into: plain) else {
            return nil
        }
        let raw = UnsafeRawPointer(plain)
        guard raw.big32(0) == UnsafeRawPointer(record).big32(WALFile.frame - 4) else { return nil }
        return Frame(
            isCommit: raw.big32(4) != 0, salt: raw.loadUnaligned(fromByteOffset: 8, as: UInt64.self),
            stored: (raw.big32(16), raw.big32(20)))
    }

    /// Authenticates the record in `record`. Its two trailers name the epoch twice: only when they agree was
    /// it written under one that the ring does not know; else the bytes are torn or changed.
    private func openFrame(
        _ number: UInt32, into plain: UnsafeMutableRawPointer
    ) throws(EncryptedDatabaseError) -> Bool {
        let epoch = UnsafeRawPointer(record).big32(48)
        let isConsistent = epoch == UnsafeRawPointer(record).big32(WALFile.frame - 8)
        do throws(EncryptedDatabaseError) {
            guard try openFrameHeader(number, into: plain) else { return false }
            return try openPage(number, into: plain + WALFile.plainFrameHeader)
        } catch {
            guard error.code == .unknownEpoch, !isConsistent else { throw error }
            return false
        }
    }

    private func word(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> UInt32 {
        UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }

    /// Checks every record of the log, for the doctor; the numbers of those that are damaged, up to the last
    /// frame that SQLite's index counts.
    func verify(upTo last: UInt32) throws(EncryptedDatabaseError) -> [UInt32] {
        guard last > 0 else { return [] }
        guard try loadHeader() != nil else { throw damagedHeader() }
        let plain = UnsafeMutableRawPointer.zeroed(WALFile.plainFrame)
        defer { plain.deallocate() }
        var damaged: [UInt32] = []
        for number in 1...last where try load(number, into: plain) == nil { damaged.append(number) }
        return damaged
    }
}
