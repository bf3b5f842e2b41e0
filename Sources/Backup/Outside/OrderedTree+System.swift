internal import CSystem
internal import Cryptography
internal import Glibc

/// Writes a tree whose paths come in order: a directory before what is in it, and all that before what comes
/// after the directory. So a directory gets its permissions and times when it is left, and memory holds one
/// path.
///
/// Every directory on the way is opened by name with O_NOFOLLOW from a descriptor of its parent, so a link,
/// planted before or meanwhile or made by the tree itself, is never followed; files are made with O_EXCL, or
/// (`Names.replace`) beside what has their name and then put in its place. Nothing gets an owner, a
/// set-user-id bit or a device.
final class OrderedTree {
    /// What happens when a name is taken.
    enum Names { case keep, replace }

    /// A directory on the way down.
    private struct Level {
        let name: [UInt8]
        let descriptor: Int32
        /// What it gets when it is left; nil for one that the list does not have.
        var attributes: (permissions: UInt16, modified: Int64)?
    }

    private let root: Int32
    private let name: String
    private let names: Names
    private var levels: [Level] = []
    /// Is told of directories that could not be given their permissions.
    private let failed: (RelativePath, BackupError) -> Void

    /// Opens `directory`, which exists.
    init(
        _ directory: String, names: Names, failed: @escaping (RelativePath, BackupError) -> Void
    ) throws {
        root = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        name = directory
        self.names = names
        self.failed = failed
        if root < 0 { throw BackupError.system("open", directory) }
    }

    deinit {
        for level in levels { close(level.descriptor) }
        if root >= 0 { close(root) }
    }

    /// Makes a directory (and those above it); one that is there is kept.
    func directory(_ path: RelativePath, permissions: UInt16, modified: Int64) throws {
        _ = try descend(path.components[...])
        levels[levels.count - 1].attributes = (permissions, modified)
    }

    /// Makes a symbolic link.
    func link(_ path: RelativePath, to destination: [UInt8], modified: Int64) throws {
        let parent = try descend(path.components.dropLast())
        let place = try Place(path, names)
        guard symlinkat(destination.terminated, parent, place.first) == 0 else {
            throw taken(path, "symlink")
        }
        _ = utimensat(parent, place.first, [timespec(modified), timespec(modified)], AT_SYMLINK_NOFOLLOW)
        try settle(place, path, in: parent)
    }

    /// Makes a file; `write` is given a function that appends bytes. A file that fails leaves nothing.
    ///
    /// - Throws: `.conflict` when the name is taken; `.failed`; whatever `write` throws.
    func file(
        _ path: RelativePath, permissions: UInt16, modified: Int64,
        _ write: ((UnsafeRawBufferPointer) throws -> Void) throws -> Void
    ) throws {
        let parent = try descend(path.components.dropLast())
        let place = try Place(path, names)
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
        let descriptor = openat(parent, place.first, flags, 0o600)
        guard descriptor >= 0 else { throw taken(path, "open") }
        defer { close(descriptor) }
        do {
            var file = NewFile(descriptor: descriptor, name: path.bytes.printable)
            try write { try file.append($0) }
            try file.finish(permissions: permissions, modified: modified)
            if names == .replace, fsync(descriptor) != 0 {
                throw BackupError.system("fsync", path.bytes.printable)
            }
        } catch {
            unlinkat(parent, place.first, 0)
            throw error
        }
        try settle(place, path, in: parent)
    }

    /// Leaves all directories and flushes the file system.
    func finish() throws {
        while !levels.isEmpty { leave() }
        guard cs_syncfs(root) == 0 else { throw BackupError.system("syncfs", name) }
    }

    /// A name, and the one that stands for it until the file is whole.
    private struct Place {
        let first: [CChar]
        let last: [CChar]

        init(_ path: RelativePath, _ names: Names) throws {
            last = (path.components.last ?? []).terminated
            switch names {
            case .keep: first = last
            case .replace:
                let random = Crockford32.encode(try RandomBytes.bytes(10))
                first = Array(".ai-team-restore-\(random)".utf8).terminated
            }
        }
    }

    private func settle(_ place: Place, _ path: RelativePath, in parent: Int32) throws {
        guard names == .replace, renameat(parent, place.first, parent, place.last) != 0 else { return }
        let failure = BackupError.system("rename", path.bytes.printable)
        let isDirectory = errno == EISDIR
        unlinkat(parent, place.first, 0)
        guard isDirectory else { throw failure }
        throw BackupError(
            .conflict, "a directory has the name now", object: path.bytes.printable, hint: "move it away")
    }

    /// Opens, and makes where they are missing, the directories of `components`; leaves those that are not
    /// on the way.
    private func descend(_ components: ArraySlice<[UInt8]>) throws -> Int32 {
        var shared = 0
        while shared < min(levels.count, components.count), levels[shared].name == components[shared] {
            shared += 1
        }
        while levels.count > shared { leave() }
        for component in components[shared...] {
            levels.append(Level(name: component, descriptor: try enter(component)))
        }
        return levels.last?.descriptor ?? root
    }

    private func enter(_ component: [UInt8]) throws -> Int32 {
        let parent = levels.last?.descriptor ?? root
        let name = component.terminated
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
        var descriptor = openat(parent, name, flags)
        if descriptor < 0 && errno == ENOENT {
            if mkdirat(parent, name, 0o700) != 0 && errno != EEXIST {
                throw BackupError.system("mkdir", component.printable)
            }
            descriptor = openat(parent, name, flags)
        }
        if descriptor >= 0 { return descriptor }
        guard errno == ELOOP || errno == ENOTDIR else {
            throw BackupError.system("open", component.printable)
        }
        throw BackupError(
            .guardRefused, "a link or a file has the name of a directory", object: component.printable,
            hint: "restore into another directory, or put the real one in its place")
    }

    /// Gives the innermost directory what the list says and closes it.
    private func leave() {
        guard let level = levels.last else { return }
        let path = RelativePath(Array(levels.map(\.name).joined(separator: [UInt8(ascii: "/")])))
        levels.removeLast()
        defer { close(level.descriptor) }
        if let (permissions, modified) = level.attributes {
            if fchmod(level.descriptor, mode_t(permissions & 0o777)) != 0, let path {
                failed(path, .system("fchmod", path.bytes.printable))
            }
            _ = futimens(level.descriptor, [timespec(modified), timespec(modified)])
        }
        if names == .replace { fsync(level.descriptor) }
    }

    private func taken(_ path: RelativePath, _ operation: String) -> BackupError {
        let path = path.bytes.printable
        guard errno == EEXIST || errno == ELOOP else { return .system(operation, path) }
        return BackupError(
            .conflict, "something has the name already", object: path, hint: "restore into another directory")
    }
}
