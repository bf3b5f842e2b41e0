package import EncryptedSQLite
internal import KeyRing
package import Vault

/// Looks through backups, the newest first, for exact copies of what was damaged in the home.
package struct BackupSearch {
    private let entries: [BackupIndex.Entry]
    private let open: (BackupIndex.Entry) throws -> OpenBackup
    /// What kept backups from being looked at.
    package private(set) var problems: [VaultBackups.Problem] = []

    init(_ index: BackupIndex, open: @escaping (BackupIndex.Entry) throws -> OpenBackup) {
        entries = index.entries.sorted { ($0.head.created, $0.name) > ($1.head.created, $1.name) }
        self.open = open
    }

    /// Hands out copies of pages in just the versions that are wanted.
    ///
    /// - Parameter found: is given a page's number, its copy and the backup's id; says whether it was of use.
    package mutating func pages(
        _ wanted: [DamagedPage], found: (UInt32, PageCopy, String) throws -> Bool
    ) throws {
        var open = Dictionary(uniqueKeysWithValues: wanted.map { ($0.number, $0.tag) })
        try each(while: { !open.isEmpty }) { backup in
            let map = try backup.pageMap()
            var rows: Set<UInt32> = []
            for (number, tag) in open where Int(number) <= map.pages.count {
                let entry = map.pages[Int(number) - 1]
                if entry.version.encoded == tag.bytes { rows.insert(entry.group) }
            }
            guard !rows.isEmpty else { return }
            try backup.groups(of: map, only: rows) { group in
                try group.pages(of: map) { page in
                    guard let tag = open[page.number], page.version.encoded == tag.bytes else { return }
                    let copy = group.isSealed ? PageCopy.sealed(page.sealed) : .plain(page.padded)
                    if try found(page.number, copy, backup.id) { open[page.number] = nil }
                }
            }
        }
    }

    /// Hands out the files of blobs as they were backed up.
    ///
    /// - Parameter found: is given the blob, a function that writes its file piece by piece and throws when a
    ///   piece is not what was backed up, and the backup's id; says whether it was of use.
    package mutating func blobs(
        _ wanted: [StoredBlob],
        found: (StoredBlob, @escaping (_ sink: ([UInt8]) throws -> Void) throws -> Void, String) throws ->
            Bool
    ) throws {
        var open = Dictionary(wanted.map { ($0.backupPath, $0) }, uniquingKeysWith: { first, _ in first })
        try each(while: { !open.isEmpty }) { backup in
            try backup.documents.each { file in
                guard let blob = open[file.path] else { return }
                if try found(blob, { try backup.packs.check(file, $0) }, backup.id) { open[file.path] = nil }
            }
        }
    }

    /// One bad backup must not keep the others from being looked at.
    private mutating func each(while isGoingOn: () -> Bool, _ body: (OpenBackup) throws -> Void) throws {
        for entry in entries where isGoingOn() {
            do {
                try body(try open(entry))
            } catch let error as BackupError {
                problems.append(VaultBackups.Problem(error, in: entry.id))
            }
        }
    }
}

extension VaultBackups {
    /// A search through the backups of the home.
    package func search() throws -> BackupSearch {
        let index = try judged().index
        return BackupSearch(index) { try open($0) }
    }
}

extension CloudBackups {
    /// A search through the backups of the remote.
    package func search() throws -> BackupSearch {
        let listing = try listing()
        let index = try judged(listing, acceptsRollback: false).index
        return BackupSearch(index) { entry in
            try OpenBackup(entry, store: manifests(listing), keys: VaultBackupKeys(keys), isFar: true)
        }
    }
}

extension StoredBlob {
    /// The path below `data/` under which backups have it.
    fileprivate var backupPath: String { "documents/\(name.prefix(2))/\(name)" }
}
