import FileSystem

/// Who uses a home: every open vault holds this lock shared, and who replaces the root holds it alone.
///
/// A flock on `keys/home.lock`, which is never removed.
public struct HomeLock: ~Copyable, Sendable {
    private let lock: FileLock

    /// For an open vault. `busy` while someone replaces the root.
    public static func shared(in keysDirectory: String) throws(KeyError) -> HomeLock {
        // Replacing a root takes a fraction of a second; more than this means that something hangs.
        try take(keysDirectory, .shared, timeout: .seconds(30), "the keys of this home are being replaced")
    }

    /// For an operation that needs the home to itself. `busy` while any process has the vault open.
    public static func exclusive(in keysDirectory: String) throws(KeyError) -> HomeLock {
        try take(keysDirectory, .exclusive, timeout: .zero, "this needs the home to itself, and it is in use")
    }

    /// Gives the lock back.
    public consuming func release() { lock.release() }

    private static func take(
        _ directory: String, _ mode: FileLock.Mode, timeout: Duration, _ message: String
    ) throws(KeyError) -> HomeLock {
        let lock = try withFiles { () throws(FileError) in
            try FileLock.acquire(directory + "/home.lock", mode, timeout: timeout)
        }
        guard let lock else {
            throw KeyError(.busy, message, hint: "end the other ai-team processes of this home and try again")
        }
        return HomeLock(lock: lock)
    }

    private init(lock: consuming FileLock) { self.lock = lock }
}
