import Cryptography
import GRDBSQLite

/// A temporary file or statement journal: never plaintext, under a random key of its own that dies with it.
///
/// SQLite writes any number of bytes anywhere, so the file is cut into blocks of 4096 bytes, each stored with
/// nonce and tag and bound to its number. One block is kept in memory and written when another is wanted.
final class TemporaryFile {
    private static let plain = 4096, stored = 4096 + 40

    private let inner: UnsafeMutablePointer<sqlite3_file>
    private let methods: sqlite3_io_methods
    private let cipher: XAES256GCM
    private var nonces = NoncePool()
    private let block = UnsafeMutableRawPointer.zeroed(TemporaryFile.plain)
    private let buffer = UnsafeMutableRawPointer.zeroed(TemporaryFile.stored)
    private var index: Int64 = -1
    private var isDirty = false
    private(set) var size: Int64 = 0

    private init(_ inner: UnsafeMutablePointer<sqlite3_file>, _ methods: sqlite3_io_methods)
        throws(CryptoError)
    {
        self.inner = inner
        self.methods = methods
        cipher = try XAES256GCM(key: SecretBytes.random(count: 32))
    }

    deinit {
        block.zero(0, TemporaryFile.plain)
        block.deallocate()
        buffer.deallocate()
    }

    static func open(
        _ file: UnsafeMutablePointer<sqlite3_file>, _ flags: Int32, _ out: UnsafeMutablePointer<Int32>?
    ) -> Int32 {
        guard let inner = VFS.inner(file) else { return SQLITE_CANTOPEN }
        let result = VFS.base.pointee.xOpen(VFS.base, nil, inner, flags, out)
        guard let methods = inner.pointee.pMethods?.pointee else { return result }
        guard result == SQLITE_OK else {
            _ = methods.xClose(inner)
            return result
        }
        do {
            VFS.place(try TemporaryFile(inner, methods), table, in: file)
            return SQLITE_OK
        } catch {
            _ = methods.xClose(inner)
            return SQLITE_CANTOPEN
        }
    }

    func read(_ output: UnsafeMutableRawPointer, _ count: Int, _ offset: Int64) -> Int32 {
        let available = Int(max(0, min(Int64(count), size - offset)))
        output.zero(available, count - available)
        var done = 0
        while done < available {
            let place = offset + Int64(done)
            let within = Int(place % Int64(TemporaryFile.plain))
            let part = min(available - done, TemporaryFile.plain - within)
            guard load(place / Int64(TemporaryFile.plain)) else { return SQLITE_IOERR_READ }
            (output + done).copyMemory(from: block + within, byteCount: part)
            done += part
        }
        return available < count ? SQLITE_IOERR_SHORT_READ : SQLITE_OK
    }

    func write(_ input: UnsafeRawPointer, _ count: Int, _ offset: Int64) -> Int32 {
        var done = 0
        while done < count {
            let place = offset + Int64(done)
            let within = Int(place % Int64(TemporaryFile.plain))
            let part = min(count - done, TemporaryFile.plain - within)
            guard load(place / Int64(TemporaryFile.plain)) else { return SQLITE_IOERR_WRITE }
            (block + within).copyMemory(from: input + done, byteCount: part)
            isDirty = true
            done += part
            size = max(size, offset + Int64(done))
        }
        return SQLITE_OK
    }

    func truncate(_ count: Int64) -> Int32 {
        guard count < size else { return SQLITE_OK }
        // Bytes past the end read as zeros when the file grows again.
        let last = count / Int64(TemporaryFile.plain)
        guard load(last) else { return SQLITE_IOERR_TRUNCATE }
        let within = Int(count % Int64(TemporaryFile.plain))
        block.zero(within, TemporaryFile.plain - within)
        isDirty = true
        size = count
        guard store() else { return SQLITE_IOERR_TRUNCATE }
        return methods.xTruncate(inner, (last + 1) * Int64(TemporaryFile.stored))
    }

    /// Makes `wanted` the block in memory; a hole is zeros.
    private func load(_ wanted: Int64) -> Bool {
        if wanted == index { return true }
        guard store() else { return false }
        index = -1
        let result = methods.xRead(
            inner, buffer, Int32(TemporaryFile.stored), wanted * Int64(TemporaryFile.stored))
        if result == SQLITE_IOERR_SHORT_READ || UnsafeRawPointer(buffer).isZero(0..<40) {
            block.zero(0, TemporaryFile.plain)
        } else {
            guard result == SQLITE_OK, crypt(wanted, isSealing: false) else { return false }
        }
        index = wanted
        return true
    }

    private func store() -> Bool {
        guard isDirty else { return true }
        guard crypt(index, isSealing: true) else { return false }
        isDirty = false
        return methods.xWrite(
            inner, buffer, Int32(TemporaryFile.stored), index * Int64(TemporaryFile.stored)) == SQLITE_OK
    }

    /// Between `block` and `buffer`, which is nonce 24 ‖ tag 16 ‖ ciphertext.
    private func crypt(_ number: Int64, isSealing: Bool) -> Bool {
        let nonce = UnsafeMutableRawBufferPointer(start: buffer, count: 24)
        let tag = UnsafeMutableRawBufferPointer(start: buffer + 24, count: 16)
        let sealed = UnsafeMutableRawBufferPointer(start: buffer + 40, count: TemporaryFile.plain)
        let plain = UnsafeMutableRawBufferPointer(start: block, count: TemporaryFile.plain)
        do {
            try withUnsafeBytes(of: number.bigEndian) { aad throws(CryptoError) in
                if isSealing {
                    try nonces.next(into: nonce)
                    try cipher.seal(
                        UnsafeRawBufferPointer(plain), into: sealed, nonce: UnsafeRawBufferPointer(nonce),
                        aad: aad, tag: tag)
                } else {
                    try cipher.open(
                        UnsafeRawBufferPointer(sealed), into: plain, nonce: UnsafeRawBufferPointer(nonce),
                        aad: aad, tag: UnsafeRawBufferPointer(tag))
                }
            }
            return true
        } catch {
            return false
        }
    }

    // SAFETY: written by the initialiser alone; SQLite keeps pointers to it until the process ends.
    private nonisolated(unsafe) static let table: UnsafePointer<sqlite3_io_methods> = {
        let table = UnsafeMutablePointer<sqlite3_io_methods>.allocate(capacity: 1)
        var methods = sqlite3_io_methods()
        methods.iVersion = 1
        methods.xClose = { VFS.close($0, TemporaryFile.self) }
        methods.xRead = { file, buffer, count, offset in
            guard let buffer, let own = VFS.object(file, TemporaryFile.self) else {
                return SQLITE_IOERR_READ
            }
            return own.read(buffer, Int(count), offset)
        }
        methods.xWrite = { file, buffer, count, offset in
            guard let buffer, let own = VFS.object(file, TemporaryFile.self) else {
                return SQLITE_IOERR_WRITE
            }
            return own.write(buffer, Int(count), offset)
        }
        methods.xTruncate = { VFS.object($0, TemporaryFile.self)?.truncate($1) ?? SQLITE_IOERR_TRUNCATE }
        methods.xSync = { _, _ in SQLITE_OK }
        methods.xFileSize = { file, out in
            out?.pointee = VFS.object(file, TemporaryFile.self)?.size ?? 0
            return SQLITE_OK
        }
        methods.xLock = { _, _ in SQLITE_OK }
        methods.xUnlock = { _, _ in SQLITE_OK }
        methods.xCheckReservedLock = { _, out in
            out?.pointee = 0
            return SQLITE_OK
        }
        methods.xFileControl = { _, _, _ in SQLITE_NOTFOUND }
        methods.xSectorSize = { _ in 4096 }
        methods.xDeviceCharacteristics = { _ in SQLITE_IOCAP_POWERSAFE_OVERWRITE }
        table.initialize(to: methods)
        return UnsafePointer(table)
    }()
}
