import Glibc

/// Changes that a power cut leaves either done or not done.
///
/// The order is always: write a temporary file beside the target, fsync it, rename it over the target,
/// fsync the directory. Before the rename the old file is whole, after it the new one is, and only the
/// directory's fsync makes the rename itself last.
public enum Durable {
    /// Puts `bytes` under `path`, in place of what was there.
    public static func replace(
        _ path: String, with bytes: [UInt8], permissions: UInt16 = 0o600
    ) throws(FileError) {
        let temporary = try stage(bytes, beside: path, permissions: permissions)
        do {
            try rename(temporary, to: path)
        } catch {
            unlink(temporary)
            throw error
        }
        try syncDirectory(of: path)
    }

    /// Puts `bytes` under `path`; an error (`isExisting`) when something is there, which then stays.
    ///
    /// link(2), unlike rename(2), never replaces.
    public static func create(
        _ path: String, with bytes: [UInt8], permissions: UInt16 = 0o600
    ) throws(FileError) {
        let temporary = try stage(bytes, beside: path, permissions: permissions)
        defer {
            unlink(temporary)
            IOTrace.note(.remove(path: temporary))
        }
        try Durable.link(temporary, to: path)
        try syncDirectory(of: path)
    }

    /// A second name for a file; an error when `target` is there. C: link
    public static func link(_ source: String, to target: String) throws(FileError) {
        guard Glibc.link(source, target) == 0 else { throw FileError("link", target) }
        IOTrace.note(.link(from: source, to: target))
    }

    /// Moves a file or directory over `target`. The caller syncs the directory. C: rename
    public static func rename(_ source: String, to target: String) throws(FileError) {
        guard Glibc.rename(source, target) == 0 else { throw FileError("rename", target) }
        IOTrace.note(.rename(from: source, to: target))
    }

    /// Removes a file; one that is gone already is no error. The caller syncs the directory. C: unlink
    public static func remove(_ path: String) throws(FileError) {
        guard unlink(path) == 0 || errno == ENOENT else { throw FileError("unlink", path) }
        IOTrace.note(.remove(path: path))
    }

    /// Makes the names in a directory last. C: fsync
    public static func syncDirectory(_ path: String) throws(FileError) {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError("open", path) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw FileError("fsync", path) }
        IOTrace.note(.syncDirectory(path: path))
    }

    /// Makes the name `path` last: its directory is synced.
    public static func syncDirectory(of path: String) throws(FileError) {
        try syncDirectory(Path.parent(path) ?? "/")
    }

    /// A synced file beside `path`, under a name that no other writer has.
    private static func stage(
        _ bytes: [UInt8], beside path: String, permissions: UInt16
    ) throws(FileError) -> String {
        // 64 random bits: a name that is taken is an error, not a race to win.
        let temporary = path + ".tmp-" + String(UInt64.random(in: .min ... .max), radix: 36)
        let file = try File.open(temporary, .createNew, permissions: permissions)
        do throws(FileError) {
            try file.write(bytes, at: 0)
            try file.sync()
        } catch {
            unlink(temporary)
            throw error
        }
        return temporary
    }
}
