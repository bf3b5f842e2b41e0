/// A blob that a backup must hold.
public struct StoredBlob: Sendable, Hashable {
    public let name: String
    /// The encrypted file.
    public let path: String
    public let reference: BlobReference
}

/// One version of a document with the blobs that hold it: what finds a document without the database.
public struct StoredVersion: Sendable, Hashable {
    public let documentID: String
    /// Relative, as bytes: where an export puts it. Need not be UTF-8.
    public let name: [UInt8]
    /// From 1.
    public let number: Int
    public let isInTrash: Bool
    public let createdAt: Timestamp
    public let content: StoredBlob
    /// The text that was taken out of a PDF.
    public let extractedText: StoredBlob?
}

/// What a look at every blob found.
public struct DocumentVerification: Sendable, Equatable {
    public internal(set) var blobs = 0
    /// One for each blob that is damaged or missing, with the document's id in its message.
    public internal(set) var failures: [VaultError] = []
    /// Those blobs.
    public internal(set) var damaged: [StoredBlob] = []

    package init(blobs: Int = 0) { self.blobs = blobs }
}

extension Vault {
    /// The blobs that the versions of all documents name and that are on this device, each once, trash
    /// included: what a backup holds.
    public func storedBlobs(_ tx: ReadTransaction) throws -> [StoredBlob] {
        try tx.referencedBlobs(here: true).map(stored)
    }

    /// The names of all blobs that versions of documents name, here or not.
    func namedBlobs(_ tx: ReadTransaction) throws -> [String] {
        try tx.referencedBlobs(here: false).map(blobs.name)
    }

    /// Every version of every document whose content is on this device, trash included, in the order of
    /// documents and numbers.
    public func eachStoredVersion(
        _ tx: ReadTransaction, _ body: (StoredVersion) throws -> Void
    ) throws {
        try tx.eachVersion { document, name, isInTrash, version in
            guard version.isHere else { return }
            try body(
                StoredVersion(
                    documentID: document, name: name, number: version.number, isInTrash: isInTrash,
                    createdAt: version.createdAt, content: stored(version.content),
                    extractedText: version.extractedText.map(stored)))
        }
    }

    /// Every version of every document that is not in the trash and is here, in the same order.
    public func storedVersions() throws -> [StoredVersion] {
        var versions: [StoredVersion] = []
        try read { tx in try eachStoredVersion(tx) { if !$0.isInTrash { versions.append($0) } } }
        return versions
    }

    /// Reads a blob whole and compares its hash.
    /// - Throws: `VaultError` with code `integrity_failure` or `not_found` that names it.
    public func verify(_ blob: StoredBlob) throws { try blobs.verify(blob.reference) }

    /// The same for a copy of its file that a backup holds.
    package func verify(_ blob: StoredBlob, in sealed: SealedBlob) throws {
        try blobs.verify(blob.reference, name: blob.name, in: sealed)
    }

    /// Reads every blob of every version whole.
    public func verifyDocuments() throws -> DocumentVerification {
        var versions: [StoredVersion] = []
        try read { tx in try eachStoredVersion(tx) { versions.append($0) } }
        var seen: Set<String> = []
        var found = DocumentVerification()
        for version in versions {
            for blob in [version.content, version.extractedText].compactMap({ $0 })
            where seen.insert(blob.name).inserted {
                do {
                    try naming(version.documentID) { try verify(blob) }
                } catch let error as VaultError {
                    found.failures.append(error)
                    found.damaged.append(blob)
                }
            }
        }
        found.blobs = seen.count
        return found
    }

    private func stored(_ reference: BlobReference) throws -> StoredBlob {
        let name = try blobs.name(reference)
        return StoredBlob(name: name, path: blobs.path(name), reference: reference)
    }
}
