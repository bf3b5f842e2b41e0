internal import Cryptography
internal import FileSystem

/// A blob that came from elsewhere, whole and authentic, in a file that has not its place yet.
package struct IncomingBlob: Sendable {
    let staged: StagedBlob
    /// Bytes of its file.
    package let stored: Int64
}

extension BlobStore {
    /// The names under which a remote may hold a blob: its own, and three more for when something else stands
    /// under that and can't be replaced.
    package func remoteNames(_ reference: BlobReference) throws -> [String] {
        try [name(reference)] + (1...3).map { try name(reference, variant: $0) }
    }

    /// The most bytes that the file of a blob of this size can have. Nothing longer is read to its end.
    package static func fileLimit(of size: Int64) -> Int64 {
        let piece = Int64(BlobHeader.pieceCount)
        let frames = size / piece + 1
        let (stored, overflow) = size.multipliedReportingOverflow(by: 2)
        let plain = Padding.padme(
            Int64(BlobHeader.fixedCount) + 4 * frames + (overflow ? .max / 4 : min(stored + piece, .max / 4)))
        return Int64(Cobblestone.ciphertextCount(forPlaintext: Int(plain)))
    }
}

extension Vault {
    /// Keeps sweeps from taking temporary files away as long as `body` runs.
    ///
    /// - Throws: `busy` when a sweep does not end.
    package func keepingTemporaries<R>(_ body: () throws -> R) throws -> R {
        let running = try FileLock.acquire(blobs.uploadLock, .shared, timeout: .seconds(60))
        guard let running else {
            throw VaultError(.busy, "another process is clearing up what uploads left", hint: "try again")
        }
        let result = Result { try body() }
        running.release()
        return try result.get()
    }

    /// Takes a blob's bytes in, from wherever they come, and reads them whole: what is returned has the
    /// content that the reference names. To be called within `keepingTemporaries`.
    ///
    /// - Parameters:
    ///   - continues: whether the file goes on where a call that was cut off has left it, and stays when
    ///     this one is; two such calls for one blob must not run at a time.
    ///   - fetch: gives the bytes from an offset on, in order.
    /// - Throws: `integrity_failure` for other bytes; what `fetch` throws.
    package func receive(
        _ reference: BlobReference, continues: Bool = false,
        _ fetch: (_ offset: UInt64, _ sink: (UnsafeRawBufferPointer) throws -> Void) throws -> Void
    ) throws -> IncomingBlob {
        let name = try blobs.name(reference)
        let unique = continues ? "part-" + name : Hex.encode(try surroundings.random(12))
        let path = "\(blobs.directory)/tmp-\(unique)"
        let begun = continues ? try Files.status(path)?.size ?? 0 : 0
        if begun == 0 { return try receive(reference, name, to: path, from: 0, continues, fetch) }
        do {
            return try receive(reference, name, to: path, from: begun, continues, fetch)
        } catch let error as VaultError where error.code == .integrityFailure {
            // The rest may belong to another writing of the blob than the beginning did.
            return try receive(reference, name, to: path, from: 0, continues, fetch)
        }
    }

    private func receive(
        _ reference: BlobReference, _ name: String, to path: String, from begun: Int64, _ keeps: Bool,
        _ fetch: (_ offset: UInt64, _ sink: (UnsafeRawBufferPointer) throws -> Void) throws -> Void
    ) throws -> IncomingBlob {
        let limit = BlobStore.fileLimit(of: reference.size)
        var end = begun
        do {
            let file = try File.open(path, .create)
            try file.truncate(to: begun)
            try fetch(UInt64(begun)) { bytes in
                guard end + Int64(bytes.count) <= limit else {
                    throw blobs.failure(name, "it is longer than its content can make it")
                }
                try file.write(bytes, at: end)
                end += Int64(bytes.count)
            }
            try blobs.verify(reference, name: name, in: SealedBlob(file))
        } catch {
            // What can be gone on with stays, until a sweep takes it.
            let isWrong = (error as? VaultError)?.code == .integrityFailure
            if isWrong || !keeps || end == 0 { try Durable.remove(path) }
            throw error
        }
        return IncomingBlob(
            staged: StagedBlob(reference: reference, name: name, temporary: path), stored: end)
    }

    /// Gives blobs that came their places, for good, and then their rows: a row never names a file that is
    /// not there.
    package func settle(_ incoming: [IncomingBlob]) throws {
        guard !incoming.isEmpty else { return }
        try blobs.settle(incoming.map(\.staged))
        try write(actor: "sync") { transaction in
            for blob in incoming {
                try transaction.addBlob(blob.staged, stored: blob.stored)
                try transaction.noteGot(blob.staged.reference)
            }
            try transaction.noteIndexIncomplete()
        }
    }

    /// A blob whose file is here and that has no row yet, since a crash came between the two; nil when there
    /// is no such file, or something else in its place.
    package func stray(_ reference: BlobReference) throws -> IncomingBlob? {
        guard let file = try blobFile(reference) else { return nil }
        do { try blobs.verify(reference) } catch let error as VaultError {
            guard error.code == .integrityFailure else { throw error }
            try Durable.remove(file.path)
            return nil
        }
        let staged = StagedBlob(
            reference: reference, name: try blobs.name(reference), temporary: nil)
        return IncomingBlob(staged: staged, stored: file.size)
    }

    /// Lets go of a blob that came.
    package func drop(_ incoming: IncomingBlob) throws {
        if let path = incoming.staged.temporary { try Durable.remove(path) }
    }

    /// The file of a blob, and its length; nil when it is not here.
    package func blobFile(_ reference: BlobReference) throws -> (path: String, size: Int64)? {
        let path = try blobs.path(blobs.name(reference))
        return try Files.status(path).map { (path, $0.size) }
    }
}
