internal import CSystem
import Glibc

/// An open file that closes itself.
///
/// Symbolic links are never followed at the last step of the path and the descriptor is not inherited
/// by other programs. Reads and writes name their offset, so that several threads can share one file.
public struct File: ~Copyable, Sendable {
    public enum Access: Sendable {
        /// The file must exist; only reading.
        case read
        /// The file must exist; reading and writing.
        case readWrite
        /// Made empty when it is not there.
        case create
        /// Made; an error when something is there.
        case createNew
    }

    /// The descriptor, for calls that this type does not offer; it stays the file's.
    public let descriptor: Int32
    public let path: String

    private init(descriptor: Int32, path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    deinit { Glibc.close(descriptor) }

    /// Opens `path`; a new file gets `permissions` less the umask. C: open
    public static func open(
        _ path: String, _ access: Access, permissions: UInt16 = 0o600
    ) throws(FileError) -> File {
        var flags = O_CLOEXEC | O_NOFOLLOW
        switch access {
        case .read: flags |= O_RDONLY
        case .readWrite: flags |= O_RDWR
        case .create: flags |= O_RDWR | O_CREAT
        case .createNew: flags |= O_RDWR | O_CREAT | O_EXCL
        }
        while true {
            let descriptor = Glibc.open(path, flags, mode_t(permissions))
            if descriptor >= 0 {
                let file = File(descriptor: descriptor, path: path)
                switch access {
                case .create, .createNew: IOTrace.note(.open(path: path))
                case .read, .readWrite: break
                }
                return file
            }
            guard errno == EINTR else { throw FileError("open", path) }
        }
    }

    /// Reads at `offset` until the buffer is full or the file ends; returns the bytes read. C: pread
    public borrowing func read(
        into buffer: UnsafeMutableRawBufferPointer, at offset: Int64
    ) throws(FileError) -> Int {
        var done = 0
        while done < buffer.count, let base = buffer.baseAddress {
            let n = pread(descriptor, base + done, buffer.count - done, off_t(offset) + off_t(done))
            if n < 0 {
                if errno == EINTR { continue }
                throw FileError("pread", path)
            }
            if n == 0 { break }
            done += n
        }
        return done
    }

    /// At most `count` bytes from `offset`; fewer only at the end of the file.
    public borrowing func read(count: Int, at offset: Int64) throws(FileError) -> [UInt8] {
        do {
            // Not filled with zeros first: for large reads that would be half of the work.
            return try [UInt8](unsafeUninitializedCapacity: max(0, count)) { buffer, initialized in
                initialized = try self.read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
            }
        } catch let error as FileError {
            throw error
        } catch {
            throw FileError(operation: "pread", path: path, errno: EIO)
        }
    }

    /// Writes all of `bytes` at `offset`. C: pwrite
    public borrowing func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(FileError) {
        IOTrace.note(.write(path: path, offset: offset, bytes: [UInt8](bytes)))
        var done = 0
        while done < bytes.count, let base = bytes.baseAddress {
            let n = pwrite(descriptor, base + done, bytes.count - done, off_t(offset) + off_t(done))
            if n < 0 {
                if errno == EINTR { continue }
                throw FileError("pwrite", path)
            }
            done += n
        }
    }

    /// Writes all of `bytes` at `offset`.
    public borrowing func write(_ bytes: [UInt8], at offset: Int64) throws(FileError) {
        do {
            try bytes.withUnsafeBytes { try self.write($0, at: offset) }
        } catch let error as FileError {
            throw error
        } catch {
            throw FileError(operation: "pwrite", path: path, errno: EIO)
        }
    }

    /// What the file system says of it. C: fstat
    public borrowing func status() throws(FileError) -> FileStatus {
        var raw = stat()
        guard fstat(descriptor, &raw) == 0 else { throw FileError("fstat", path) }
        return FileStatus(raw)
    }

    /// Its length in bytes.
    public borrowing func size() throws(FileError) -> Int64 { try status().size }

    /// Cuts or extends it with a hole. C: ftruncate
    public borrowing func truncate(to size: Int64) throws(FileError) {
        IOTrace.note(.truncate(path: path, size: size))
        while ftruncate(descriptor, off_t(size)) != 0 {
            guard errno == EINTR else { throw FileError("ftruncate", path) }
        }
    }

    /// Sets the permission bits, whatever the umask is. C: fchmod
    public borrowing func setPermissions(_ permissions: UInt16) throws(FileError) {
        guard fchmod(descriptor, mode_t(permissions)) == 0 else { throw FileError("fchmod", path) }
    }

    /// Returns when data and metadata are on the disk. C: fsync
    public borrowing func sync() throws(FileError) {
        while fsync(descriptor) != 0 {
            guard errno == EINTR else { throw FileError("fsync", path) }
        }
        IOTrace.note(.sync(path: path))
    }

    /// Returns when data, and the metadata needed to read it, are on the disk. C: fdatasync
    public borrowing func dataSync() throws(FileError) {
        while fdatasync(descriptor) != 0 {
            guard errno == EINTR else { throw FileError("fdatasync", path) }
        }
        IOTrace.note(.sync(path: path))
    }

    /// Flushes the whole file system that holds it: one wait for any number of new files. C: syncfs
    public borrowing func syncFileSystem() throws(FileError) {
        guard cs_syncfs(descriptor) == 0 else { throw FileError("syncfs", path) }
        IOTrace.note(.syncFileSystem)
    }
}
