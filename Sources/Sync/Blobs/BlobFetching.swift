internal import KeyRing
public import ObjectStorage
public import Vault

/// Gets blobs that are named here from the remote. What comes is believed for its content alone, which the
/// record of the document names: it has to be authentic under the name and to have that hash.
public struct BlobFetching: Sendable {
    private let vault: Vault
    private let store: any ObjectStore

    /// Gets for a vault what is in a store.
    public init(vault: Vault, store: any ObjectStore) {
        self.vault = vault
        self.store = store
    }

    /// What came, and what did not.
    struct Report {
        var fetched = 0
        /// Blobs of which the remote has nothing that opens.
        var missing: [BlobReference] = []
        /// Objects under their names that are something else.
        var garbage: [ObjectName] = []
        /// Why not all were tried.
        var failure: SyncError?
    }

    /// What stands under a blob's names.
    struct Got: Sendable {
        let blob: BlobReference
        let incoming: IncomingBlob?
        /// Objects there that are something else.
        let garbage: [ObjectName]
    }

    /// Gets blobs that somebody waits for.
    ///
    /// - Throws: `integrity_failure` for one that the remote does not have, or has only under another's
    ///   bytes; `remote_unreachable` and `remote_refused`.
    public func fetch(
        _ blobs: [BlobReference], progress: (BlobProgress) -> Void = { _ in }
    ) throws {
        let report = try fetch(blobs, continues: false) { done, total in
            progress(BlobProgress(direction: .down, done: done, total: total))
        }
        if let failure = report.failure { throw failure }
        if let name = report.garbage.first, !report.missing.isEmpty {
            throw SyncError.integrity(BlobSending.shown(name), "it is not what stood under this name")
        }
        guard let missing = report.missing.first else { return }
        throw SyncError(
            .integrityFailure, "the remote does not hold the blob \(try vault.blobs.name(missing))",
            hint: "it was said to be stored there: look at `ai-team sync status` on the device that wrote it")
    }

    /// - Parameter continues: what a cut leaves is gone on with the next time; only for one caller at a time.
    func fetch(
        _ blobs: [BlobReference], continues: Bool, progress: (Int64, Int64) -> Void
    ) throws -> Report {
        var report = Report()
        do {
            try vault.keepingTemporaries {
                try BlobTransfers.run(blobs, progress: progress) {
                    try get($0, continues)
                } settle: { got in
                    let incoming = got.compactMap(\.incoming)
                    try vault.settle(incoming)
                    report.fetched += incoming.count
                    report.missing += got.filter { $0.incoming == nil }.map(\.blob)
                    report.garbage += got.flatMap(\.garbage)
                }
            }
        } catch let error as StorageError {
            report.failure = SyncError(error)
        }
        return report
    }

    private func get(_ blob: BlobReference, _ continues: Bool) throws -> Got {
        if let stray = try vault.stray(blob) { return Got(blob: blob, incoming: stray, garbage: []) }
        return try look(blob, continues)
    }

    /// Looks under the blob's name, then under its others, and reads what is there whole.
    func look(_ blob: BlobReference, _ continues: Bool) throws -> Got {
        var garbage: [ObjectName] = []
        for name in try vault.blobs.remoteNames(blob).map(BlobObject.name) {
            do {
                let incoming = try vault.receive(blob, continues: continues) { offset, sink in
                    let range = offset > 0 ? offset..<UInt64.max : nil
                    do { _ = try store.get(name, range: range, unless: nil, sink) } catch let error
                        as StorageError
                    {
                        // All of it was here already, or it was longer when it was cut off.
                        guard error.code == .outOfRange, offset > 0 else { throw error }
                    }
                }
                return Got(blob: blob, incoming: incoming, garbage: garbage)
            } catch let error as VaultError where error.code == .integrityFailure {
                garbage.append(name)
            } catch let error as StorageError where error.code == .notFound {
                continue
            }
        }
        return Got(blob: blob, incoming: nil, garbage: garbage)
    }
}

extension SyncError {
    /// What a store answered, as an error of syncing.
    init(_ error: StorageError) {
        let isRefusal: Bool =
            switch error.code {
            case .unauthorized, .forbidden, .locked, .refused, .clockSkew, .notSupported: true
            default: false
            }
        self.init(isRefusal ? .remoteRefused : .remoteUnreachable, error.message, hint: error.hint)
    }
}
