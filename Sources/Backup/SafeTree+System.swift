internal import CSystem
internal import Glibc

/// Writes files below one directory, whatever their names say.
///
/// Every directory on the way is opened by name with O_NOFOLLOW from a descriptor of its parent, so a link,
/// planted before or meanwhile, is never followed; files are made with O_EXCL, so nothing is overwritten and
/// a name that comes twice is refused. Symbolic links are made last, by `finish`, when no file is written any
/// more. Nothing gets an owner, a set-user-id bit or a device.
final class SafeTree {
    private let root: Int32
    private let name: String
    /// The directory that was used last: archives come sorted.
    private var cached: (path: [[UInt8]], descriptor: Int32)?
    private var links: [(path: RelativePath, destination: [UInt8])] = []
    /// Their times, set at the end: making a file in a directory changes its time.
    private var directories: [(path: RelativePath, permissions: UInt16, modified: Int64)] = []

    /// Which symbolic links may be made.
    enum LinkPolicy { case inside, any }
    private let linkPolicy: LinkPolicy

    /// Opens `directory`, which exists.
    init(_ directory: String, links: LinkPolicy = .inside) throws {
        root = Glibc.open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        name = directory
        linkPolicy = links
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
    /// - Throws: `.integrity` when it points out of the tree and the policy forbids that.
    func link(_ path: RelativePath, to destination: [UInt8]) throws {
        guard linkPolicy == .any || path.containsLink(to: destination) else {
            throw BackupError.integrity(path.bytes.printable, "a symbolic link that leaves the directory")
        }
        guard !destination.isEmpty, destination.count < 4096, !destination.contains(0) else {
            throw BackupError.integrity(path.bytes.printable, "a symbolic link to nowhere")
        }
        links.append((path, destination))
    }

    /// Makes a file; `write` is given a function that appends bytes.
    ///
    /// - Throws: `.integrity` when the name is taken; `.failed`; whatever `write` throws.
    func file(
        _ path: RelativePath, permissions: UInt16, modified: Int64,
        _ write: ((UnsafeRawBufferPointer) throws -> Void) throws -> Void
    ) throws {
        let parent = try descend(path.components.dropLast())
        let descriptor = try withName(path) { name in
            openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        }
        guard descriptor >= 0 else { throw taken(path, "open") }
        defer { close(descriptor) }
        try write { bytes in
            var rest = bytes
            while !rest.isEmpty {
                let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
                if count < 0 && errno == EINTR { continue }
                guard count > 0 else { throw failure("write", path.bytes.printable) }
                rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
            }
        }
        guard fchmod(descriptor, mode_t(permissions & 0o777)) == 0 else {
            throw failure("fchmod", path.bytes.printable)
        }
        var times = [timespec(), Self.time(modified)]
        times[0].tv_nsec = Int(UTIME_OMIT_VALUE)
        _ = futimens(descriptor, times)
    }

    /// Makes the links, sets the directories' permissions and times, and flushes the file system.
    func finish() throws {
        for (path, destination) in links {
            let parent = try descend(path.components.dropLast())
            let status = try withName(path) { name in
                (destination + [0]).withUnsafeBufferPointer { target in
                    target.withMemoryRebound(to: CChar.self) { symlinkat($0.baseAddress!, parent, name) }
                }
            }
            guard status == 0 else { throw taken(path, "symlink") }
        }
        for (path, permissions, modified) in directories.reversed() {
            let descriptor = try descend(path.components)
            guard fchmod(descriptor, mode_t(permissions & 0o777 | 0o700)) == 0 else {
                throw failure("fchmod", path.bytes.printable)
            }
            _ = futimens(descriptor, [Self.time(modified), Self.time(modified)])
        }
        guard cs_syncfs(root) == 0 else { throw failure("syncfs", name) }
    }

    /// Opens, and makes where they are missing, the directories of `components`.
    private func descend(_ components: some Collection<[UInt8]>) throws -> Int32 {
        let path = Array(components)
        if let cached, cached.path == path { return cached.descriptor }
        guard !path.isEmpty else { return root }
        var current = root
        for component in path {
            let next = try open(component, in: current)
            if current != root { close(current) }
            current = next
        }
        if let cached { close(cached.descriptor) }
        cached = (path, current)
        return current
    }

    private func open(_ component: [UInt8], in parent: Int32) throws -> Int32 {
        let name = component.map(CChar.init(bitPattern:)) + [0]
        if mkdirat(parent, name, 0o700) != 0 && errno != EEXIST {
            throw failure("mkdir", component.printable)
        }
        let descriptor = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw BackupError.integrity(component.printable, "not a directory of its own")
        }
        return descriptor
    }

    private func withName(_ path: RelativePath, _ body: (UnsafePointer<CChar>) -> Int32) throws -> Int32 {
        guard let last = path.components.last else { return -1 }
        return (last.map(CChar.init(bitPattern:)) + [0]).withUnsafeBufferPointer { body($0.baseAddress!) }
    }

    private func taken(_ path: RelativePath, _ operation: String) -> BackupError {
        errno == EEXIST || errno == ELOOP
            ? .integrity(path.bytes.printable, "the name comes twice")
            : failure(operation, path.bytes.printable)
    }

    private func failure(_ operation: String, _ path: String) -> BackupError {
        BackupError(.failed, "\(operation) failed: \(String(cString: strerror(errno)))", object: path)
    }

    private static func time(_ nanoseconds: Int64) -> timespec {
        let seconds = nanoseconds / 1_000_000_000
        let rest = nanoseconds - seconds * 1_000_000_000
        return rest < 0
            ? timespec(tv_sec: Int(seconds) - 1, tv_nsec: Int(rest) + 1_000_000_000)
            : timespec(tv_sec: Int(seconds), tv_nsec: Int(rest))
    }
}

/// C: UTIME_OMIT, a macro that Swift does not see.
private let UTIME_OMIT_VALUE = (1 << 30) - 2
