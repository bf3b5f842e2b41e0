import FileSystem

/// Who uses a home: every open vault holds this lock shared, and who replaces the root holds it alone.
///
/// A flock on `keys/home.lock`, which is never removed.
public struct HomeLock: ~Copyable, Sendable {
    private let lock: FileLock

    /// For an open vault. `busy` while someone replaces the root or restores the home, and is not done in
    /// time: replacing a root takes a fraction of a second.
    public static func shared(
        in keysDirectory: String, timeout: Duration = .seconds(30)
    ) throws(KeyError) -> HomeLock {
        try take(
            keysDirectory, .shared, timeout: timeout,
            "the keys of this home are being replaced, or it is being restored")
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
        // A restore moves the directory away, lock and all: then it is the one in its place that counts.
        for _ in 0..<100 {
            let lock = try withFiles { () throws(FileError) in
                try FileLock.acquire(directory + "/home.lock", mode, timeout: timeout)
            }
            guard let lock else { break }
            let isInPlace = try withFiles { () throws(FileError) in try lock.isInPlace() }
            if isInPlace { return HomeLock(lock: lock) }
        }
        throw KeyError(.busy, message, hint: "end the other ai-team processes of this home and try again")
    }

    private init(lock: consuming FileLock) { self.lock = lock }
}
