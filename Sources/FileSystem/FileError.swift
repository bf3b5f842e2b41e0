import Glibc

/// A system call on a file that failed: which, on what, and why.
public struct FileError: Error, Sendable, CustomStringConvertible {
    /// The C name of the call, such as `open` or `fsync`.
    public let operation: String
    /// The path it was about, as it was given.
    public let path: String
    /// The value of errno.
    public let errno: Int32

    public init(operation: String, path: String, errno: Int32) {
        self.operation = operation
        self.path = path
        self.errno = errno
    }

    /// The error of the call that has just failed on this thread.
    package init(_ operation: String, _ path: String) {
        self.init(operation: operation, path: path, errno: Glibc.errno)
    }

    /// Nothing lies under that path.
    public var isNotFound: Bool { errno == ENOENT || errno == ENOTDIR }
    /// Something lies there already.
    public var isExisting: Bool { errno == EEXIST }
    /// The path is a symbolic link, which no file of ours is.
    public var isSymbolicLink: Bool { errno == ELOOP }
    /// The disk or the quota is full.
    public var isFull: Bool { errno == ENOSPC || errno == EDQUOT }

    public var description: String {
        "\(operation) \(path): \(String(cString: strerror(errno)))"
    }
}
