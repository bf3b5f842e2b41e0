internal import FileSystem
internal import KeyRing
internal import Vault

/// The directory that a recovery makes a home of, held for it alone.
final class RecoveryTarget {
    private let home: Home
    private let wasMissing: Bool
    private let wasEmpty: Bool
    private let lock: FileLock

    private static let lockName = "recovery.lock"

    /// - Throws: `.conflict` when there is a vault, or another process recovers there.
    init(_ home: Home) throws {
        self.home = home
        guard try !home.exists() else {
            throw BackupError(
                .conflict, "there is a vault in \(home.path) already", hint: "name another home with --home")
        }
        wasMissing = try !Files.exists(home.path)
        wasEmpty = try wasMissing || Self.holdsOnlyOurs(home)
        try Files.createDirectory(home.runDirectory)
        guard let lock = try FileLock.attempt(home.runDirectory + "/" + Self.lockName, .exclusive) else {
            throw BackupError(
                .conflict, "another process recovers a vault to \(home.path)", hint: "wait until it is done")
        }
        self.lock = consume lock
    }

    /// Nothing, or what a recovery that was cut off has left.
    private static func holdsOnlyOurs(_ home: Home) throws -> Bool {
        guard try Files.list(home.path).allSatisfy({ $0 == "run" || RestoreSwap.isLeft($0) }) else {
            return false
        }
        guard try Files.exists(home.runDirectory) else { return true }
        let ours = [lockName, "recovery", "restore.lock"]
        return try Files.list(home.runDirectory).allSatisfy(ours.contains)
    }

    /// Removes what a recovery had fetched that was killed after its swap.
    static func clearLeftovers(of home: Home) throws {
        let fetched = RecoveryCache.directory(home)
        guard try Files.exists(fetched), try home.exists(),
            let lock = try FileLock.attempt(home.runDirectory + "/" + lockName, .exclusive)
        else { return }
        try Files.removeTree(fetched)
        lock.release()
    }

    /// Removes what was fetched.
    func finish() throws { try Files.removeTree(RecoveryCache.directory(home)) }

    /// Leaves the directory as it was. Packs stay when the store went away meanwhile: they are whole, and
    /// the next try needs them.
    func undo(after error: any Error) throws {
        // A vault that is there now is the recovered one: what failed came after the swap.
        if try home.exists() { return try finish() }
        let isRefusal = error is BackupError || error is KeyError
        if try !isRefusal && RecoveryCache.holdsPacks(home) { return }
        try finish()
        guard wasEmpty else { return }
        if wasMissing { return try Files.removeTree(home.path) }
        for name in try Files.list(home.path) { try Files.removeTree(home.path + "/" + name) }
    }
}
