internal import CSystem
internal import Glibc

/// Writes files below one directory, whatever their names say.
///
/// Every directory on the way is opened by name with O_NOFOLLOW from a descriptor of its parent, so a link,
/// planted before or meanwhile, is never followed; files are made with O_EXCL. A name that is there is
/// refused. Symbolic links are made last, by `finish`, when no file is written any more, and stay inside.
/// Nothing gets an owner, a set-user-id bit or a device. Trees that come in order have `OrderedTree`.
final class SafeTree {
    private let root: Int32
    private let name: String
    /// The directory that was used last: archives come sorted.
    private var cached: (path: [[UInt8]], descriptor: Int32)?
    private var links: [(path: RelativePath, destination: [UInt8], modified: Int64)] = []
    /// Their times, set at the end: making a file in a directory changes its time.
    private var directories: [(path: RelativePath, permissions: UInt16, modified: Int64)] = []

    /// What happens when a name is taken: in a directory of its own that is an archive's fault
    /// (`.integrity`), in another directory it is nobody's (`.conflict`).
    enum Names { case own, keep }

    private let names: Names

    /// Opens `directory`, which exists.
    init(_ directory: String, names: Names = .own) throws {
        root = Glibc.open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        name = directory
        self.names = names
        if root < 0 { throw failure("open", directory) }
    }

    deinit {
        if let cached { close(cached.descriptor) }
        if root >= 0 { close(root) }
    }

    /// Makes a directory (and those above it); one that is there is kept.
    func directory(_ path: RelativePath, permissions: UInt16, modified: Int64) throws {
        _ = try descend(path.components)
        directories.append((path, permissions, modified))
    }

    /// Notes a symbolic link; `finish` makes it.
    ///
    /// - Throws: `.integrity` when it points out of the tree.
    func link(_ path: RelativePath, to destination: [UInt8], modified: Int64) throws {
        guard path.containsLink(to: destination) else {
            throw BackupError.integrity(path.bytes.printable, "a symbolic link that leaves the directory")
        }
        guard !destination.isEmpty, destination.count < 4096, !destination.contains(0) else {
            throw BackupError.integrity(path.bytes.printable, "a symbolic link to nowhere")
        }
        links.append((path, destination, modified))
    }

    /// Makes a file; `write` is given a function that appends bytes. A file that fails leaves nothing.
    ///
    /// - Throws: `.integrity` or `.conflict` when the name is taken; `.failed`; whatever `write` throws.
    func file(
        _ path: RelativePath, permissions: UInt16, modified: Int64,
        _ write: ((UnsafeRawBufferPointer) throws -> Void) throws -> Void
    ) throws {
        let parent = try descend(path.components.dropLast())
        let name = (path.components.last ?? []).terminated
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
        let descriptor = openat(parent, name, flags, 0o600)
        guard descriptor >= 0 else { throw taken(path, "open") }
        defer { close(descriptor) }
        do {
            var file = NewFile(descriptor: descriptor, name: path.bytes.printable)
            try write { try file.append($0) }
            try file.finish(permissions: permissions, modified: modified)
        } catch {
            unlinkat(parent, name, 0)
            throw error
        }
    }

    /// Makes the links, sets the directories' permissions (their owner may always write) and times, and
    /// flushes the file system.
    func finish() throws {
        for (path, destination, modified) in links { try make(path, destination, modified) }
        for (path, permissions, modified) in directories.reversed() {
            let descriptor = try descend(path.components)
            guard fchmod(descriptor, mode_t(permissions & 0o777 | 0o700)) == 0 else {
                throw failure("fchmod", path.bytes.printable)
            }
            _ = futimens(descriptor, [timespec(modified), timespec(modified)])
        }
        guard cs_syncfs(root) == 0 else { throw failure("syncfs", name) }
    }

    private func make(_ path: RelativePath, _ destination: [UInt8], _ modified: Int64) throws {
        let parent = try descend(path.components.dropLast())
        let name = (path.components.last ?? []).terminated
        guard symlinkat(destination.terminated, parent, name) == 0 else { throw taken(path, "symlink") }
        let times = [timespec(modified), timespec(modified)]
        _ = utimensat(parent, name, times, AT_SYMLINK_NOFOLLOW)
    }

    /// Opens, and makes where they are missing, the directories of `components`.
    private func descend(_ components: some Collection<[UInt8]>) throws -> Int32 {
        let path = Array(components)
        if let cached, cached.path == path { return cached.descriptor }
        guard !path.isEmpty else { return root }
        var current = root
        for component in path {
            let above = current
            defer { if above != root { close(above) } }
            current = try open(component, in: above)
        }
        if let cached { close(cached.descriptor) }
        cached = (path, current)
        return current
    }

    private func open(_ component: [UInt8], in parent: Int32) throws -> Int32 {
        let name = component.terminated
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
        var descriptor = openat(parent, name, flags)
        if descriptor < 0 && errno == ENOENT {
            if mkdirat(parent, name, 0o700) != 0 && errno != EEXIST {
                throw failure("mkdir", component.printable)
            }
            descriptor = openat(parent, name, flags)
        }
        if descriptor >= 0 { return descriptor }
        guard errno == ELOOP || errno == ENOTDIR else { throw failure("open", component.printable) }
        guard names != .own else {
            throw BackupError.integrity(component.printable, "not a directory of its own")
        }
        throw BackupError(
            .guardRefused, "a link or a file has the name of a directory", object: component.printable,
            hint: "restore into another directory, or put the real one in its place")
    }

    private func taken(_ path: RelativePath, _ operation: String) -> BackupError {
        let path = path.bytes.printable
        guard errno == EEXIST || errno == ELOOP else { return failure(operation, path) }
        guard names != .own else { return .integrity(path, "the name comes twice") }
        return BackupError(
            .conflict, "something has the name already", object: path, hint: "restore into another directory")
    }

    private func failure(_ operation: String, _ path: String) -> BackupError { .system(operation, path) }
}

extension BackupError {
    private static let fullHint = "free some space on the disk"

    /// What the system said of a call, from errno.
    static func system(_ operation: String, _ path: String) -> BackupError {
        let isFull = errno == ENOSPC || errno == EDQUOT
        return BackupError(
            .failed, "\(operation) failed: \(String(cString: strerror(errno)))", object: path,
            hint: isFull ? fullHint : nil)
    }

    /// Whether there is no space left, so that the next file will fail too.
    var isDiskFull: Bool { code == .failed && hint == Self.fullHint }
}
