internal import FileSystem

/// How far documents have come.
public struct BlobReencryption: Sendable, Equatable {
    /// Blobs that were written anew, and the bytes of their contents.
    public internal(set) var blobs = 0
    public internal(set) var bytes: Int64 = 0
}

extension Vault {
    /// Encrypts the contents of documents that are here and under an earlier epoch anew.
    ///
    /// Batch by batch: the new files and their names are made last, and only then does one transaction have
    /// the versions name them. So a crash leaves files that the next sweep removes; what a version names is
    /// always there. The old files go by the sweep as well, when no backup is copying them. The new epoch is
    /// a change of the version like any other: `sync` stores the new blob before it tells the others.
    ///
    /// - Parameter goesOn: told after each batch; false stops it.
    public func reencryptBlobs(goesOn: (BlobReencryption) -> Bool = { _ in true }) throws -> BlobReencryption
    {
        var done = BlobReencryption()
        var last = ""
        while true {
            let epoch = try blobs.keys.currentEpoch()
            let versions = try read {
                try $0.oldVersions(before: epoch, after: last, limit: Self.versionsAtOnce)
            }
            guard let first = versions.first else { break }
            var size = first.content.size
            let rest = versions.dropFirst().prefix { version in
                size += version.content.size
                return size <= Self.bytesAtOnce
            }
            let batch = [first] + rest
            last = batch[batch.count - 1].id
            try keepingTemporaries { try reencrypt(batch, &done) }
            guard goesOn(done) else { return done }
        }
        if done.blobs > 0 { try sweepBlobs() }
        return done
    }

    /// Of what stands twice until a batch is done.
    private static let versionsAtOnce = 64, bytesAtOnce: Int64 = 64 << 20

    private func reencrypt(_ versions: [OldVersion], _ done: inout BlobReencryption) throws {
        var staged: [BlobReference: StagedBlob] = [:]
        do {
            for version in versions {
                for old in [version.content, version.text].compactMap({ $0 }) where staged[old] == nil {
                    staged[old] = try stageAnew(old)
                }
            }
            try settle(versions, staged)
        } catch {
            // The first failure is the one to tell; a file that stays is taken by the next sweep.
            for path in staged.values.compactMap(\.temporary) { do { try Durable.remove(path) } catch {} }
            throw error
        }
        done.blobs += staged.count
        done.bytes += staged.keys.reduce(0) { $0 + $1.size }
    }

    private func stageAnew(_ old: BlobReference) throws -> StagedBlob {
        let source = BlobCopy(try blobs.open(old), count: old.size)
        // Not left out for one that is there: it might be swept before it is named.
        let blob = try BlobWriter(store: blobs, random: surroundings.random).stage(source) { _ in false }
        guard blob.reference.sha256 == old.sha256 else {
            throw blobs.failure(try blobs.name(old), "its content has another hash")
        }
        return blob
    }

    private func settle(_ versions: [OldVersion], _ staged: [BlobReference: StagedBlob]) throws {
        let upload = try surroundings.random(16)
        // From here on nobody sweeps these names.
        try write(actor: Self.keyActor) { try $0.addIntents(staged.values.map(\.name), upload: upload) }
        try blobs.settle(Array(staged.values))
        try write(actor: Self.keyActor) { tx in
            for version in versions {
                let parts = [version.content, version.text].compactMap { $0 }
                let new = parts.compactMap { staged[$0] }
                // A new epoch may have begun between the two blobs of a version: it waits for another run.
                guard Set(new.map(\.reference.epoch)).count == 1, let epoch = new.first?.reference.epoch,
                    try tx.isUnchanged(version)
                else { continue }
                for blob in new {
                    try tx.addBlob(blob, stored: Files.status(blobs.path(blob.name))?.size ?? 0)
                }
                try tx.setEpoch(epoch, of: version)
            }
            try tx.removeIntents(upload: upload)
        }
    }

    /// Who the history names for changes of keys.
    static let keyActor = "keys"
}

/// A blob's content, to be written anew.
private final class BlobCopy: BlobSource {
    let count: Int64
    private var reader: BlobReader

    init(_ reader: consuming BlobReader, count: Int64) {
        self.reader = reader
        self.count = count
    }

    func read(count: Int, at offset: Int64, into buffer: inout [UInt8]) throws {
        buffer = try reader.read(offset..<offset + Int64(count))
        guard buffer.count == count else { throw BlobWriter.changed }
    }
}
