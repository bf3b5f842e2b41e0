import GRDBSQLite

extension WALFile {
    // SAFETY: written by the initialiser alone; SQLite keeps pointers to it until the process ends.
    nonisolated(unsafe) static let table: UnsafePointer<sqlite3_io_methods> = {
        let table = UnsafeMutablePointer<sqlite3_io_methods>.allocate(capacity: 1)
        var methods = sqlite3_io_methods()
        methods.iVersion = 1
        methods.xClose = { file in
            let flushed = WALFile.attempt(file) { wal throws(EncryptedDatabaseError) in
                try wal.flush()
                return SQLITE_OK
            }
            let closed = VFS.close(file, WALFile.self)
            return flushed == SQLITE_OK ? closed : flushed
        }
        methods.xRead = { file, buffer, count, offset in
            guard let buffer else { return SQLITE_IOERR_READ }
            return WALFile.attempt(file) { wal throws(EncryptedDatabaseError) in
                try wal.read(buffer, Int(count), offset)
            }
        }
        methods.xWrite = { file, buffer, count, offset in
            guard let buffer else { return SQLITE_IOERR_WRITE }
            return WALFile.attempt(file) { wal throws(EncryptedDatabaseError) in
                try wal.write(buffer, Int(count), offset)
            }
        }
        methods.xTruncate = { file, size in
            WALFile.attempt(file) { wal throws(EncryptedDatabaseError) in try wal.truncate(size) }
        }
        methods.xSync = { file, flags in
            WALFile.attempt(file) { wal throws(EncryptedDatabaseError) in try wal.sync(flags) }
        }
        methods.xFileSize = { file, size in
            WALFile.attempt(file) { wal throws(EncryptedDatabaseError) in
                size?.pointee = try wal.plainSize()
                return SQLITE_OK
            }
        }
        // A log is never locked by itself.
        methods.xLock = { _, _ in SQLITE_OK }
        methods.xUnlock = { _, _ in SQLITE_OK }
        methods.xCheckReservedLock = { _, out in
            out?.pointee = 0
            return SQLITE_OK
        }
        methods.xFileControl = { _, _, _ in SQLITE_NOTFOUND }
        methods.xSectorSize = { file in
            let inner = VFS.inner(file)
            return inner?.pointee.pMethods.pointee.xSectorSize(inner) ?? 4096
        }
        methods.xDeviceCharacteristics = { VFS.characteristics($0) }
        table.initialize(to: methods)
        return UnsafePointer(table)
    }()

    @inline(__always)
    private static func attempt(
        _ file: UnsafeMutablePointer<sqlite3_file>?,
        _ body: (WALFile) throws(EncryptedDatabaseError) -> Int32
    ) -> Int32 {
        guard let wal = VFS.object(file, WALFile.self) else { return SQLITE_IOERR }
        do throws(EncryptedDatabaseError) {
            return try body(wal)
        } catch {
            return wal.database.report(error)
        }
    }
}
