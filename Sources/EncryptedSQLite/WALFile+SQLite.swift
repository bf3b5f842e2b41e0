import GRDBSQLite

/// The log of one connection. SQLite sees its own file of a 32-byte header and frames of 24 + 4096 bytes; the
/// disk holds self-contained records, each bound to generation and frame. docs/FORMAT.md, "WAL".
///
/// A frame's header is kept until its page comes, so that one write carries both; anything else that happens
/// to the file writes it alone first.
final class WALFile {
    /// Sizes on disk: magic, format and generation 16 ‖ trailer 48 ‖ 32 encrypted; generation 8 ‖ trailer
    /// 48 ‖ 24 encrypted; a page like one of the main file, with its page number in the trailer's last 4
    /// bytes.
    static let header = 96, frameHeader = 80, frame = 80 + Layout.page
    /// Sizes as SQLite sees them.
    static let plainHeader = 32, plainFrameHeader = 24, plainFrame = 24 + Layout.page

    let database: RegisteredDatabase
    let main: MainFile
    let path: String
    let inner: UnsafeMutablePointer<sqlite3_file>
    let methods: sqlite3_io_methods
    let headers: RecordCipher
    let frames: RecordCipher
    let pages: RecordCipher
    /// One record on its way in or out.
    let record = UnsafeMutableRawPointer.zeroed(WALFile.frame)
    /// The generation of the log that this connection reads and writes; 0 while it is not known.
    var generation: UInt64 = 0
    private var serial: UInt64 = 0
    private var isSealDue = false
    private var pendingFrame: UInt32 = 0
    private let pending = UnsafeMutableRawPointer.zeroed(WALFile.plainFrameHeader)

    init(
        _ main: MainFile, _ path: String, _ inner: UnsafeMutablePointer<sqlite3_file>,
        _ methods: sqlite3_io_methods
    ) {
        database = main.database
        self.main = main
        self.path = path
        self.inner = inner
        self.methods = methods
        headers = main.database.cipher(.walHeader)
        frames = main.database.cipher(.walFrame)
        pages = main.database.cipher(.walPage)
        main.log = self
    }

    deinit {
        record.deallocate()
        pending.deallocate()
    }

    static func open(
        _ name: UnsafePointer<CChar>?, _ file: UnsafeMutablePointer<sqlite3_file>, _ flags: Int32,
        _ out: UnsafeMutablePointer<Int32>?
    ) -> Int32 {
        guard let name, let inner = VFS.inner(file), let database = VFS.database(of: name, suffix: "-wal"),
            let main = VFS.object(sqlite3_database_file_object(name), MainFile.self),
            main.database === database
        else { return SQLITE_CANTOPEN }
        let result = VFS.base.pointee.xOpen(VFS.base, name, inner, flags, out)
        guard let methods = inner.pointee.pMethods?.pointee else { return result }
        guard result == SQLITE_OK else {
            _ = methods.xClose(inner)
            return result
        }
        Trace.open(database.path + "-wal")
        VFS.place(WALFile(main, database.path + "-wal", inner, methods), table, in: file)
        return SQLITE_OK
    }

    // MARK: Reading

    func read(_ buffer: UnsafeMutableRawPointer, _ count: Int, _ offset: Int64)
        throws(EncryptedDatabaseError) -> Int32
    {
        try flush()
        guard offset >= Int64(WALFile.plainHeader) else {
            guard offset >= 0, Int(offset) + count <= WALFile.plainHeader else { return SQLITE_IOERR_READ }
            return try readHeader(buffer, count, Int(offset))
        }
        let (frame, within) = WALFile.place(offset)
        if within == WALFile.plainFrameHeader, count == Layout.page {
            return try readPage(frame, into: buffer)
        }
        if within == 0, count == WALFile.plainFrame {
            let result = try readPage(frame, into: buffer + WALFile.plainFrameHeader)
            guard result == SQLITE_OK else { return result }
            guard try openFrameHeader(frame, into: buffer),
                UnsafeRawPointer(buffer).big32(0) == UnsafeRawPointer(record).big32(WALFile.frame - 4)
            else { throw damaged(frame) }
            return SQLITE_OK
        }
        guard within + count <= WALFile.plainFrameHeader else { return SQLITE_IOERR_READ }
        var plain = (0 as UInt64, 0 as UInt64, 0 as UInt64)
        let result = methods.xRead(inner, record, Int32(WALFile.frameHeader), WALFile.offset(frame))
        guard result == SQLITE_OK else { return result }
        let isAuthentic = try withUnsafeMutableBytes(of: &plain) { bytes throws(EncryptedDatabaseError) in
            guard let start = bytes.baseAddress, try openFrameHeader(frame, into: start) else {
                return false
            }
            buffer.copyMemory(from: start + within, byteCount: count)
            return true
        }
        guard isAuthentic else { throw damaged(frame) }
        return SQLITE_OK
    }

    private func readHeader(
        _ buffer: UnsafeMutableRawPointer, _ count: Int, _ offset: Int
    ) throws(EncryptedDatabaseError) -> Int32 {
        buffer.zero(0, count)
        guard try diskSize() >= Int64(WALFile.header) else { return SQLITE_IOERR_SHORT_READ }
        guard let plain = try loadHeader() else { throw damagedHeader() }
        UnsafeMutableRawBufferPointer(start: buffer, count: count).copyBytes(
            from: plain[offset..<offset + count])
        return SQLITE_OK
    }

    /// Reads and authenticates the header record; its 32 bytes, and `generation` set, or nil.
    func loadHeader() throws(EncryptedDatabaseError) -> [UInt8]? {
        generation = 0
        let result = methods.xRead(inner, record, Int32(WALFile.header), 0)
        guard result == SQLITE_OK else { return nil }
        let raw = UnsafeRawPointer(record)
        guard raw.big32(0) == 0x4154_574C, raw.load(fromByteOffset: 4, as: UInt8.self) == Layout.format,
            raw.isZero(6..<8), raw.load(fromByteOffset: 5, as: UInt8.self) == Layout.suite,
            raw.isZero(60..<64)
        else { return nil }
        let found = raw.big64(8)
        guard
            try headers.open(
                raw + 64, 32, into: record + 64, trailer: raw + 16, at: Position(generation: found))
        else { return nil }
        generation = found
        return Array(UnsafeRawBufferPointer(start: raw + 64, count: 32))
    }

    /// Reads a whole record into `record` and decrypts its page.
    @inline(__always)
    private func readPage(
        _ frame: UInt32, into buffer: UnsafeMutableRawPointer
    ) throws(EncryptedDatabaseError) -> Int32 {
        let result = methods.xRead(inner, record, Int32(WALFile.frame), WALFile.offset(frame))
        guard result == SQLITE_OK else {
            buffer.zero(0, Layout.page)
            return result
        }
        if UnsafeRawPointer(record).big64(0) != generation { try follow(frame) }
        guard try openPage(frame, into: buffer) else { throw damaged(frame) }
        return SQLITE_OK
    }

    /// The frame is of another generation than the one held: the log was reset since, or the frame is stale.
    private func follow(_ frame: UInt32) throws(EncryptedDatabaseError) {
        guard try loadHeader() != nil else { throw damagedHeader() }
        let result = methods.xRead(inner, record, Int32(WALFile.frame), WALFile.offset(frame))
        guard result == SQLITE_OK, UnsafeRawPointer(record).big64(0) == generation else {
            throw damaged(frame)
        }
    }

    /// Decrypts the page of the record in `record`.
    @inline(__always)
    func openPage(_ frame: UInt32, into buffer: UnsafeMutableRawPointer) throws(EncryptedDatabaseError)
        -> Bool
    {
        let page = UnsafeRawPointer(record) + WALFile.frameHeader
        let trailer = page + Layout.body
        let position = Position(generation: generation, frame: frame, page: trailer.big32(44))
        guard try pages.open(page, Layout.body, into: buffer, trailer: trailer, at: position) else {
            return false
        }
        buffer.zero(Layout.body, Layout.trailer)
        return true
    }

    /// Decrypts the frame header of the record in `record`.
    func openFrameHeader(
        _ frame: UInt32, into buffer: UnsafeMutableRawPointer
    ) throws(EncryptedDatabaseError) -> Bool {
        if UnsafeRawPointer(record).big64(0) != generation {
            let kept = Array(UnsafeRawBufferPointer(start: record, count: WALFile.frameHeader))
            guard try loadHeader() != nil else { throw damagedHeader() }
            UnsafeMutableRawBufferPointer(start: record, count: kept.count).copyBytes(from: kept)
        }
        let raw = UnsafeRawPointer(record)
        guard raw.big64(0) == generation, raw.isZero(52..<56) else { return false }
        let position = Position(generation: generation, frame: frame)
        return try frames.open(
            raw + 56, WALFile.plainFrameHeader, into: buffer, trailer: raw + 8, at: position)
    }

    // MARK: Writing

    func write(_ buffer: UnsafeRawPointer, _ count: Int, _ offset: Int64) throws(EncryptedDatabaseError)
        -> Int32
    {
        if offset == 0, count == WALFile.plainHeader { return try writeHeader(buffer) }
        guard offset >= Int64(WALFile.plainHeader) else { throw odd(count, offset) }
        let (frame, within) = WALFile.place(offset)
        if within == 0, count == WALFile.plainFrameHeader {
            try flush()
            try prepareWrite()
            try checkBlinding(buffer)
            pending.copyMemory(from: buffer, byteCount: count)
            pendingFrame = frame
            return SQLITE_OK
        }
        guard within == WALFile.plainFrameHeader, count == Layout.page else { throw odd(count, offset) }
        guard pendingFrame == frame else { return try rewritePage(frame, buffer) }
        pendingFrame = 0
        try sealFrameHeader(frame)
        try sealPage(frame, buffer, number: UnsafeRawPointer(pending).big32(0))
        return put(WALFile.frame, from: record, at: WALFile.offset(frame))
    }

    /// A new generation: what is in the log must be in the main file by now, and the seal says so first.
    private func writeHeader(_ buffer: UnsafeRawPointer) throws(EncryptedDatabaseError) -> Int32 {
        pendingFrame = 0
        generation = 0
        try database.drain()
        let next = try database.seal.read().generation + 1
        record.zero(0, WALFile.header)
        record.setBig32(0, 0x4154_574C)
        record.storeBytes(of: Layout.format, toByteOffset: 4, as: UInt8.self)
        record.storeBytes(of: Layout.suite, toByteOffset: 5, as: UInt8.self)
        record.setBig64(8, next)
        try headers.seal(
            buffer, WALFile.plainHeader, into: record + 64, trailer: record + 16, epoch: main.epoch,
            at: Position(generation: next))
        let result = put(WALFile.header, from: record, at: 0)
        guard result == SQLITE_OK else { return result }
        generation = next
        serial = main.writeSerial
        isSealDue = true
        return SQLITE_OK
    }

    /// Once in a write transaction the header is read again; no frame is written before the seal is open.
    private func prepareWrite() throws(EncryptedDatabaseError) {
        if serial != main.writeSerial || generation == 0 {
            guard try loadHeader() != nil else { throw damagedHeader() }
            serial = main.writeSerial
        }
        if isSealDue {
            guard try sync(SQLITE_SYNC_NORMAL) == SQLITE_OK else {
                throw EncryptedDatabaseError(.io, "\(path) can't be synced")
            }
        }
    }

    /// A commit frame (its database size is not 0) needs 16 random bytes in the transaction.
    private func checkBlinding(_ header: UnsafeRawPointer) throws(EncryptedDatabaseError) {
        guard database.requiresBlinding, !main.isBlinded, !main.isExempt, header.big32(4) != 0 else {
            return
        }
        throw EncryptedDatabaseError(
            .unblinded, "a transaction wrote no random bytes",
            hint: "write EncryptedDatabase.blind or SQL blind() into a row of the transaction")
    }

    private func sealFrameHeader(_ frame: UInt32) throws(EncryptedDatabaseError) {
        record.setBig64(0, generation)
        let position = Position(generation: generation, frame: frame)
        try frames.seal(
            pending, WALFile.plainFrameHeader, into: record + 56, trailer: record + 8, epoch: main.epoch,
            at: position)
        record.setBig32(52, 0)
    }

    private func sealPage(
        _ frame: UInt32, _ buffer: UnsafeRawPointer, number: UInt32
    ) throws(EncryptedDatabaseError) {
        guard buffer.isZero(Layout.body..<Layout.page) else {
            throw EncryptedDatabaseError(
                .refused, "page \(number) uses the bytes that hold its nonce and tag")
        }
        let page = record + WALFile.frameHeader
        let trailer = page + Layout.body
        let position = Position(generation: generation, frame: frame, page: number)
        try pages.seal(buffer, Layout.body, into: page, trailer: trailer, epoch: main.epoch, at: position)
        trailer.setBig32(44, number)
    }

    /// A page that is overwritten alone, in the frame that a spill of the same transaction wrote before.
    private func rewritePage(_ frame: UInt32, _ buffer: UnsafeRawPointer) throws(EncryptedDatabaseError)
        -> Int32
    {
        try flush()
        try prepareWrite()
        let result = methods.xRead(inner, record, Int32(WALFile.frameHeader), WALFile.offset(frame))
        guard result == SQLITE_OK, try openFrameHeader(frame, into: pending) else { throw damaged(frame) }
        try sealPage(frame, buffer, number: UnsafeRawPointer(pending).big32(0))
        let place = WALFile.offset(frame) + Int64(WALFile.frameHeader)
        return put(Layout.page, from: record + WALFile.frameHeader, at: place)
    }

    /// Writes a header whose page has not come.
    func flush() throws(EncryptedDatabaseError) {
        guard pendingFrame != 0 else { return }
        let frame = pendingFrame
        pendingFrame = 0
        try sealFrameHeader(frame)
        guard put(WALFile.frameHeader, from: record, at: WALFile.offset(frame)) == SQLITE_OK else {
            throw EncryptedDatabaseError(.io, "\(path) can't be written")
        }
    }

    private func put(_ count: Int, from bytes: UnsafeRawPointer, at offset: Int64) -> Int32 {
        Trace.write(path, offset, Array(UnsafeRawBufferPointer(start: bytes, count: count)))
        return methods.xWrite(inner, bytes, Int32(count), offset)
    }

    func sync(_ flags: Int32) throws(EncryptedDatabaseError) -> Int32 {
        try flush()
        Trace.sync(path)
        let result = methods.xSync(inner, flags)
        guard result == SQLITE_OK else { return result }
        pages.endTransaction()
        frames.endTransaction()
        if isSealDue {
            let generation = self.generation
            try database.seal.update { seal in
                seal.state = .open
                seal.generation = generation
                seal.floor = 0
                seal.ringGeneration = max(seal.ringGeneration, database.source.ringGeneration)
                return true
            }
            isSealDue = false
        }
        return SQLITE_OK
    }

    func truncate(_ size: Int64) throws(EncryptedDatabaseError) -> Int32 {
        try flush()
        if size == 0 {
            try database.drain()
            generation = 0
            isSealDue = false
        }
        let disk = size == 0 ? 0 : WALFile.offset(WALFile.place(size + Int64(WALFile.plainFrame) - 1).frame)
        Trace.truncate(path, disk)
        return methods.xTruncate(inner, disk)
    }

    func diskSize() throws(EncryptedDatabaseError) -> Int64 {
        var size: Int64 = 0
        guard methods.xFileSize(inner, &size) == SQLITE_OK else {
            throw EncryptedDatabaseError(.io, "\(path) has no size")
        }
        return size
    }

    func plainSize() throws(EncryptedDatabaseError) -> Int64 {
        try flush()
        if main.isRecovering { return try recoveredSize() }
        let size = try diskSize()
        guard size >= Int64(WALFile.header) else { return 0 }
        return WALFile.plain(frames: (size - Int64(WALFile.header)) / Int64(WALFile.frame))
    }

    // MARK: Places and errors

    /// The frame, counted from 1, and the place in it of an offset that SQLite names.
    @inline(__always)
    static func place(_ offset: Int64) -> (frame: UInt32, within: Int) {
        let (quotient, rest) = (offset - Int64(plainHeader)).quotientAndRemainder(
            dividingBy: Int64(plainFrame))
        return (UInt32(truncatingIfNeeded: quotient) &+ 1, Int(rest))
    }

    /// Where a frame's record stands on disk.
    @inline(__always)
    static func offset(_ frame: UInt32) -> Int64 { Int64(header) + Int64(frame - 1) * Int64(WALFile.frame) }

    static func plain(frames: Int64) -> Int64 { Int64(plainHeader) + frames * Int64(plainFrame) }

    func damaged(_ frame: UInt32) -> EncryptedDatabaseError {
        EncryptedDatabaseError(
            .tampered, "frame \(frame) of \(path) does not authenticate", hint: "restore from a backup")
    }

    func damagedHeader() -> EncryptedDatabaseError {
        EncryptedDatabaseError(
            .tampered, "the header of \(path) does not authenticate", hint: "restore from a backup")
    }

    private func odd(_ count: Int, _ offset: Int64) -> EncryptedDatabaseError {
        EncryptedDatabaseError(.refused, "\(count) bytes at \(offset) are no part of a log")
    }
}
