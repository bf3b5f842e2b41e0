internal import CSystem
internal import Glibc

/// Files of the user, whose names are bytes and need not be UTF-8.
enum RawFiles {
    struct Entry {
        let name: [UInt8]
        let isDirectory: Bool
        let isRegular: Bool
    }

    /// The entries of a directory but `.` and `..`, sorted by name. Links count as neither directory nor
    /// file.
    static func list(_ path: [UInt8]) throws -> [Entry] {
        guard let directory = opendir(text(path)) else { throw failure("open", path) }
        defer { closedir(directory) }
        var entries: [Entry] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
            if name == [0x2E] || name == [0x2E, 0x2E] { continue }
            let mode = try self.mode(path + [0x2F] + name, follow: false) ?? 0
            entries.append(
                Entry(
                    name: name, isDirectory: mode & S_IFMT == S_IFDIR, isRegular: mode & S_IFMT == S_IFREG))
        }
        return entries.sorted { $0.name.lexicographicallyPrecedes($1.name) }
    }

    /// The type and permissions; nil when nothing is there.
    static func mode(_ path: [UInt8], follow: Bool = true) throws -> mode_t? {
        var status = stat()
        let result = follow ? stat(text(path), &status) : lstat(text(path), &status)
        if result == 0 { return status.st_mode }
        if errno == ENOENT || errno == ENOTDIR { return nil }
        throw failure("look at", path)
    }

    /// What changes with a file's content, as long as nobody hides that; nil when no regular file is there.
    static func mark(_ path: [UInt8]) throws -> FileMark? {
        var status = stat()
        guard lstat(text(path), &status) == 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw failure("look at", path)
        }
        guard status.st_mode & S_IFMT == S_IFREG else { return nil }
        return FileMark(
            size: Int64(status.st_size), inode: UInt64(status.st_ino),
            modified: Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec))
    }

    static func isDirectory(_ path: [UInt8]) throws -> Bool {
        try mode(path).map { $0 & S_IFMT == S_IFDIR } ?? false
    }

    fileprivate static func text(_ path: [UInt8]) -> [CChar] { path.map { CChar(bitPattern: $0) } + [0] }

    static func failure(_ action: String, _ path: [UInt8]) -> VaultError {
        let code: VaultError.Code = errno == ENOENT ? .notFound : .failed
        return VaultError(
            code,
            "can't \(action) '\(String(decoding: path, as: UTF8.self))': \(String(cString: strerror(errno)))")
    }

    /// Writes a new file of mode 0600, its directories made as needed; never through a link at the last step.
    static func write(
        _ path: [UInt8], _ content: (_ emit: (UnsafeRawBufferPointer) throws -> Void) throws -> Void
    ) throws {
        let descriptor = open(text(path), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure("create", path) }
        defer { close(descriptor) }
        try content { bytes in
            var done = 0
            while done < bytes.count {
                let n = Glibc.write(descriptor, bytes.baseAddress! + done, bytes.count - done)
                if n < 0 && errno == EINTR { continue }
                guard n > 0 else { throw failure("write", path) }
                done += n
            }
        }
        guard fsync(descriptor) == 0 else { throw failure("sync", path) }
    }

    /// Makes one directory; one that is there and no link is as good.
    static func makeDirectory(_ path: [UInt8]) throws {
        if mkdir(text(path), 0o700) == 0 { return }
        guard errno == EEXIST, let mode = try mode(path, follow: false), mode & S_IFMT == S_IFDIR else {
            throw failure("create the directory", path)
        }
    }
}

/// A regular file that is read for an upload.
final class SourceFile: BlobSource {
    let descriptor: Int32
    let count: Int64
    private let path: [UInt8]

    init(_ path: [UInt8]) throws {
        self.path = path
        descriptor = open(RawFiles.text(path), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        var status = stat()
        guard descriptor >= 0, fstat(descriptor, &status) == 0 else {
            count = 0
            throw RawFiles.failure("read", path)
        }
        count = Int64(status.st_size)
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw VaultError(.invalid, "'\(String(decoding: path, as: UTF8.self))' is not a regular file")
        }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    func read(count: Int, at offset: Int64, into buffer: inout [UInt8]) throws {
        if buffer.count != count { buffer = [UInt8](repeating: 0, count: count) }
        var done = 0
        while done < count {
            let n = buffer.withUnsafeMutableBytes {
                pread(descriptor, $0.baseAddress! + done, count - done, off_t(offset) + off_t(done))
            }
            if n < 0 && errno == EINTR { continue }
            guard n >= 0 else { throw RawFiles.failure("read", path) }
            guard n > 0 else { throw BlobWriter.changed }
            done += n
        }
    }
}

/// Bytes in memory, for what comes from standard input or is made by the program.
struct SourceBytes: BlobSource {
    let bytes: [UInt8]
    var count: Int64 { Int64(bytes.count) }

    func read(count: Int, at offset: Int64, into buffer: inout [UInt8]) throws {
        buffer = Array(bytes[Int(offset)..<(Int(offset) + count)])
    }
}
