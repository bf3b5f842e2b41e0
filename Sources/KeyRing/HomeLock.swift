import FileSystem

/// Who uses a home: every open vault holds this lock shared, and who restores the home, or changes the tables
/// of its database, holds it alone.
///
/// A flock on `keys/home.lock`, which is never removed.
public struct HomeLock: ~Copyable, Sendable {
    private let lock: FileLock

    /// For an open vault. `busy` while someone has the home to itself and is not done in time.
    public static func shared(
        in keysDirectory: String, timeout: Duration = .seconds(30)
    ) throws(KeyError) -> HomeLock {
        try take(
            keysDirectory, .shared, timeout: timeout,
            "this home is being restored or brought up to date")
    }

    /// For an operation that needs the home to itself. `busy` while any process has the vault open; one that
    /// is just ending is waited for.
    public static func exclusive(in keysDirectory: String) throws(KeyError) -> HomeLock {
        try take(
            keysDirectory, .exclusive, timeout: .seconds(2),
            "this needs the home to itself, and it is in use")
    }

    /// Gives the lock back.
    public consuming func release() { lock.release() }

    /// A file of this name in a home marks a restore whose swap has begun and must be finished before
    /// anybody opens the home.
    public static let restoreMarker = ".restore"

    private static func take(
        _ directory: String, _ mode: FileLock.Mode, timeout: Duration, _ message: String
    ) throws(KeyError) -> HomeLock {
        let path = directory + "/home.lock"
        while true {
            let lock = try withFiles { () throws(FileError) in
                try FileLock.acquire(path, mode, timeout: timeout)
            }
            guard let lock else {
                throw KeyError(
                    .busy, message, hint: "end the other ai-team processes of this home and try again")
            }
            // A restore moves keys/ aside: a lock on the file that went with it guards nothing any more.
            guard try withFiles({ () throws(FileError) in try lock.isInPlace() }) else { continue }
            let marker = (Path.parent(directory) ?? "") + "/" + restoreMarker
            guard try withFiles({ () throws(FileError) in try !Files.exists(marker) }) else {
                throw KeyError(
                    .busy, "a restore of this home was interrupted and is not finished yet",
                    hint: "run the command again: it finishes the restore first")
            }
            return HomeLock(lock: lock)
        }
    }

    private init(lock: consuming FileLock) { self.lock = lock }
}
