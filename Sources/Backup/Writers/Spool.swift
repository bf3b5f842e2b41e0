internal import Cryptography
internal import FileSystem

/// A directory in which a key holder leaves the vault's state for a machine without keys: ciphertext and
/// signed records, readable by the directory's group.
///
///     offer           what is offered (`Offer`)
///     pages-<id>      the database's main file
///     documents/…, vectors/…      the files of `data/`, copies under their names
///     offer.lock      held while something is offered; marks a spool
///
/// Files are copies: a hard link would open the home's own file to the group. Everything that an offer names
/// is synced before `offer` is replaced, by a rename; what the offer before named stays until the one after,
/// for who is reading it. So a spool is whole at any moment, whoever is killed.
final class Spool {
    private static let lockName = "offer.lock"
    private static let temporaryMark = ".tmp-"
    private static let filePermissions: UInt16 = 0o640
    private static let directoryPermissions: UInt16 = 0o750
    private static let parts = ["documents", "vectors"]

    let directory: String
    private let lock: FileLock

    /// Makes the directory, or takes one that is empty or a spool already. Nobody else offers there while
    /// this value lives.
    ///
    /// - Throws: `.conflict` for another directory, and while somebody else offers there.
    init(_ directory: String) throws {
        self.directory = directory
        let lockPath = directory + "/" + Self.lockName
        if try Files.exists(directory) {
            guard try Files.exists(lockPath) || Files.list(directory).isEmpty else {
                throw BackupError(
                    .conflict, "\(directory) holds other things", hint: "name a directory that is empty")
            }
        } else {
            try Self.makeDirectory(directory)
        }
        guard let lock = try FileLock.acquire(lockPath, .exclusive, timeout: .seconds(2)) else {
            throw BackupError(
                .conflict, "another process offers in \(directory)", hint: "wait until it is done")
        }
        self.lock = consume lock
    }

    /// The offer that stands there, if there is one that can be read.
    func current() throws -> Offer? {
        let path = directory + "/" + Offer.fileName
        guard try Files.exists(path) else { return nil }
        do {
            return try Offer(
                whole: Files.readAll(path, limit: Offer.sizeLimit), "the offer", object: path)
        } catch is BackupError {
            // It goes with what it named: nobody could use it either.
            return nil
        }
    }

    /// Makes the file for an offer's pages.
    func makePages(_ id: [UInt8]) throws -> File {
        let file = try File.open(directory + "/pages-" + Crockford32.encode(id), .createNew)
        try file.setPermissions(Self.filePermissions)
        return file
    }

    /// Copies files that are not there yet. They count for nothing until an offer names them.
    ///
    /// - Parameter progress: is given bytes done, of how many.
    /// - Returns: files and bytes copied.
    func add(
        _ files: [(file: OfferedFile, location: String)], progress: (UInt64, UInt64) -> Void
    ) throws -> (files: Int, bytes: UInt64) {
        let missing = try files.filter { file, _ in
            try Files.status(directory + "/" + file.path)?.size != Int64(clamping: file.length)
        }
        let total = missing.reduce(UInt64(0)) { $0 + $1.file.length }
        var done: UInt64 = 0
        var copies: [(from: String, to: String)] = []
        for (file, location) in missing {
            let target = directory + "/" + file.path
            let folder = Path.parent(target) ?? directory
            for path in [Path.parent(folder) ?? directory, folder] where try !Files.exists(path) {
                try Self.makeDirectory(path)
            }
            let temporary = target + Self.temporaryMark + "offer"
            try copy(location, to: temporary)
            copies.append((temporary, target))
            done += file.length
            progress(done, total)
        }
        guard let first = copies.first else { return (0, 0) }
        // One wait for all of them; only what is on the disk gets its name.
        try File.open(first.from, .read).syncFileSystem()
        for copy in copies { try Durable.rename(copy.from, to: copy.to) }
        return (copies.count, total)
    }

    private func copy(_ source: String, to target: String) throws {
        try Files.removeTree(target)
        let from = try File.open(source, .read)
        let to = try File.open(target, .createNew)
        try to.setPermissions(Self.filePermissions)
        var offset: Int64 = 0
        while case let piece = try from.read(count: 1 << 20, at: offset), !piece.isEmpty {
            try to.write(piece, at: offset)
            offset += Int64(piece.count)
        }
    }

    /// Puts an offer in place of the one before, once everything that it names is on the disk, and removes
    /// what neither of the two names.
    func commit(_ offer: Offer) throws {
        let before = try current()
        try File.open(directory + "/" + offer.pagesName, .read).syncFileSystem()
        let path = directory + "/" + Offer.fileName
        let temporary = path + Self.temporaryMark + "offer"
        try Files.removeTree(temporary)
        let file = try File.open(temporary, .createNew)
        try file.setPermissions(Self.filePermissions)
        try file.write(offer.bytes, at: 0)
        try file.sync()
        try Durable.rename(temporary, to: path)
        try Durable.syncDirectory(directory)
        try sweep(keeping: [offer] + (before.map { [$0] } ?? []))
    }

    private func sweep(keeping offers: [Offer]) throws {
        let pages = Set(offers.map(\.pagesName))
        for name in try Files.list(directory) {
            let isOld = name.hasPrefix("pages-") && !pages.contains(name)
            guard isOld || name.contains(Self.temporaryMark) else { continue }
            try Durable.remove(directory + "/" + name)
        }
        let files = Set(offers.flatMap { $0.files.map(\.path) })
        for part in Self.parts where try Files.exists(directory + "/" + part) {
            for folder in try Files.list(directory + "/" + part) {
                for name in try Files.list("\(directory)/\(part)/\(folder)") {
                    let path = "\(part)/\(folder)/\(name)"
                    if !files.contains(path) { try Durable.remove(directory + "/" + path) }
                }
            }
        }
    }

    /// A directory that the group may look into; a set-group-id bit that it got from above stays.
    private static func makeDirectory(_ path: String) throws {
        try Files.createDirectory(path, permissions: directoryPermissions)
        guard let status = try Files.status(path) else { return }
        try Files.setPermissions(path, status.permissions | directoryPermissions)
    }
}
