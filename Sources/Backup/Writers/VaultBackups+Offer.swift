internal import Cryptography
internal import EncryptedSQLite
internal import FileSystem
public import KeyRing
public import Vault

extension VaultBackups {
    /// What `backup offer` wrote.
    public struct OfferReport: Sendable {
        /// Pages of the database, and files of documents.
        public let pages: UInt32
        public let files: Int
        /// Bytes that were written: the pages, and the files that the spool did not have.
        public let bytes: UInt64
        /// How many checkpoints the database had seen: a later offer has a higher number.
        public let counter: UInt64
        /// Milliseconds since 1970.
        public let time: UInt64
    }

    /// Leaves the vault's state in a spool for a machine that only writes backups, while others go on
    /// writing: nothing but ciphertext and what is signed.
    ///
    /// - Parameters:
    ///   - directory: a spool, an empty directory, or none yet.
    ///   - time: milliseconds since 1970.
    /// - Throws: `.guardRefused` when this device's role vouches for nothing; `.conflict` when the directory
    ///   holds other things or somebody else offers there; `EncryptedDatabaseError` for a page that does not
    ///   authenticate.
    public func offer(
        _ vault: Vault, in directory: String, time: UInt64,
        progress: @escaping (BackupProgress) -> Void = { _ in }
    ) throws -> OfferReport {
        try requireOwnLife()
        guard keys.roster.member(keys.device)?.role.backsUp == true else {
            throw BackupError(.guardRefused, "this device's role does not let it vouch for backups")
        }
        let spool = try Spool(directory)
        let id = try RandomBytes.bytes(16)
        // Read before the snapshot is taken: what it names is in the snapshot for certain.
        let last = try vault.read { try $0.lastChangeSequence() }
        let (offer, copied) = try vault.database.withSnapshot { image in
            let root = try write(image, to: spool.makePages(id), progress)
            try image.requireNewest(root)
            let files = try sources().map { source in
                let size = try Files.status(source.location)?.size ?? 0
                return (OfferedFile(path: source.path, length: UInt64(size)), source.location)
            }
            let copied = try spool.add(files) {
                progress(BackupProgress(phase: .documents, done: $0, total: $1))
            }
            let statement = try FreshnessStatement(
                of: ImageSource(image), root: root, changeSequence: UInt64(last), files: files.map(\.0),
                roster: keys.roster, time: time, keys: backupKeys)
            let offer = Offer(
                pagesID: id, statement: statement, roster: keys.roster.chain, files: files.map(\.0))
            return (offer, copied)
        }
        try spool.commit(offer)
        return OfferReport(
            pages: offer.statement.pageCount, files: offer.files.count,
            bytes: UInt64(offer.statement.pageCount) * 4096 + copied.bytes,
            counter: offer.statement.counter, time: time)
    }

    /// Copies the pages as they stand on disk, each authenticated.
    ///
    /// - Returns: the root over exactly what was written.
    private func write(
        _ image: DatabaseImage, to file: borrowing File, _ progress: (BackupProgress) -> Void
    ) throws -> [UInt8] {
        var hasher = PageRootHasher(databaseID: image.databaseID, counter: image.counter)
        let size = PageSealer.pageCount
        try image.eachCiphertext { first, pages in
            try file.write(pages, at: Int64(first - 1) * Int64(size))
            for index in 0..<pages.count / size {
                let isLockPage = first + UInt32(index) == PageSealer.lockPage
                let page = Array(pages[index * size..<(index + 1) * size])
                let tag = isLockPage ? PageTag.none : PageTag(ciphertext: page)
                tag.bytes.withUnsafeBytes { hasher.add($0) }
            }
            let done = first - 1 + UInt32(pages.count / size)
            progress(
                BackupProgress(phase: .database, done: UInt64(done), total: UInt64(image.pageCount)))
        }
        return hasher.finalize()
    }
}

extension VaultBackups {
    /// Where what a device wrote ends, as far as this home has seen it anywhere: its last manifest of each
    /// incarnation. To be pinned when it is removed; without a pin none of it counts any more.
    public func pins(of device: DeviceID) throws -> [Pin] {
        _ = try judged()
        let path = home.keysDirectory + "/" + RollbackMemory.fileName
        let memory = try RollbackMemory(path, key: keys.homeKey(RollbackMemory.purpose))
        return memory.lastSeen(of: device.bytes).map {
            Pin(
                incarnation: $0.incarnation, kind: .manifests, stream: 0, sequence: $0.sequence,
                hash: $0.hash)
        }
    }
}
