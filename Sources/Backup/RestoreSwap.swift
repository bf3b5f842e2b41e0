internal import Cryptography
internal import FileSystem
internal import KeyRing
internal import Vault

/// Bringing a home back from a backup.
public enum Restore {
    /// Finishes a restore that was interrupted after everything had been staged and verified, or clears away
    /// one that was interrupted before. Every command calls it before it opens the home.
    ///
    /// - Returns: whether the home is now the restored one.
    /// - Throws: `.integrity` when the marker is not one this program wrote; `.conflict` while another
    ///   process
    ///   restores into this home.
    @discardableResult
    public static func finishInterrupted(home: String) throws -> Bool {
        try RecoveryTarget.clearLeftovers(of: Home(path: home))
        guard try RestoreSwap.hasWork(home: home) else { return false }
        guard let lock = try FileLock.attempt(RestoreSwap.lockPath(home), .exclusive) else {
            // Somebody stages something, which concerns nobody else yet.
            guard try RestoreSwap.isDecided(home: home) else { return false }
            throw BackupError(
                .conflict, "another process restores into this home", hint: "wait until it is done")
        }
        let isRestored = try RestoreSwap.finish(home: home)
        lock.release()
        return isRestored
    }

    /// Removes what restores moved aside. Called after a successful backup, which the old state waits for.
    public static func dropOldStates(home: String) throws {
        for name in try Files.list(home) where RestoreSwap.isBefore(name) {
            try Files.removeTree(home + "/" + name)
        }
    }
}

/// The swap of a staged home for the present one, in steps each of which can be the last before a crash.
///
/// Only `keys/` and `data/{database,documents,vectors}` move, and `files/` comes. The marker `.restore`
/// names the staged directory and the one for the old state; it is written when the staged one is whole,
/// verified and synced, so from then on the swap goes forward only. A part that is still staged is still to
/// be moved; a part whose place is empty has been moved aside already.
package enum RestoreSwap {
    /// What moves, relative to the home.
    package static let parts = ["keys", "data/database", "data/documents", "data/vectors"]
    /// Files from outside the vault: moves too when it was staged.
    static let outside = "files"
    static let marker = HomeLock.restoreMarker
    /// Files of a clone of the project that stay where they are when the directory around them moves.
    private static let resident = [".gitignore", "README.md"]
    private static let magic = Array("ATRS".utf8)

    static func lockPath(_ home: String) -> String { home + "/run/restore.lock" }

    /// Makes a directory to stage into, with a place for every part.
    package static func stage(home: String) throws -> String {
        try Files.createDirectory(home + "/run")
        let name = ".restore-" + Crockford32.encode(try RandomBytes.bytes(10))
        for part in ["", "/data"] + parts.map({ "/" + $0 }) {
            try Files.createDirectory(home + "/" + name + part)
        }
        return name
    }

    /// Swaps the staged directory in. The caller holds the home to itself and has verified and synced the
    /// staged files.
    ///
    /// - Parameters:
    ///   - time: goes into the old state's name.
    ///   - step: called before every change; tests stop there.
    /// - Returns: the name of the old state's directory in the home.
    @discardableResult
    package static func commit(
        home: String, staged: String, time: UInt64, step: () throws -> Void = {}
    ) throws -> String {
        for part in parts { try keepResidents(of: "\(home)/\(part)", in: "\(home)/\(staged)/\(part)") }
        for part in ["", "/data"] + parts.map({ "/" + $0 }) {
            try Durable.syncDirectory(home + "/" + staged + part)
        }
        try Durable.syncDirectory(home)
        var writer = CanonicalWriter()
        writer.raw(magic)
        writer.string(staged)
        let before = ".before-restore-\(time)"
        writer.string(before)
        try step()
        try Durable.replace(
            home + "/" + marker, with: writer.bytes + Hash.digest(.sha256, writer.bytes))
        try finish(home: home, step: step)
        return before
    }

    private static func keepResidents(of part: String, in staged: String) throws {
        for name in resident {
            guard try Files.status(part + "/" + name)?.kind == .regular else { continue }
            try Durable.replace(
                staged + "/" + name, with: Files.readAll(part + "/" + name, limit: 1 << 20),
                permissions: 0o644)
        }
    }

    /// Whether a swap has begun, which only goes forward.
    static func isDecided(home: String) throws -> Bool { try Files.exists(home + "/" + marker) }

    /// Whether anything was left by a restore that did not end.
    static func hasWork(home: String) throws -> Bool {
        guard try Files.exists(home + "/run") else { return false }
        return try Files.list(home).contains { $0 == marker || isLeft($0) }
    }

    /// Goes on from wherever a crash left it.
    @discardableResult
    package static func finish(home: String, step: () throws -> Void = {}) throws -> Bool {
        var isRestored = false
        if try Files.exists(home + "/" + marker) {
            let (staged, before) = try readMarker(home)
            try step()
            try Files.createDirectory(home + "/" + before)
            try Files.createDirectory(home + "/" + before + "/data")
            try Files.createDirectory(home + "/data")
            try Durable.syncDirectory(home + "/" + before)
            try Durable.syncDirectory(home)
            for part in parts + [outside] {
                try move(part, home: home, staged: staged, before: before, step: step)
            }
            try step()
            try Files.removeTree(home + "/" + staged)
            try step()
            try Durable.remove(home + "/" + marker)
            try Durable.syncDirectory(home)
            isRestored = true
        }
        for name in try Files.list(home) where isLeft(name) {
            try step()
            try Files.removeTree(home + "/" + name)
        }
        return isRestored
    }

    private static func move(
        _ part: String, home: String, staged: String, before: String, step: () throws -> Void
    ) throws {
        let new = "\(home)/\(staged)/\(part)"
        let place = "\(home)/\(part)"
        let old = "\(home)/\(before)/\(part)"
        guard try Files.exists(new) else { return }
        if try Files.exists(place) {
            guard try !Files.exists(old) else {
                throw BackupError(
                    .conflict, "\(place) was made again while a restore was unfinished",
                    hint: "move it away and run the command again")
            }
            try step()
            try Durable.rename(place, to: old)
            try Durable.syncDirectory(of: old)
            try Durable.syncDirectory(of: place)
        }
        try step()
        try Durable.rename(new, to: place)
        try Durable.syncDirectory(of: place)
        try Durable.syncDirectory(of: new)
    }

    private static func readMarker(_ home: String) throws -> (staged: String, before: String) {
        let path = home + "/" + marker
        let bytes = try Files.readAll(path, limit: 4096)
        let text = Array(bytes.dropLast(32))
        guard bytes.count > 36, Hash.digest(.sha256, text) == Array(bytes.suffix(32)) else {
            throw BackupError.integrity(path, "not the marker of a restore")
        }
        var reader = CanonicalReader(text)
        guard try reader.raw(4) == magic else {
            throw BackupError.integrity(path, "not the marker of a restore")
        }
        let staged = try reader.string(limit: 64)
        let before = try reader.string(limit: 64)
        try reader.expectEnd()
        guard isStaged(staged), isBefore(before) else {
            throw BackupError.integrity(path, "names that no restore makes")
        }
        return (staged, before)
    }

    private static func isStaged(_ name: String) -> Bool { isName(name, prefix: ".restore-") }

    /// What a restore leaves that ends before its marker has its name: what it staged, and the marker's own
    /// temporary file.
    static func isLeft(_ name: String) -> Bool {
        isStaged(name) || isName(name, prefix: marker + ".tmp-")
    }

    static func isBefore(_ name: String) -> Bool { isName(name, prefix: ".before-restore-") }

    private static func isName(_ name: String, prefix: String) -> Bool {
        guard name.hasPrefix(prefix), name.utf8.count > prefix.utf8.count else { return false }
        return name.dropFirst(prefix.count).utf8.allSatisfy {
            (0x30...0x39).contains($0) || (0x61...0x7A).contains($0)
        }
    }
}
