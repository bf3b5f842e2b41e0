internal import FileSystem

/// What a sweep removed.
public struct SweepReport: Sendable, Equatable {
    public var files = 0
    public var bytes: Int64 = 0
}

/// A blob that a backup must hold.
public struct StoredBlob: Sendable, Hashable {
    public let name: String
    /// The encrypted file.
    public let path: String
    public let reference: BlobReference
}

extension Vault {
    /// Gives the content of a document, or of one of its versions, in order. Pieces are authentic when
    /// they come;
    /// an error after the last one means that the whole is not what was uploaded.
    public func readDocument(
        _ id: String, version: Int? = nil, _ emit: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        try blobs.read(reference(id, version), emit)
    }

    /// A part of a document's content.
    public func readDocument(_ id: String, version: Int? = nil, range: Range<Int64>) throws -> [UInt8] {
        try blobs.read(reference(id, version), range: range)
    }

    /// The text of a document as far as there is one: its own, or what was taken out of a PDF.
    /// - Parameter limit: at most so many bytes.
    public func documentText(_ id: String, limit: Int = 1 << 20) throws -> String? {
        let document = try read { try $0.document(id) }
        let isText = document.contentType.hasPrefix("text/") || document.contentType == "application/json"
        guard let source = document.extractedText ?? (isText ? document.content : nil) else { return nil }
        return String(decoding: try blobs.read(source, range: 0..<Int64(limit)), as: UTF8.self)
    }

    private func reference(_ id: String, _ version: Int?) throws -> BlobReference {
        try read { tx in
            let document = try tx.document(id)
            guard let version, version != document.version else { return document.content }
            guard let match = try tx.versions(of: id).first(where: { $0.number == version }) else {
                throw VaultError(
                    .notFound, "\(id) has no version \(version)", hint: "it has 1 to \(document.version)")
            }
            return match.content
        }
    }

    /// The blobs that the versions of all documents name, trash included.
    public func storedBlobs(_ tx: ReadTransaction) throws -> [StoredBlob] {
        try tx.referencedBlobs().map { reference in
            let name = try blobs.name(reference)
            return StoredBlob(name: name, path: blobs.path(name), reference: reference)
        }
    }

    /// Reads a blob whole and compares its hash.
    /// - Throws: `VaultError` with code `integrity_failure` or `not_found` that names it.
    public func verify(_ blob: StoredBlob) throws { try blobs.verify(blob.reference) }

    /// Removes blobs that nothing names, and what crashed uploads left. Runs inside a write transaction,
    /// so that
    /// no upload can begin to use what is being removed.
    @discardableResult
    public func sweepBlobs() throws -> SweepReport {
        var report = SweepReport()
        try write { tx in
            let referenced = Set(try storedBlobs(tx).map(\.name))
            let kept = try tx.dropUnreferencedBlobs(named: referenced)
            for entry in try Files.list(blobs.directory) {
                let path = blobs.directory + "/" + entry
                guard let status = try Files.status(path) else { continue }
                if status.kind == .regular, entry.hasPrefix("tmp-") {
                    let age = tx.now.milliseconds - status.modified / 1_000_000
                    if age > 86_400_000 { try remove(path, status.size, &report) }
                } else if status.kind == .directory, entry.utf8.count == 2 {
                    for name in try Files.list(path) where !kept.contains(name) {
                        let size = try Files.status(path + "/" + name)?.size ?? 0
                        try remove(path + "/" + name, size, &report)
                    }
                }
            }
        }
        return report
    }

    private func remove(_ path: String, _ size: Int64, _ report: inout SweepReport) throws {
        try Durable.remove(path)
        report.files += 1
        report.bytes += size
    }
}
