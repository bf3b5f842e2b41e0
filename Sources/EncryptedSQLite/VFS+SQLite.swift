import GRDBSQLite
import Glibc
import Synchronization

/// The VFS "ai-team" over SQLite's own "unix", the process's default from the first use on, so that GRDB
/// opens plain paths through it.
///
/// A file object in SQLite's memory is: method table 8 ‖ our object (unmanaged) 8 ‖ the "unix" file. Files
/// whose kind or path is not known are refused; nothing is ever passed through unencrypted.
enum VFS {
    static let name = "ai-team"
    static let header = 16

    // SAFETY: written once, before `isRegistered` is first true, and only read after; SQLite wants plain C
    // memory.
    nonisolated(unsafe) static var base: UnsafeMutablePointer<sqlite3_vfs>!
    // SAFETY: as above; SQLite keeps the pointer until the process ends.
    private nonisolated(unsafe) static let table = UnsafeMutablePointer<sqlite3_vfs>.allocate(capacity: 1)

    /// Registers the VFS once per process; true when that worked.
    static let isRegistered: Bool = {
        guard sqlite3_initialize() == SQLITE_OK, let unix = sqlite3_vfs_find("unix") else { return false }
        base = unix
        var vfs = unix.pointee
        vfs.iVersion = 3
        vfs.szOsFile = Int32(header) + unix.pointee.szOsFile
        vfs.pNext = nil
        vfs.zName = UnsafePointer(strdup(name))
        vfs.xOpen = { _, name, file, flags, out in VFS.open(name, file, flags, out) }
        vfs.xDelete = { _, name, sync in VFS.delete(name, sync) }
        vfs.xAccess = { _, name, flags, out in VFS.access(name, flags, out) }
        vfs.xFullPathname = { _, name, count, out in
            VFS.base.pointee.xFullPathname(VFS.base, name, count, out)
        }
        vfs.xDlOpen = { _, _ in nil }
        table.initialize(to: vfs)
        return sqlite3_vfs_register(table, 1) == SQLITE_OK
    }()

    /// The "unix" file inside one of ours.
    @inline(__always)
    static func inner(_ file: UnsafeMutablePointer<sqlite3_file>?) -> UnsafeMutablePointer<sqlite3_file>? {
        guard let file else { return nil }
        return (UnsafeMutableRawPointer(file) + header).assumingMemoryBound(to: sqlite3_file.self)
    }

    /// Our object inside a file.
    @inline(__always)
    static func object<T: AnyObject>(_ file: UnsafeMutablePointer<sqlite3_file>?, _: T.Type) -> T? {
        guard let file else { return nil }
        let raw = UnsafeMutableRawPointer(file).load(fromByteOffset: 8, as: UnsafeRawPointer?.self)
        return raw.map { Unmanaged<T>.fromOpaque($0).takeUnretainedValue() }
    }

    static func place(
        _ object: AnyObject, _ methods: UnsafePointer<sqlite3_io_methods>,
        in file: UnsafeMutablePointer<sqlite3_file>
    ) {
        UnsafeMutableRawPointer(file).storeBytes(
            of: Unmanaged.passRetained(object).toOpaque(), toByteOffset: 8, as: UnsafeMutableRawPointer.self
        )
        file.pointee.pMethods = methods
    }

    /// Lets go of our object; SQLite calls nothing on the file afterwards.
    static func close<T: AnyObject>(_ file: UnsafeMutablePointer<sqlite3_file>?, _ type: T.Type) -> Int32 {
        guard let file, let inner = inner(file) else { return SQLITE_OK }
        let result = inner.pointee.pMethods?.pointee.xClose(inner) ?? SQLITE_OK
        let raw = UnsafeMutableRawPointer(file).load(fromByteOffset: 8, as: UnsafeRawPointer?.self)
        if let raw { Unmanaged<T>.fromOpaque(raw).release() }
        file.pointee.pMethods = nil
        return result
    }

    private static func open(
        _ name: UnsafePointer<CChar>?, _ file: UnsafeMutablePointer<sqlite3_file>?, _ flags: Int32,
        _ out: UnsafeMutablePointer<Int32>?
    ) -> Int32 {
        guard let file else { return SQLITE_CANTOPEN }
        UnsafeMutableRawPointer(file).zero(0, header)
        switch flags & 0x000F_FF00 {
        case SQLITE_OPEN_MAIN_DB: return MainFile.open(name, file, flags, out)
        case SQLITE_OPEN_WAL: return WALFile.open(name, file, flags, out)
        case SQLITE_OPEN_MAIN_JOURNAL:
            // Only a database in the making has one; it is as temporary as any other.
            guard let name, database(of: name, suffix: "-journal")?.stage == .creating else {
                return SQLITE_CANTOPEN
            }
            let temporary = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_EXCLUSIVE
            return TemporaryFile.open(
                file, temporary | SQLITE_OPEN_DELETEONCLOSE | SQLITE_OPEN_TEMP_JOURNAL, out)
        case SQLITE_OPEN_TEMP_DB, SQLITE_OPEN_TEMP_JOURNAL, SQLITE_OPEN_TRANSIENT_DB,
            SQLITE_OPEN_SUBJOURNAL:
            guard name == nil else { return SQLITE_CANTOPEN }
            return TemporaryFile.open(file, flags, out)
        default: return SQLITE_CANTOPEN
        }
    }

    /// The registered database whose side file `name` is.
    static func database(of name: UnsafePointer<CChar>, suffix: String) -> RegisteredDatabase? {
        let path = String(cString: name)
        guard path.hasSuffix(suffix) else { return nil }
        return Registry.find(String(path.dropLast(suffix.count)))
    }

    /// SQLite may remove the log when the last connection closes, and the seal then says so first.
    private static func delete(_ name: UnsafePointer<CChar>?, _ sync: Int32) -> Int32 {
        guard let name else { return SQLITE_IOERR_DELETE }
        if let database = database(of: name, suffix: "-journal") {
            return database.stage == .creating ? SQLITE_OK : SQLITE_IOERR_DELETE
        }
        guard let database = database(of: name, suffix: "-wal") else { return SQLITE_IOERR_DELETE }
        guard database.isClosing.load(ordering: .acquiring) else { return SQLITE_IOERR_DELETE }
        do throws(EncryptedDatabaseError) {
            try database.drain()
        } catch {
            return database.report(error)
        }
        Trace.remove(String(cString: name))
        return base.pointee.xDelete(base, name, sync)
    }

    private static func access(
        _ name: UnsafePointer<CChar>?, _ flags: Int32, _ out: UnsafeMutablePointer<Int32>?
    ) -> Int32 {
        if let name, String(cString: name).hasSuffix("-journal") {
            out?.pointee = 0
            return SQLITE_OK
        }
        return base.pointee.xAccess(base, name, flags, out)
    }
}

extension RegisteredDatabase {
    /// Seals that everything acknowledged is in the main file.
    func drain() throws(EncryptedDatabaseError) {
        let pages = UInt32((try Paths.size(path) ?? 0) / Int64(Layout.page))
        try seal.update { seal in
            if seal.state == .drained, seal.pageCount == pages { return false }
            if seal.state == .creating, seal.generation == 0, pages == 0 { return false }
            seal.state = .drained
            seal.pageCount = pages
            seal.floor = 0
            seal.ringGeneration = max(seal.ringGeneration, source.ringGeneration)
            return true
        }
    }
}
