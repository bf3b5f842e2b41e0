internal import Cryptography
internal import EncryptedSQLite
internal import FileSystem
internal import KeyRing
internal import Vault

/// A backup's state, rebuilt in a directory beside the home's own files: what restore swaps in, verify looks
/// at and export reads.
///
/// The name marks it as something that a crash left: the next command removes it, unless the store's lock
/// says that its maker is still at work.
final class RestoreStage {
    /// The directory, laid out like a home.
    let home: Home
    let name: String
    private let lock: FileLock?

    /// Makes the directory in `home`, to which no other process restores meanwhile.
    ///
    /// - Throws: `.conflict` while another process restores, verifies or exports here.
    init(in home: Home) throws {
        try Files.createDirectory(home.runDirectory)
        guard let lock = try FileLock.attempt(RestoreSwap.lockPath(home.path), .exclusive) else {
            throw BackupError(
                .conflict, "another process restores, verifies or exports in this home",
                hint: "wait until it is done")
        }
        try RestoreSwap.finish(home: home.path)
        name = try RestoreSwap.stage(home: home.path)
        self.home = Home(path: home.path + "/" + name)
        self.lock = consume lock
    }

    /// A second one inside `other`, under whose lock it is made and with which it goes.
    init(inside other: RestoreStage, _ name: String) throws {
        self.name = name
        home = Home(path: other.home.path + "/" + name)
        lock = nil
        try Files.createDirectory(Path.parent(home.databasePath) ?? home.path)
    }

    /// Writes the database: each page must give the tag that the signed map names.
    ///
    /// - Parameters:
    ///   - known: how far the database is known to have come elsewhere.
    ///   - isKept: false when it is only looked at, and need not reach the disk.
    ///   - progress: pages read so far, of how many.
    /// - Returns: the page map.
    @discardableResult
    func writeDatabase(
        _ backup: OpenBackup, keys: UnlockedKeys, after known: [DatabaseHistory] = [], isKept: Bool = true,
        progress: (UInt64, UInt64) -> Void = { _, _ in }
    ) throws -> PageMapTable {
        let record = backup.body.database
        let map = try backup.pageMap()
        let database = try RestoredDatabase(
            at: home.databasePath, databaseID: record.databaseID, pageCount: record.pageCount, keys: keys)
        var done: UInt64 = 0
        _ = try Workers<Void>.run { workers in
            try backup.groups(of: map) { group in
                try workers.submit {
                    try group.pages(of: map) {
                        try Self.write($0, isSealed: group.isSealed, to: database)
                    }
                }
                done += UInt64(group.wanted)
                progress(done, UInt64(record.pageCount))
            }
        }
        let own = DatabaseHistory(databaseID: record.databaseID, counter: record.counter)
        try database.finish(after: known + [own], isKept: isKept)
        return map
    }

    private static func write(
        _ page: PlainPage, isSealed: Bool, to database: RestoredDatabase
    ) throws {
        guard let tag = page.pageTag else {
            throw BackupError.integrity("page \(page.number)", "a malformed tag")
        }
        do throws(EncryptedDatabaseError) {
            if isSealed {
                try database.write(sealed: page.sealed, number: page.number)
            } else {
                try database.write(page.padded, number: page.number, as: tag)
            }
        } catch {
            guard error.code == .tampered else { throw error }
            throw BackupError.integrity(
                "page \(page.number)", "it does not give the tag that the signed map names")
        }
    }

    /// Writes one file of `data/` as it is; its length and hash must be those of the manifest.
    private func write(_ blob: DocumentFile, of backup: OpenBackup) throws {
        guard let path = RelativePath(blob.path), path.components.count == 3,
            ["documents", "vectors"].contains(String(decoding: path.components[0], as: UTF8.self))
        else {
            throw BackupError.integrity(blob.path, "not the place of a blob")
        }
        let target = home.path + "/data/" + blob.path
        try Files.createDirectory(Path.parent(target) ?? home.path)
        try write(blob, of: backup, to: File.open(target, .createNew))
    }

    /// Writes one file of `data/` over the one before: to look at each of thousands, a file system needs more
    /// time for their names than for their content.
    ///
    /// - Returns: where it stands until the next call.
    func writeScratch(_ blob: DocumentFile, of backup: OpenBackup) throws -> String {
        let path = home.path + "/blob"
        let file = try File.open(path, .create)
        try file.truncate(to: 0)
        try write(blob, of: backup, to: file)
        return path
    }

    private func write(_ blob: DocumentFile, of backup: OpenBackup, to file: borrowing File) throws {
        var offset: Int64 = 0
        try backup.packs.check(blob) { bytes in
            try file.write(bytes, at: offset)
            offset += Int64(bytes.count)
        }
    }

    /// Writes the files of `data/`, or those that `taking` names.
    ///
    /// - Parameter progress: bytes written so far, of how many.
    /// - Returns: files and bytes.
    @discardableResult
    func writeBlobs(
        _ backup: OpenBackup, taking: (DocumentFile) -> Bool = { _ in true },
        progress: (UInt64, UInt64) -> Void = { _, _ in }
    ) throws -> (files: UInt64, bytes: UInt64) {
        let total = backup.body.statistics.documents.bytes
        var done: UInt64 = 0
        var count: UInt64 = 0
        try backup.documents.each { blob in
            guard taking(blob) else { return }
            try write(blob, of: backup)
            done &+= blob.length
            count += 1
            progress(done, total)
        }
        return (count, done)
    }

    /// Makes everything that was staged last: one sync for many small files and their names.
    func sync() throws { try File.open(home.databasePath, .read).syncFileSystem() }

    /// Opens what was staged and demands that its tables and indexes are whole and that it has come as far
    /// as the manifest says.
    ///
    /// - Parameter checksFiles: whether the files of a relayed backup are staged too. Who shipped them could
    ///   not look into them: each that the database names has to be there and to open, and others go.
    func check(
        _ backup: OpenBackup, keys: UnlockedKeys, surroundings: Surroundings, checksFiles: Bool
    ) throws {
        try backup.checkFiles()
        try withVault(keys, surroundings) { vault in
            if checksFiles, backup.isRelayed { try checkBlobs(vault) }
            try Self.check(vault, backup.id, changeSequence: backup.body.database.changeSequence)
        }
    }

    /// Demands that an open vault's tables and indexes are whole and that it has come as far as this.
    static func check(_ vault: Vault, _ id: String, changeSequence: UInt64) throws {
        do {
            _ = try vault.read { try $0.checkIntegrity() }
        } catch let error as VaultError {
            throw BackupError.integrity(id, error.message)
        }
        let last = try vault.read { try $0.lastChangeSequence() }
        guard UInt64(last) >= changeSequence else {
            throw BackupError.integrity(
                id, "its change log ends before the change that the manifest names")
        }
    }

    private func checkBlobs(_ vault: Vault) throws {
        var named: Set<String> = []
        for blob in try vault.read({ try vault.storedBlobs($0) }) {
            let path = "documents/\(blob.name.prefix(2))/\(blob.name)"
            named.insert(path)
            guard try Files.exists(home.path + "/data/" + path) else {
                throw BackupError.integrity(path, "the database names it and the backup lacks it")
            }
            do { try vault.verify(blob) } catch let error as VaultError {
                throw BackupError.integrity(path, error.message)
            }
        }
        for part in ["documents", "vectors"] where try Files.exists("\(home.path)/data/\(part)") {
            for folder in try Files.list("\(home.path)/data/\(part)") {
                for name in try Files.list("\(home.path)/data/\(part)/\(folder)")
                where !named.contains("\(part)/\(folder)/\(name)") {
                    try Durable.remove("\(home.path)/data/\(part)/\(folder)/\(name)")
                }
            }
        }
    }

    /// Lends the staged vault, open. Nobody else knows of it, so the home's lock is not needed.
    func withVault<R>(
        _ keys: UnlockedKeys, _ surroundings: Surroundings, _ body: (Vault) throws -> R
    ) throws -> R {
        // Once the keys are staged too the database gets its anchor there: they are swapped in together.
        let hasKeys = try home.exists()
        let vault = try Vault.open(
            at: home.databasePath, keys: keys, home: home,
            blobs: BlobStore(directory: home.documentsDirectory, keys: BlobKeys(keys)),
            origin: Origin(device: keys.device.bytes, incarnation: keys.incarnation),
            surroundings: surroundings, anchor: hasKeys ? AnchorFile(of: home, keys: keys) : nil)
        do {
            let result = try body(vault)
            try vault.close()
            return result
        } catch {
            // The first error says more.
            do { try vault.close() } catch _ { throw error }
            throw error
        }
    }

    /// Removes what was staged. After a swap there is nothing left to remove.
    func remove() throws { try Files.removeTree(home.path) }
}
