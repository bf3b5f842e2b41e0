import FileSystem
import Glibc

/// A symbolic link at `path` that points to `target`. C: symlink
package func symbolicLink(from path: String, to target: String) throws {
    guard symlink(target, path) == 0 else {
        throw FileError(operation: "symlink", path: path, errno: errno)
    }
}
