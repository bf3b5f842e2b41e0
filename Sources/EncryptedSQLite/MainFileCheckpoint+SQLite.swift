import GRDBSQLite

/// What a checkpoint does to the main file beside writing pages.
extension MainFile {
    /// SQLite's counters in `-shm`, in the machine's own byte order.
    private enum Shared {
        /// WalIndexHdr.mxFrame, WalCkptInfo.nBackfill and WalCkptInfo.nBackfillAttempted.
        static let frames = 16, copied = 96, attempted = 128
    }

    /// Whether the log has frames that no checkpoint has copied, as far as this connection has looked.
    var hasFramesToCopy: Bool {
        guard let shared else { return false }
        return shared.load(fromByteOffset: Shared.copied, as: UInt32.self)
            < shared.load(fromByteOffset: Shared.frames, as: UInt32.self)
    }

    /// Before the first main page is written the seal says how many frames may be copied (a log cut below
    /// them is noticed) and which state the pages were of. When that fails, main writes fail for the same
    /// reason; SQLite ignores this call's own result.
    func startCheckpoint() {
        isCheckpointSealed = false
        refusal = nil
        written = PageChanges()
        do throws(EncryptedDatabaseError) {
            try database.source.reload()
            epoch = database.source.currentEpoch
            guard database.stage == .finished, let shared else { return }
            let attempted = shared.load(fromByteOffset: Shared.attempted, as: UInt32.self)
            guard let log else {
                throw EncryptedDatabaseError(.refused, "a checkpoint has no log")
            }
            let frames = max(attempted, try database.seal.read().floor)
            named = try log.lastFrames(upTo: frames)
            try database.beginCheckpoint(frames: frames, pages: Array(named.keys))
            isCheckpointSealed = true
        } catch {
            refusal = error
            _ = database.report(error)
        }
    }

    func sync(_ flags: Int32) -> Int32 {
        Trace.sync(database.path)
        let result = methods.xSync(inner, flags)
        guard result == SQLITE_OK, isCheckpointSealed else { return result }
        do throws(EncryptedDatabaseError) {
            try closeCheckpoint()
            return SQLITE_OK
        } catch {
            return database.report(error)
        }
    }

    /// SQLite syncs the main file only when all of the log is in it. Part of that may be the work of
    /// checkpoints that readers stopped half-way, in this process or another: a page that this one did not
    /// write has to be what the log says.
    private func closeCheckpoint() throws(EncryptedDatabaseError) {
        let count = UInt32(try size() / Int64(Layout.page))
        for (number, frame) in named where number <= count && number != Layout.lockPage {
            guard !written.contains(number) else { continue }
            try takeOver(number, frame: frame)
        }
        try database.closeCheckpoint(written, pageCount: count)
        isCheckpointSealed = false
        written = PageChanges()
        named = [:]
    }

    /// Adds the tag of a page that another checkpoint wrote, if its content is that of the frame.
    private func takeOver(_ number: UInt32, frame: UInt32) throws(EncryptedDatabaseError) {
        guard let wanted = try log?.page(number, frame: frame) else {
            throw EncryptedDatabaseError(.tampered, "frame \(frame) of the log is not of page \(number)")
        }
        var page = [UInt8](repeating: 0, count: Layout.page)
        let offset = Int64(number - 1) * Int64(Layout.page)
        try page.withBytes { bytes throws(EncryptedDatabaseError) in
            guard methods.xRead(inner, bytes, Int32(Layout.page), offset) == SQLITE_OK else {
                throw EncryptedDatabaseError.tampered(page: number)
            }
            let trailer = Array(
                UnsafeRawBufferPointer(start: bytes + Layout.body, count: Layout.trailer))
            guard try open(bytes, number: number) else {
                throw EncryptedDatabaseError.tampered(page: number)
            }
            trailer.withUnsafeBytes { trailer in
                if let start = trailer.baseAddress { written.set(number, trailer: start) }
            }
        }
        guard page == wanted else {
            throw EncryptedDatabaseError.otherState(database.path, pages: [number])
        }
    }
}
