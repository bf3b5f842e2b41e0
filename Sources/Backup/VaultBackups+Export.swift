internal import FileSystem
internal import KeyRing
internal import Vault

extension VaultBackups {
    /// Where an export goes.
    public enum ExportDestination {
        /// A pax tar, handed out piece by piece.
        case archive(_ sink: (UnsafeRawBufferPointer) throws -> Void)
        /// A directory, which exists: nothing in it is overwritten.
        case directory(String)
        /// Nowhere: what would be written is counted, and its content is not read.
        case nowhere
    }

    /// What an export wrote.
    public struct ExportReport: Sendable {
        public let backup: Summary
        public let files: UInt64
        /// Bytes of their content.
        public let bytes: UInt64
        /// What is not in it, and why.
        public let failures: [Problem]
    }

    /// Writes a backup in plain text, for programs and people without ai-team.
    ///
    /// What needs the backup's database is staged in the home, encrypted as it is; nothing plain goes
    /// anywhere but to the destination.
    ///
    /// - Parameters:
    ///   - only: as bytes: patterns over the paths of the exported tree, names of tables, ids of tasks,
    ///     projects and documents; none means everything. A project comes with its tasks and a task with its
    ///     comments, a document in its newest version.
    ///   - progress: is given the bytes of content written so far, of how many (0: not known).
    /// - Throws: `.notFound`, `.ambiguous`, `.integrity`; `.notFound` too when nothing meets `only`.
    public func export(
        _ id: String, to destination: ExportDestination, only: [[UInt8]] = [],
        progress: (UInt64, UInt64) -> Void = { _, _ in }
    ) throws -> ExportReport {
        let backup = try open(id, in: judged().index)
        let wishes = ExportWishes(only)
        // Who made a relayed backup could not name its documents: its database does.
        guard wishes.needDatabase || (backup.isRelayed && !wishes.areOutside) else {
            return try writeParts(of: backup, wishes, to: destination, progress)
        }
        let total = wishes.isEmpty ? backup.summary.bytesLogical : 0
        return try withStage { stage in
            try stage.writeDatabase(backup, keys: keys, isKept: false)
            let result = try stage.withVault(keys, surroundings) { vault in
                let choice = try ExportChoice(wishes, in: vault)
                try stage.writeBlobs(backup, taking: wantedBlobs(vault, wishes.isEmpty, choice.takes))
                return try withoutActuallyEscaping(progress) { progress in
                    try BackupExport.write(
                        vault, keys: keys, scratch: stage.home.path + "/plain",
                        outside: backup.outside(keys), only: choice.takes, records: choice.records,
                        modified: backup.modified, progress: { progress($0, total) },
                        to: target(destination))
                }
            }
            return try report(result, of: backup, isChoice: !wishes.isEmpty)
        }
    }

    /// Writes documents and files from outside the vault, wherever the backup is: they are found by its
    /// lists, and nothing else of it is read.
    func writeParts(
        of backup: OpenBackup, _ wishes: ExportWishes, to destination: ExportDestination,
        _ progress: (UInt64, UInt64) -> Void
    ) throws -> ExportReport {
        try withStage { stage in
            let catalogue = try wishes.areOutside ? [] : CatalogueDocuments(of: backup).items
            let choice = try ExportChoice(wishes, among: catalogue)
            let wanted = catalogue.filter { choice.takes($0.path) }.sorted(by: backup.isBefore)
            let outside = try choice.mayTakeOutside ? backup.outside(keys) : nil
            try backup.plan(
                wanted.flatMap(\.file.extents).map(backup.packs.place)
                    + (outside?.listing.segments ?? []).flatMap(\.parts).map(\.place))
            return try withoutActuallyEscaping(progress) { progress in
                let result = try BackupExport.write(
                    wanted.map { document($0, of: backup, stage) }, outside: outside, only: choice.takes,
                    progress: { progress($0, 0) }, to: target(destination))
                return try report(result, of: backup, isChoice: true)
            }
        }
    }

    /// A version whose blob is brought when it is its turn.
    private func document(
        _ item: CatalogueDocuments.Item, of backup: OpenBackup, _ stage: RestoreStage
    ) -> BackupExport.Document {
        let blobs = BlobStore(directory: stage.home.documentsDirectory, keys: BlobKeys(keys))
        let version = item.version
        return BackupExport.Document(
            path: item.path, size: Int64(clamping: version.plainLength), modified: backup.modified
        ) {
            let copy = try stage.writeScratch(item.file, of: backup)
            let reference = BlobReference(
                sha256: version.plainHash, size: Int64(clamping: version.plainLength), epoch: version.epoch)
            return { try blobs.read(reference, at: copy, $0) }
        }
    }

    private func withStage<R>(_ body: (RestoreStage) throws -> R) throws -> R {
        let stage = try RestoreStage(in: home)
        do {
            let result = try body(stage)
            try stage.remove()
            return result
        } catch {
            try stage.remove()
            throw error
        }
    }

    private func report(
        _ result: ExportResult, of backup: OpenBackup, isChoice: Bool
    ) throws -> ExportReport {
        guard !isChoice || result.files > 0 || !result.failures.isEmpty else {
            throw BackupError(
                .notFound, "nothing in the backup meets what --only says",
                hint: "it takes patterns over the tree of `backup export` such as 'documents/**', a table"
                    + " such as tasks, or the id of a task, project or document")
        }
        return ExportReport(
            backup: backup.summary, files: result.files, bytes: result.bytes,
            failures: result.failures.map {
                Problem(BackupError.integrity($0.path.bytes.printable, $0.message), in: backup.id)
            })
    }

    private func target(_ destination: ExportDestination) throws -> any ExportTarget {
        switch destination {
        case .archive(let sink): try ExportArchive(sink)
        case .directory(let path): try ExportDirectory(path)
        case .nowhere: ExportCount()
        }
    }

    /// Which blobs the wanted documents need, as the manifest calls them.
    private func wantedBlobs(
        _ vault: Vault, _ isEverything: Bool, _ isWanted: (RelativePath) -> Bool
    ) throws -> (DocumentFile) -> Bool {
        if isEverything { return { _ in true } }
        let versions = try vault.storedVersions()
        let paths = ExportTree.paths(of: versions.map { ExportTree.Version($0) })
        let wanted = zip(versions, paths).filter { isWanted($0.1) }.map(\.0.content.name)
        let names = Set(wanted.map { "documents/\($0.prefix(2))/\($0)" })
        return { names.contains($0.path) }
    }
}

extension OpenBackup {
    /// What has no time of its own gets the backup's: nanoseconds since 1970.
    fileprivate var modified: Int64 { Int64(clamping: manifest.head.created) &* 1_000_000 }

    /// Whether one blob stands before another where packs are read in order.
    fileprivate func isBefore(_ a: CatalogueDocuments.Item, _ b: CatalogueDocuments.Item) -> Bool {
        guard let first = a.file.extents.first, let second = b.file.extents.first else {
            return a.file.extents.isEmpty && !b.file.extents.isEmpty
        }
        return first.pack == second.pack
            ? first.offset < second.offset : first.pack.lexicographicallyPrecedes(second.pack)
    }
}
