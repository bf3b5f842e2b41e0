internal import CSystem
import Glibc

/// What the file system says of a file.
public struct FileStatus: Sendable, Equatable {
    public enum Kind: Sendable { case regular, directory, symbolicLink, other }

    public let kind: Kind
    /// Length in bytes.
    public let size: Int64
    /// The permission bits alone, such as 0o600.
    public let permissions: UInt16
    public let owner: UInt32
    public let device: UInt64
    public let inode: UInt64
    public let links: UInt64
    /// Nanoseconds since 1970: of the content, and of anything at all.
    public let modified: Int64
    public let changed: Int64

    init(_ raw: stat) {
        switch raw.st_mode & S_IFMT {
        case S_IFREG: kind = .regular
        case S_IFDIR: kind = .directory
        case S_IFLNK: kind = .symbolicLink
        default: kind = .other
        }
        size = Int64(raw.st_size)
        permissions = UInt16(raw.st_mode & 0o7777)
        owner = raw.st_uid
        device = UInt64(raw.st_dev)
        inode = UInt64(raw.st_ino)
        links = UInt64(raw.st_nlink)
        modified = Int64(raw.st_mtim.tv_sec) * 1_000_000_000 + Int64(raw.st_mtim.tv_nsec)
        changed = Int64(raw.st_ctim.tv_sec) * 1_000_000_000 + Int64(raw.st_ctim.tv_nsec)
    }
}
