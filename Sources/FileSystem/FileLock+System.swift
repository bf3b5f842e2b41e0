internal import CSystem
import Glibc

/// A flock(2) on a file that is made when missing and never unlinked, held until the value ends.
///
/// flock belongs to the open file, not to the process: two locks of one process exclude each other, and
/// closing another descriptor of the same file does not drop it, as it would with POSIX locks.
public struct FileLock: ~Copyable, Sendable {
    public enum Mode: Sendable { case shared, exclusive }

    private let file: File

    /// Takes the lock, waiting for at most `timeout` (nil: as long as it takes); nil when time is up.
    public static func acquire(
        _ path: String, _ mode: Mode, timeout: Duration?
    ) throws(FileError) -> FileLock? {
        let file = try File.open(path, .create)
        if timeout == nil {
            while flock(file.descriptor, mode.operation) != 0 {
                guard errno == EINTR else { throw FileError("flock", path) }
            }
            return FileLock(file: file)
        }
        let deadline = ContinuousClock.now + (timeout ?? .zero)
        var pause: UInt32 = 500
        while true {
            if flock(file.descriptor, mode.operation | LOCK_NB) == 0 { return FileLock(file: file) }
            guard errno == EWOULDBLOCK || errno == EINTR else { throw FileError("flock", path) }
            if ContinuousClock.now >= deadline { return nil }
            // flock has no timeout of its own; the pause doubles up to 20 ms.
            usleep(pause)
            pause = min(pause * 2, 20_000)
        }
    }

    /// Takes the lock if nobody is in the way.
    public static func attempt(_ path: String, _ mode: Mode) throws(FileError) -> FileLock? {
        try acquire(path, mode, timeout: .zero)
    }

    /// Whether the path still leads to the file that is locked: its directory may have been moved meanwhile.
    public borrowing func isInPlace() throws(FileError) -> Bool {
        let held = try file.status()
        guard let found = try Files.status(file.path) else { return false }
        return found.inode == held.inode && found.device == held.device
    }

    /// Gives the lock back.
    public consuming func release() {}

    private init(file: consuming File) { self.file = file }

    /// Closing alone would leave the lock to a child that another thread is just starting: until its exec it
    /// has the same open file.
    deinit { flock(file.descriptor, LOCK_UN) }
}

extension FileLock.Mode {
    var operation: Int32 {
        switch self {
        case .shared: LOCK_SH
        case .exclusive: LOCK_EX
        }
    }
}
