internal import CSystem
internal import Glibc

/// What stands under a name in a directory: the name itself, never what a link points to.
struct OutsideStatus {
    enum Kind { case file, directory, link, special }

    let kind: Kind
    let permissions: UInt16
    let size: Int64
    /// Nanoseconds since 1970: of the content, and of anything at all.
    let modified: Int64
    let changed: Int64
    let identity: Identity
    /// Whether there may be holes.
    let isSparse: Bool

    /// Which file it is, whatever its name.
    struct Identity: Hashable {
        let device: UInt64
        let inode: UInt64
    }

    init(_ raw: stat) {
        switch raw.st_mode & S_IFMT {
        case S_IFREG: kind = .file
        case S_IFDIR: kind = .directory
        case S_IFLNK: kind = .link
        default: kind = .special
        }
        permissions = UInt16(raw.st_mode & 0o7777)
        size = Int64(raw.st_size)
        modified = Self.nanoseconds(raw.st_mtim)
        changed = Self.nanoseconds(raw.st_ctim)
        identity = Identity(device: UInt64(raw.st_dev), inode: UInt64(raw.st_ino))
        isSparse = Int64(raw.st_blocks) &* 512 < size
    }

    /// What a path names, the last step not followed; nil for nothing. C: lstat
    init?(path: [UInt8]) {
        var raw = stat()
        guard lstat(path.terminated, &raw) == 0 else { return nil }
        self.init(raw)
    }

    /// Times beyond the year 2262 become the last moment that fits.
    private static func nanoseconds(_ time: timespec) -> Int64 {
        let (product, overflow) = Int64(time.tv_sec).multipliedReportingOverflow(by: 1_000_000_000)
        if overflow { return time.tv_sec < 0 ? .min : .max }
        let (sum, overflowed) = product.addingReportingOverflow(Int64(time.tv_nsec))
        return overflowed ? .max : sum
    }
}

/// An open directory of the user's, in which names are looked up without its path: no link on the way can be
/// planted, and the path may be longer than the system takes.
final class OutsideDirectory {
    private let stream: OpaquePointer
    private var descriptor: Int32 { dirfd(stream) }

    /// Opens a directory by its path; links on the way to it are followed. C: open, fdopendir
    convenience init(path: [UInt8]) throws(OutsideFailure) {
        try self.init(Glibc.open(path.terminated, O_RDONLY | O_DIRECTORY | O_CLOEXEC))
    }

    private init(_ descriptor: Int32) throws(OutsideFailure) {
        guard descriptor >= 0 else { throw OutsideFailure() }
        guard let stream = fdopendir(descriptor) else {
            let failure = OutsideFailure()
            close(descriptor)
            throw failure
        }
        self.stream = stream
    }

    deinit { closedir(stream) }

    /// Opens one inside. C: openat
    func directory(_ name: OutsideName) throws(OutsideFailure) -> OutsideDirectory {
        let descriptor = name.withCString {
            openat(self.descriptor, $0, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        }
        return try OutsideDirectory(descriptor)
    }

    /// All names but `.` and `..`, in the order of their bytes. C: readdir
    func names() throws(OutsideFailure) -> OutsideNames {
        var names = OutsideNames()
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                if errno != 0 { throw OutsideFailure() }
                break
            }
            names.append(UnsafeRawPointer(entry) + Self.nameOffset)
        }
        names.sort()
        return names
    }

    private static let nameOffset = MemoryLayout<dirent>.offset(of: \dirent.d_name) ?? 19

    /// C: fstatat
    func status(_ name: OutsideName) throws(OutsideFailure) -> OutsideStatus {
        var raw = stat()
        guard name.withCString({ fstatat(descriptor, $0, &raw, AT_SYMLINK_NOFOLLOW) }) == 0 else {
            throw OutsideFailure()
        }
        return OutsideStatus(raw)
    }

    /// Where a link points, at most 4,095 bytes. C: readlinkat
    func destination(_ name: OutsideName) throws(OutsideFailure) -> [UInt8] {
        var count = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: 4096) { buffer, written in
            count = name.withCString { name in
                buffer.withMemoryRebound(to: CChar.self) {
                    readlinkat(descriptor, name, $0.baseAddress!, 4096)
                }
            }
            written = max(0, count)
        }
        if count < 0 { throw OutsideFailure() }
        guard !bytes.isEmpty, bytes.count < 4096 else { throw OutsideFailure(ENAMETOOLONG) }
        return bytes
    }

    /// Opens a file for reading; a pipe that took its name would not block. C: openat
    func file(_ name: OutsideName) throws(OutsideFailure) -> OutsideFile {
        let flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC
        let descriptor = name.withCString { openat(self.descriptor, $0, flags) }
        return try OutsideFile(descriptor)
    }
}

/// What the system said.
struct OutsideFailure: Error, Equatable {
    let code: Int32

    /// From errno.
    init() { code = errno }

    init(_ code: Int32) { self.code = code }

    /// Something else has the name now.
    static let replaced = OutsideFailure(ENOENT)

    /// What became of the file.
    var reason: OutsideNote.Reason {
        switch code {
        case ENOENT, ENOTDIR, ELOOP, ESTALE: .vanished
        default: .unreadable(words)
        }
    }

    /// For people.
    var words: String { String(cString: strerror(code)).lowercased() }
}

extension [UInt8] {
    /// For C: a name and its NUL.
    var terminated: [CChar] { map { CChar(bitPattern: $0) } + [0] }
}
