import GRDBSQLite
import Glibc

/// The main database file of one connection: pages are decrypted where SQLite reads them and encrypted
/// through one buffer. Locks of the log are in MainFile+Locks+SQLite.swift.
final class MainFile {
    let database: RegisteredDatabase
    let inner: UnsafeMutablePointer<sqlite3_file>
    let methods: sqlite3_io_methods
    let page: RecordCipher
    let locks: ConnectionLocks
    /// The first region of `-shm`, for the checkpoint's frame count.
    var shared: UnsafeMutableRawPointer?
    /// Counts the write transactions: the log's header is read again once in each.
    var writeSerial: UInt64 = 1
    /// The epoch that new pages are written under, looked up at the start of a transaction or checkpoint.
    var epoch: UInt32
    /// Main pages may be written: the seal knows which frames a checkpoint copies.
    var isCheckpointSealed = false
    /// Why they may not, where a checkpoint could not begin.
    var refusal: EncryptedDatabaseError?
    /// The tags of the pages that the checkpoint under way has written, and the pages that the log names up
    /// to its floor, each with its last frame.
    var written = PageChanges()
    var named: [UInt32: UInt32] = [:]
    /// The log of this connection, once it is open.
    weak var log: WALFile?
    var isBlinded = false
    var isExempt = false
    private let scratch = UnsafeMutableRawPointer.zeroed(Layout.page)
    private var clear: [UInt8] = []
    private var clearEpoch: UInt32 = 0

    init(
        _ database: RegisteredDatabase, _ inner: UnsafeMutablePointer<sqlite3_file>,
        _ methods: sqlite3_io_methods
    ) {
        self.database = database
        self.inner = inner
        self.methods = methods
        page = database.cipher(.page)
        epoch = database.source.currentEpoch
        locks = ConnectionLocks(base: database.lockBase)
    }

    deinit { scratch.deallocate() }

    /// The object behind the main file of a connection; nil when the connection is not ours.
    static func of(_ connection: OpaquePointer) -> MainFile? {
        var file: UnsafeMutablePointer<sqlite3_file>?
        guard sqlite3_file_control(connection, "main", SQLITE_FCNTL_FILE_POINTER, &file) == SQLITE_OK,
            let file, file.pointee.pMethods == MainFile.table
        else { return nil }
        return VFS.object(file, MainFile.self)
    }

    static func open(
        _ name: UnsafePointer<CChar>?, _ file: UnsafeMutablePointer<sqlite3_file>, _ flags: Int32,
        _ out: UnsafeMutablePointer<Int32>?
    ) -> Int32 {
        guard let name, let inner = VFS.inner(file), let database = Registry.find(String(cString: name))
        else {
            return SQLITE_CANTOPEN
        }
        let allowed = database.stage == .creating ? flags : flags & ~SQLITE_OPEN_CREATE
        let result = VFS.base.pointee.xOpen(VFS.base, name, inner, allowed, out)
        guard let methods = inner.pointee.pMethods?.pointee else { return result }
        guard result == SQLITE_OK else {
            _ = methods.xClose(inner)
            return result
        }
        if database.stage == .creating { Trace.open(database.path) }
        let main = MainFile(database, inner, methods)
        do throws(EncryptedDatabaseError) {
            try main.check()
        } catch {
            _ = methods.xClose(inner)
            return database.report(error)
        }
        VFS.place(main, table, in: file)
        return SQLITE_OK
    }

    /// Format, key and size, before SQLite asks anything: an emptied main file would make it delete the log.
    private func check() throws(EncryptedDatabaseError) {
        let size = try self.size()
        if database.stage == .creating, size == 0 { return }
        var bytes = [UInt8](repeating: 0, count: Layout.clear)
        let result = methods.xRead(inner, &bytes, Int32(Layout.clear), 0)
        if size == 0 {
            throw EncryptedDatabaseError(
                .tampered, "\(database.path) is empty", hint: "restore from a backup")
        }
        guard result == SQLITE_OK else { throw EncryptedDatabaseError.tampered(page: 1) }
        try database.check(clearHeader: bytes)
        let seal = try database.seal.read()
        if database.source.ringGeneration < seal.ringGeneration { try database.source.reload() }
        if database.source.ringGeneration < seal.ringGeneration {
            throw EncryptedDatabaseError(
                .rollback, "the key ring is older than the database that it was last used with")
        }
        if seal.state == .drained, Int64(seal.pageCount) * Int64(Layout.page) != size {
            // Another process may have checkpointed or drained between the two looks: look at both again.
            let (laterSeal, laterSize) = (try database.seal.read(), try self.size())
            guard laterSeal != seal || laterSize != size else {
                throw EncryptedDatabaseError(
                    .tampered,
                    "\(database.path) has \(size) bytes, but \(seal.pageCount) pages were sealed",
                    hint: "restore from a backup")
            }
        }
    }

    func size() throws(EncryptedDatabaseError) -> Int64 {
        var size: Int64 = 0
        guard methods.xFileSize(inner, &size) == SQLITE_OK else {
            throw EncryptedDatabaseError(.io, "\(database.path) has no size")
        }
        return size
    }

    @inline(__always)
    func read(_ buffer: UnsafeMutableRawPointer, _ count: Int, _ offset: Int64) -> Int32 {
        if count == Layout.page, offset & 4095 == 0 { return readPage(buffer, offset) }
        return readPart(buffer, count, offset)
    }

    @inline(__always)
    private func readPage(_ buffer: UnsafeMutableRawPointer, _ offset: Int64) -> Int32 {
        let result = methods.xRead(inner, buffer, Int32(Layout.page), offset)
        if result != SQLITE_OK { return shortPage(result, offset) }
        let number = UInt32(truncatingIfNeeded: offset >> 12) &+ 1
        do throws(EncryptedDatabaseError) {
            if try !open(buffer, number: number) {
                try openAgain(buffer, number: number, offset, or: .tampered(page: number))
            }
            return SQLITE_OK
        } catch {
            return database.report(error)
        }
    }

    /// A page that is being encrypted anew may be met half written: it is read again, and where a power cut
    /// tore it, taken from the journal.
    private func openAgain(
        _ buffer: UnsafeMutableRawPointer, number: UInt32, _ offset: Int64, or failure: EncryptedDatabaseError
    ) throws(EncryptedDatabaseError) {
        for _ in 0..<3 {
            usleep(1000)
            guard methods.xRead(inner, buffer, Int32(Layout.page), offset) == SQLITE_OK else {
                throw EncryptedDatabaseError(.io, "\(database.path) can't be read")
            }
            if try open(buffer, number: number) { return }
        }
        guard let page = try database.journaled(number) else { throw failure }
        UnsafeMutableRawBufferPointer(start: buffer, count: Layout.page).copyBytes(from: page)
        guard try open(buffer, number: number) else { throw failure }
    }

    /// Decrypts a page where it stands and makes it what SQLite expects: zeros for the trailer, its own
    /// magic.
    func open(_ buffer: UnsafeMutableRawPointer, number: UInt32) throws(EncryptedDatabaseError) -> Bool {
        let trailer = buffer + Layout.body
        guard trailer.loadUnaligned(fromByteOffset: 44, as: UInt32.self) == 0 else { return false }
        let position = Position(page: number)
        if number == 1 {
            let body = buffer + Layout.clear
            guard
                try page.open(
                    body, Layout.body - Layout.clear, into: body, trailer: trailer, at: position,
                    clear: buffer),
                UnsafeRawPointer(buffer).big32(8) == UnsafeRawPointer(trailer).big32(40)
            else { return false }
            buffer.copyMemory(from: PlainHeader.bytes, byteCount: 16)
        } else {
            guard try page.open(buffer, Layout.body, into: buffer, trailer: trailer, at: position) else {
                return false
            }
        }
        trailer.zero(0, Layout.trailer)
        return true
    }

    /// Past the end is SQLite's business; a part of a page is not a page.
    private func shortPage(_ result: Int32, _ offset: Int64) -> Int32 {
        guard result == SQLITE_IOERR_SHORT_READ else { return result }
        var size: Int64 = 0
        guard methods.xFileSize(inner, &size) == SQLITE_OK, size > offset else { return result }
        return database.report(EncryptedDatabaseError.tampered(page: UInt32(offset >> 12) &+ 1))
    }

    /// SQLite reads 100 bytes before it takes any lock and before it looks at the log; all that it uses of
    /// them is constant here. Anything else is a slice of one page.
    private func readPart(_ buffer: UnsafeMutableRawPointer, _ count: Int, _ offset: Int64) -> Int32 {
        let within = Int(offset & 4095)
        guard count > 0, offset >= 0, within + count <= Layout.page else { return SQLITE_IOERR_READ }
        if offset == 0, count <= PlainHeader.count {
            var size: Int64 = 0
            guard methods.xFileSize(inner, &size) == SQLITE_OK else { return SQLITE_IOERR_FSTAT }
            buffer.zero(0, count)
            guard size > 0 else { return SQLITE_IOERR_SHORT_READ }
            buffer.copyMemory(from: PlainHeader.bytes, byteCount: count)
            return SQLITE_OK
        }
        let result = readPage(scratch, offset - Int64(within))
        if result == SQLITE_OK {
            buffer.copyMemory(from: scratch + within, byteCount: count)
        } else {
            buffer.zero(0, count)
        }
        return result
    }

    @inline(__always)
    func write(_ buffer: UnsafeRawPointer, _ count: Int, _ offset: Int64) -> Int32 {
        do throws(EncryptedDatabaseError) {
            guard count == Layout.page, offset & 4095 == 0 else {
                throw EncryptedDatabaseError(.refused, "\(count) bytes at \(offset) are not a page")
            }
            guard isCheckpointSealed || database.stage == .creating else {
                throw refusal
                    ?? EncryptedDatabaseError(.refused, "only a checkpoint writes to the main file")
            }
            let number = UInt32(truncatingIfNeeded: offset >> 12) &+ 1
            try seal(buffer, number: number, into: scratch)
            if isCheckpointSealed { written.set(number, trailer: scratch + Layout.body) }
        } catch {
            return database.report(error)
        }
        Trace.write(
            database.path, offset, Array(UnsafeRawBufferPointer(start: scratch, count: Layout.page)))
        return methods.xWrite(inner, scratch, Int32(Layout.page), offset)
    }

    /// Encrypts a page of SQLite's into `output`.
    func seal(
        _ buffer: UnsafeRawPointer, number: UInt32, into output: UnsafeMutableRawPointer
    ) throws(EncryptedDatabaseError) {
        guard buffer.isZero(Layout.body..<Layout.page) else {
            throw EncryptedDatabaseError(
                .refused, "page \(number) uses the bytes that hold its nonce and tag")
        }
        let trailer = output + Layout.body
        let position = Position(page: number)
        if number == 1 {
            guard buffer.load(fromByteOffset: 20, as: UInt8.self) == UInt8(Layout.trailer),
                buffer.load(fromByteOffset: 16, as: UInt8.self) == 0x10
            else { throw EncryptedDatabaseError(.refused, "page 1 is that of another kind of database") }
            if clearEpoch != epoch {
                clear = try database.clearHeader(epoch: epoch)
                clearEpoch = epoch
            }
            UnsafeMutableRawBufferPointer(start: output, count: Layout.clear).copyBytes(from: clear)
            try page.seal(
                buffer + Layout.clear, Layout.body - Layout.clear, into: output + Layout.clear,
                trailer: trailer,
                epoch: epoch, at: position, clear: output)
        } else {
            try page.seal(buffer, Layout.body, into: output, trailer: trailer, epoch: epoch, at: position)
        }
        trailer.setBig32(44, 0)
    }
}

/// The first 100 bytes of every database here, as SQLite sees them.
enum PlainHeader {
    static let count = 100
    // SAFETY: written by the initialiser alone and never freed.
    nonisolated(unsafe) static let bytes: UnsafeRawPointer = {
        let memory = UnsafeMutableRawPointer.zeroed(count)
        for (index, byte) in "SQLite format 3".utf8.enumerated() {
            memory.storeBytes(of: byte, toByteOffset: index, as: UInt8.self)
        }
        // Page size 4096, WAL for writing and reading, reserved bytes, the three constant fractions.
        for (index, byte) in [0x10, 0, 2, 2, UInt8(Layout.trailer), 64, 32, 32].enumerated() {
            memory.storeBytes(of: byte, toByteOffset: 16 + index, as: UInt8.self)
        }
        return UnsafeRawPointer(memory)
    }()
}
