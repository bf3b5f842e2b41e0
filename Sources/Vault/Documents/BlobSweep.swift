internal import EncryptedSQLite
internal import FileSystem

/// What a sweep removed.
public struct SweepReport: Sendable, Equatable {
    public internal(set) var files = 0
    public internal(set) var bytes: Int64 = 0
    /// False when a backup was running or time was up: the rest goes with a later sweep.
    public internal(set) var isComplete = true

    package init() {}
}

extension Vault {
    /// Removes blobs that nothing names, and what crashed uploads left.
    ///
    /// What can go is found by reading. It goes in small batches, each inside a write transaction that sees
    /// no version and no live intent of the name, so that no upload can begin to use it, and under the
    /// snapshot lock, so that no backup is copying it.
    /// - Parameter milliseconds: when to stop.
    @discardableResult
    public func sweepBlobs(milliseconds: Int64 = 60_000) throws -> SweepReport {
        let deadline = ContinuousClock.now + .milliseconds(milliseconds)
        var report = SweepReport()
        try sweepUploads(&report)
        if try read({ try $0.knowsUnnamedBlobs() }) { try write { try $0.forgetUnnamedBlobs() } }
        var (waste, seen) = try read { tx in (try unnamedBlobs(tx), try tx.lastChangeSequence()) }
        while !waste.isEmpty {
            let patience = (deadline - ContinuousClock.now).components
            let left = patience.seconds * 1000 + patience.attoseconds / 1_000_000_000_000_000
            let isDone: Void? = try database.excludingSnapshots(milliseconds: Int(min(left, 1000))) {
                try write { tx in
                    let last = try tx.lastChangeSequence()
                    if last != seen { (waste, seen) = (try unnamedBlobs(tx), last) }
                    let intents = try tx.blobIntents()
                    for name in waste.suffix(256) where !intents.contains(name) {
                        try remove(blobs.path(name), &report)
                        try tx.dropBlob(name)
                    }
                }
            }
            if isDone != nil { waste.removeLast(min(256, waste.count)) }
            guard isDone != nil, waste.isEmpty || ContinuousClock.now < deadline else {
                report.isComplete = false
                break
            }
        }
        return report
    }

    /// The names of blobs, as files or as rows, that no version names.
    private func unnamedBlobs(_ tx: ReadTransaction) throws -> [String] {
        let named = Set(try namedBlobs(tx))
        var waste = Set(try tx.blobRows()).subtracting(named)
        for folder in try Files.list(blobs.directory) where folder.utf8.count == 2 {
            waste.formUnion(try Files.list(blobs.directory + "/" + folder).filter { !named.contains($0) })
        }
        return waste.sorted()
    }

    /// Temporary files and intents of uploads that died: all, when no upload runs; else the old ones.
    private func sweepUploads(_ report: inout SweepReport) throws {
        guard let lock = try FileLock.attempt(blobs.uploadLock, .exclusive) else {
            return try sweepUploads(isAlone: false, &report)
        }
        let result = Result { try sweepUploads(isAlone: true, &report) }
        lock.release()
        try result.get()
    }

    private func sweepUploads(isAlone: Bool, _ report: inout SweepReport) throws {
        let now = surroundings.now().milliseconds
        for name in try Files.list(blobs.directory) where name.hasPrefix("tmp-") {
            let path = blobs.directory + "/" + name
            guard let status = try Files.status(path), status.kind == .regular else { continue }
            let isOld = now - status.modified / 1_000_000 > intentMilliseconds
            if isAlone || isOld { try remove(path, &report) }
        }
        guard try read({ try !$0.blobIntents().isEmpty }) else { return }
        try write { try $0.dropIntents(isAlone: isAlone) }
    }

    private func remove(_ path: String, _ report: inout SweepReport) throws {
        guard let status = try Files.status(path) else { return }
        try Durable.remove(path)
        report.files += 1
        report.bytes += status.size
    }
}
