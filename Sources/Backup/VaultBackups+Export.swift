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
    /// The backup is staged in the home, encrypted as it is; nothing plain goes anywhere but to the
    /// destination.
    ///
    /// - Parameters:
    ///   - only: patterns as bytes, over the paths of the exported tree; none means everything.
    ///   - progress: is given the bytes of content written so far, of how many (0: not known).
    /// - Throws: `.notFound`, `.ambiguous`, `.integrity`; `.notFound` too when nothing meets `only`.
    public func export(
        _ id: String, to destination: ExportDestination, only: [[UInt8]] = [],
        progress: (UInt64, UInt64) -> Void = { _, _ in }
    ) throws -> ExportReport {
        let backup = try open(id, in: judged().index)
        let patterns = only.map { PathPattern($0) }
        let isWanted = { (path: RelativePath) in
            patterns.isEmpty || patterns.contains { $0.matches(path.bytes) }
        }
        let total = patterns.isEmpty ? backup.summary.bytesLogical : 0
        if !only.isEmpty, only.allSatisfy(ExportTree.isOutside) {
            return try withoutActuallyEscaping(progress) { progress in
                let result = try BackupExport.write(
                    backup.outside(keys), only: isWanted, progress: { progress($0, total) },
                    to: target(destination))
                return try report(result, of: backup, isChoice: true)
            }
        }
        let stage = try RestoreStage(in: home)
        do {
            try stage.writeDatabase(backup, keys: keys)
            let result = try stage.withVault(keys, surroundings) { vault in
                try stage.writeBlobs(backup, taking: wantedBlobs(vault, patterns.isEmpty, isWanted))
                return try withoutActuallyEscaping(progress) { progress in
                    try BackupExport.write(
                        vault, keys: keys, scratch: stage.home.path + "/plain",
                        outside: backup.outside(keys), only: isWanted,
                        modified: Int64(clamping: backup.manifest.head.created) &* 1_000_000,
                        progress: { progress($0, total) },
                        to: target(destination))
                }
            }
            try stage.remove()
            return try report(result, of: backup, isChoice: !patterns.isEmpty)
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
                .notFound, "nothing in the backup meets the patterns",
                hint: "they are about the tree of `backup export`, such as 'documents/**'")
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
