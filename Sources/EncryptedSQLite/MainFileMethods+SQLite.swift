import GRDBSQLite

extension MainFile {
    // SAFETY: written by the initialiser alone; SQLite keeps pointers to it until the process ends.
    nonisolated(unsafe) static let table: UnsafePointer<sqlite3_io_methods> = {
        let table = UnsafeMutablePointer<sqlite3_io_methods>.allocate(capacity: 1)
        var methods = sqlite3_io_methods()
        // Version 2: shared memory, but no mapped pages.
        methods.iVersion = 2
        methods.xClose = { VFS.close($0, MainFile.self) }
        methods.xRead = { file, buffer, count, offset in
            guard let buffer, let main = VFS.object(file, MainFile.self) else { return SQLITE_IOERR_READ }
            return main.read(buffer, Int(count), offset)
        }
        methods.xWrite = { file, buffer, count, offset in
            guard let buffer, let main = VFS.object(file, MainFile.self) else { return SQLITE_IOERR_WRITE }
            return main.write(buffer, Int(count), offset)
        }
        methods.xTruncate = { VFS.object($0, MainFile.self)?.truncate($1) ?? SQLITE_IOERR_TRUNCATE }
        methods.xSync = { VFS.object($0, MainFile.self)?.sync($1) ?? SQLITE_IOERR_FSYNC }
        methods.xFileSize = { file, size in
            let inner = VFS.inner(file)
            return inner?.pointee.pMethods.pointee.xFileSize(inner, size) ?? SQLITE_IOERR_FSTAT
        }
        methods.xLock = { file, level in
            let inner = VFS.inner(file)
            return inner?.pointee.pMethods.pointee.xLock(inner, level) ?? SQLITE_IOERR_LOCK
        }
        methods.xUnlock = { file, level in
            let inner = VFS.inner(file)
            return inner?.pointee.pMethods.pointee.xUnlock(inner, level) ?? SQLITE_IOERR_UNLOCK
        }
        methods.xCheckReservedLock = { file, out in
            let inner = VFS.inner(file)
            return inner?.pointee.pMethods.pointee.xCheckReservedLock(inner, out)
                ?? SQLITE_IOERR_CHECKRESERVEDLOCK
        }
        methods.xFileControl = { file, operation, argument in
            VFS.object(file, MainFile.self)?.control(operation, argument) ?? SQLITE_ERROR
        }
        methods.xSectorSize = { file in
            let inner = VFS.inner(file)
            return inner?.pointee.pMethods.pointee.xSectorSize(inner) ?? 4096
        }
        methods.xDeviceCharacteristics = { VFS.characteristics($0) }
        methods.xShmMap = { file, region, size, extend, out in
            guard let main = VFS.object(file, MainFile.self) else { return SQLITE_IOERR_SHMMAP }
            let result = main.methods.xShmMap(main.inner, region, size, extend, out)
            if region == 0, result == SQLITE_OK {
                main.shared = out?.pointee.map { UnsafeMutableRawPointer(mutating: $0) }
            }
            return result
        }
        methods.xShmLock = { file, offset, count, flags in
            VFS.object(file, MainFile.self)?.lockShared(offset, count, flags) ?? SQLITE_IOERR_SHMLOCK
        }
        methods.xShmBarrier = { file in
            let inner = VFS.inner(file)
            inner?.pointee.pMethods.pointee.xShmBarrier(inner)
        }
        methods.xShmUnmap = { file, delete in
            guard let main = VFS.object(file, MainFile.self) else { return SQLITE_OK }
            main.shared = nil
            return main.methods.xShmUnmap(main.inner, delete)
        }
        table.initialize(to: methods)
        return UnsafePointer(table)
    }()

    func truncate(_ size: Int64) -> Int32 {
        guard size & 4095 == 0, isCheckpointSealed || database.stage == .creating else {
            return database.report(
                EncryptedDatabaseError(.refused, "only a checkpoint cuts the main file"))
        }
        Trace.truncate(database.path, size)
        return methods.xTruncate(inner, size)
    }

    func control(_ operation: Int32, _ argument: UnsafeMutableRawPointer?) -> Int32 {
        switch operation {
        case SQLITE_FCNTL_CKPT_START:
            startCheckpoint()
            return SQLITE_OK
        case SQLITE_FCNTL_CKPT_DONE:
            page.endTransaction()
            return SQLITE_OK
        case SQLITE_FCNTL_PRAGMA: return Pragmas.answer(self, argument)
        case SQLITE_FCNTL_MMAP_SIZE, SQLITE_FCNTL_POWERSAFE_OVERWRITE, SQLITE_FCNTL_PERSIST_WAL:
            return SQLITE_NOTFOUND
        default: return methods.xFileControl(inner, operation, argument)
        }
    }
}

extension VFS {
    /// What the "unix" VFS says, with powersafe overwrite (else SQLite writes parts of pages) and without
    /// what would save SQLite a sync of the log's header or a log at all.
    static func characteristics(_ file: UnsafeMutablePointer<sqlite3_file>?) -> Int32 {
        let inner = VFS.inner(file)
        let own = inner?.pointee.pMethods.pointee.xDeviceCharacteristics(inner) ?? 0
        let masked = SQLITE_IOCAP_SEQUENTIAL | SQLITE_IOCAP_BATCH_ATOMIC | SQLITE_IOCAP_SAFE_APPEND
        return (own | SQLITE_IOCAP_POWERSAFE_OVERWRITE) & ~masked
    }
}
