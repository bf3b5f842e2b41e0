import CSystem
import Glibc

/// A file descriptor for the small files beside the database: the seal and the lock files. Never used for the
/// database or `-shm` themselves, whose POSIX locks a close would drop.
final class Descriptor: Sendable {
    let number: Int32
    let path: String

    init(_ path: String, create: Bool = false, readOnly: Bool = false) throws(EncryptedDatabaseError) {
        let access = readOnly ? O_RDONLY : O_RDWR
        number = Glibc.open(path, access | (create ? O_CREAT : 0) | O_CLOEXEC | O_NOFOLLOW, 0o600)
        self.path = path
        if create, number >= 0 { Trace.open(path) }
        if number < 0 { throw Descriptor.failure("open", path) }
    }

    deinit { Glibc.close(number) }

    static func failure(_ operation: String, _ path: String) -> EncryptedDatabaseError {
        let code = errno
        if code == ENOENT { return EncryptedDatabaseError(.missing, "\(path) does not exist") }
        return EncryptedDatabaseError(.io, "\(operation) \(path): \(String(cString: strerror(code)))")
    }

    /// Fills as much of the buffer as the file has from `offset` on.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(EncryptedDatabaseError)
        -> Int
    {
        var done = 0
        while done < buffer.count, let start = buffer.baseAddress {
            let got = pread(number, start + done, buffer.count - done, off_t(offset) + done)
            if got == 0 { break }
            if got > 0 { done += got } else if errno != EINTR { throw Descriptor.failure("read", path) }
        }
        return done
    }

    func read(_ count: Int, at offset: Int64) throws(EncryptedDatabaseError) -> [UInt8] {
        var failure: EncryptedDatabaseError?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            do throws(EncryptedDatabaseError) {
                filled = try read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }

    func write(_ bytes: [UInt8], at offset: Int64) throws(EncryptedDatabaseError) {
        var failure: EncryptedDatabaseError?
        bytes.withUnsafeBytes { buffer in
            do throws(EncryptedDatabaseError) {
                try write(buffer, at: offset)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(EncryptedDatabaseError) {
        Trace.write(path, offset, Array(bytes))
        var done = 0
        while done < bytes.count, let start = bytes.baseAddress {
            let put = pwrite(number, start + done, bytes.count - done, off_t(offset) + done)
            if put > 0 { done += put } else if errno != EINTR { throw Descriptor.failure("write", path) }
        }
    }

    /// The size of the file in bytes.
    func size() throws(EncryptedDatabaseError) -> Int64 {
        var status = stat()
        guard fstat(number, &status) == 0 else { throw Descriptor.failure("stat", path) }
        return Int64(status.st_size)
    }

    /// What was written, and the size; times need not reach the disk.
    func sync() throws(EncryptedDatabaseError) {
        Trace.sync(path)
        if fdatasync(number) != 0 { throw Descriptor.failure("sync", path) }
    }

    /// Takes or gives back the flock of this open file; false when others hold it.
    func lock(_ operation: Int32) throws(EncryptedDatabaseError) -> Bool {
        while flock(number, operation) != 0 {
            if errno == EWOULDBLOCK { return false }
            if errno != EINTR { throw Descriptor.failure("lock", path) }
        }
        return true
    }

    /// Tries until the deadline, at most a millisecond apart.
    func lockExclusive(until deadline: UInt64) throws(EncryptedDatabaseError) -> Bool {
        while true {
            if try lock(LOCK_EX | LOCK_NB) { return true }
            if Clock.now() >= deadline { return false }
            usleep(500)
        }
    }

    func unlock() { flock(number, LOCK_UN) }
}

/// Monotonic time in nanoseconds.
enum Clock {
    static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    static func deadline(milliseconds: UInt64) -> UInt64 { now() + milliseconds * 1_000_000 }
}

/// Questions about paths that open nothing.
enum Paths {
    /// The size of a file in bytes; nil when there is none. A symbolic link is an error.
    static func size(_ path: String) throws(EncryptedDatabaseError) -> Int64? {
        var status = stat()
        guard lstat(path, &status) == 0 else {
            if errno == ENOENT { return nil }
            throw Descriptor.failure("stat", path)
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw EncryptedDatabaseError(.refused, "\(path) is not a regular file")
        }
        return Int64(status.st_size)
    }

    /// Device and inode, which stay when a file is renamed and differ when it is replaced.
    static func identity(_ path: String) throws(EncryptedDatabaseError) -> String {
        var status = stat()
        guard lstat(path, &status) == 0 else { throw Descriptor.failure("stat", path) }
        return "\(status.st_dev).\(status.st_ino)"
    }

    /// The path with its directory resolved, as SQLite's "unix" VFS will name it.
    static func canonical(_ path: String) throws(EncryptedDatabaseError) -> String {
        let name = path.split(separator: "/").last.map(String.init) ?? ""
        let directory = String(path.dropLast(name.count))
        guard !name.isEmpty, let real = realpath(directory.isEmpty ? "." : directory, nil) else {
            throw Descriptor.failure("find", path)
        }
        defer { free(real) }
        return String(cString: real) + "/" + name
    }

    static func directory(_ path: String) -> String {
        String(path.prefix(upTo: path.lastIndex(of: "/") ?? path.startIndex))
    }

    /// Locks and shared memory do not hold on network file systems.
    static func refuseNetwork(_ path: String) throws(EncryptedDatabaseError) {
        var status = statfs()
        guard statfs(directory(path), &status) == 0 else { throw Descriptor.failure("statfs", path) }
        let network: [UInt32: String] = [
            0x6969: "NFS", 0x517B: "SMB", 0xFF53_4D42: "CIFS", 0xFE53_4D42: "SMB2", 0x5346_414F: "AFS",
            0x0102_1997: "9P", 0x00C3_6400: "Ceph", 0x7375_7245: "Coda", 0x0BD0_0BD0: "Lustre",
        ]
        if let name = network[UInt32(truncatingIfNeeded: status.f_type)] {
            throw EncryptedDatabaseError(
                .refused, "\(directory(path)) is on a network file system (\(name))",
                hint: "keep the vault on a local disk and let sync carry it")
        }
    }

    static func syncDirectory(of path: String) throws(EncryptedDatabaseError) {
        Trace.syncDirectory(directory(path))
        let number = Glibc.open(directory(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard number >= 0 else { throw Descriptor.failure("open", directory(path)) }
        defer { Glibc.close(number) }
        if fsync(number) != 0 { throw Descriptor.failure("sync", directory(path)) }
    }

    static func rename(_ old: String, to new: String) throws(EncryptedDatabaseError) {
        Trace.rename(old, new)
        if Glibc.rename(old, new) != 0 { throw Descriptor.failure("rename", old) }
        try syncDirectory(of: new)
    }

    /// Gives a finished file its name; false when the name is taken. C: link, then unlink
    static func publish(_ old: String, as new: String) throws(EncryptedDatabaseError) -> Bool {
        Trace.link(old, new)
        if link(old, new) != 0 {
            if errno == EEXIST { return false }
            throw Descriptor.failure("link", new)
        }
        try remove(old)
        try syncDirectory(of: new)
        return true
    }

    static func remove(_ path: String) throws(EncryptedDatabaseError) {
        Trace.remove(path)
        if unlink(path) != 0, errno != ENOENT { throw Descriptor.failure("remove", path) }
    }
}
