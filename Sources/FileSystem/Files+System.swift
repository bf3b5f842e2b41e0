internal import CSystem
import Glibc

/// Looking at and tidying the file system, by path.
public enum Files {
    /// The whole file; an error (EFBIG) when it is longer than `limit` bytes, which a caller always knows.
    public static func readAll(_ path: String, limit: Int) throws(FileError) -> [UInt8] {
        let file = try File.open(path, .read)
        let size = try file.size()
        guard size <= Int64(limit) else {
            throw FileError(operation: "read", path: path, errno: EFBIG)
        }
        return try file.read(count: Int(size), at: 0)
    }

    /// What lies under `path`, the link itself if it is one; nil for nothing. C: lstat
    public static func status(_ path: String) throws(FileError) -> FileStatus? {
        var raw = stat()
        if lstat(path, &raw) == 0 { return FileStatus(raw) }
        let error = FileError("lstat", path)
        if error.isNotFound { return nil }
        throw error
    }

    /// Whether anything lies under `path`.
    public static func exists(_ path: String) throws(FileError) -> Bool {
        try status(path) != nil
    }

    /// The names in a directory, sorted by their bytes, without `.` and `..`. Names that are not UTF-8
    /// come with U+FFFD: no file of a home has one. C: readdir
    public static func list(_ path: String) throws(FileError) -> [String] {
        guard let directory = opendir(path) else { throw FileError("opendir", path) }
        defer { closedir(directory) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(directory) else {
                if errno != 0 { throw FileError("readdir", path) }
                break
            }
            let name = withUnsafePointer(to: &entry.pointee.d_name) { field in
                field.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// Makes a directory and what is missing above it; one that is there stays as it is. C: mkdir
    public static func createDirectory(
        _ path: String, permissions: UInt16 = 0o700
    ) throws(FileError) {
        if mkdir(path, mode_t(permissions)) == 0 {
            IOTrace.note(.makeDirectory(path: path))
            return
        }
        let error = FileError("mkdir", path)
        if error.isExisting, try status(path)?.kind != .regular { return }
        guard error.isNotFound, let parent = Path.parent(path), parent != path else { throw error }
        try createDirectory(parent, permissions: permissions)
        guard mkdir(path, mode_t(permissions)) == 0 || errno == EEXIST else {
            throw FileError("mkdir", path)
        }
        IOTrace.note(.makeDirectory(path: path))
    }

    /// Sets the permission bits of a file or directory, whatever the umask is. C: chmod
    public static func setPermissions(_ path: String, _ permissions: UInt16) throws(FileError) {
        guard chmod(path, mode_t(permissions)) == 0 else { throw FileError("chmod", path) }
    }

    /// Removes a file, a link or a directory with all in it; nothing there is no error. Links inside
    /// are removed, never followed. Names need not be UTF-8, and paths may be of any length.
    public static func removeTree(_ path: String) throws(FileError) {
        guard let status = try status(path) else { return }
        guard status.kind == .directory else {
            try Durable.remove(path)
            return
        }
        try empty(open(path, treeFlags), path)
        guard rmdir(path) == 0 || errno == ENOENT else { throw FileError("rmdir", path) }
        IOTrace.note(.remove(path: path))
    }

    private static let treeFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC

    /// Removes what is in a directory; takes its descriptor. C: unlinkat
    private static func empty(_ descriptor: Int32, _ path: String) throws(FileError) {
        if descriptor < 0 && errno == ENOENT { return }
        guard descriptor >= 0, let directory = fdopendir(descriptor) else {
            let error = FileError("open", path)
            if descriptor >= 0 { close(descriptor) }
            throw error
        }
        defer { closedir(directory) }
        for name in try rawNames(directory, path) {
            let text = name.dropLast().map { UInt8(bitPattern: $0) }
            let inside = path + "/" + String(decoding: text, as: UTF8.self)
            if unlinkat(descriptor, name, 0) != 0, errno != ENOENT {
                guard errno == EISDIR || errno == EPERM else { throw FileError("unlink", inside) }
                try empty(openat(descriptor, name, treeFlags), inside)
                guard unlinkat(descriptor, name, AT_REMOVEDIR) == 0 || errno == ENOENT else {
                    throw FileError("rmdir", inside)
                }
            }
            IOTrace.note(.remove(path: inside))
        }
    }

    /// The names in a directory as C has them, without `.` and `..`, in the order of their bytes.
    private static func rawNames(_ directory: OpaquePointer, _ path: String) throws(FileError) -> [[CChar]] {
        var names: [[CChar]] = []
        while true {
            errno = 0
            guard let entry = readdir(directory) else {
                if errno != 0 { throw FileError("readdir", path) }
                break
            }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { field in
                field.prefix { $0 != 0 }.map { CChar(bitPattern: $0) }
            }
            if name != [0x2E], name != [0x2E, 0x2E] { names.append(name + [0]) }
        }
        return names.sorted { $0.lexicographicallyPrecedes($1) }
    }
}
