internal import KeyRing
internal import ObjectStorage
internal import Vault

/// Brings blobs to the remote, so that they stand there before the segments that name them.
///
/// A name that is taken says nothing: whoever may write to the bucket can have put anything there. So what
/// stands under it is read, unless a member's signed segment names the blob, which was sent after it.
struct BlobSending: Sendable {
    let vault: Vault
    let store: any ObjectStore
    let device: DeviceID
    let roster: Roster
    /// Milliseconds since 1970.
    let now: Int64

    /// What became of a blob.
    private struct Sent: Sendable {
        let blob: BlobReference
        /// Objects under its names that are not the blob.
        let garbage: [ObjectName]
    }

    /// How long this device believes its own eyes, in milliseconds: well below what passes before somebody
    /// removes what nothing names.
    private static let trust: Int64 = 86_400_000

    /// Those of `blobs` of which nobody who is believed says that they are stored, or that are gone. What
    /// this device has not found there lately is looked for, since it may have been removed with what named
    /// it.
    func unsent(_ blobs: [BlobReference]) throws -> [BlobReference] {
        var unsent: [BlobReference] = []
        var told: [BlobReference] = []
        try vault.read { transaction in
            for blob in blobs {
                guard let teller = try transaction.deviceThatStored(blob),
                    teller == device || roster.member(teller) != nil,
                    let time = try transaction.found(blob)
                else {
                    unsent.append(blob)
                    continue
                }
                if !(now - Self.trust...now).contains(time) { told.append(blob) }
            }
        }
        try BlobTransfers.run(told, progress: { _, _ in }) { blob in
            (blob, try vault.blobs.remoteNames(blob).contains { try store.head(BlobObject.name($0)) != nil })
        } settle: { looks in
            unsent += looks.filter { !$0.1 }.map(\.0)
            let there = looks.filter(\.1).map(\.0)
            guard !there.isEmpty else { return }
            try vault.write(actor: "sync") { try $0.noteFound(there, at: now) }
        }
        return unsent
    }

    /// What was sent until all was, or something failed.
    struct Report {
        var sent = 0
        /// Objects that stood under a blob's name and are none.
        var garbage: [ObjectName] = []
        var failure: SyncError?
    }

    /// Stores blobs and notes that they are. A failure of the remote, a blob that is lost here, or one that
    /// can't be stored anywhere, stands in what is returned.
    func send(_ blobs: [BlobReference], progress: (Int64, Int64) -> Void) throws -> Report {
        var report = Report()
        do {
            try vault.keepingTemporaries {
                try BlobTransfers.run(blobs, progress: progress, move: put) { sent in
                    guard !sent.isEmpty else { return }
                    try vault.write(actor: "sync") { try $0.noteStored(sent.map(\.blob), at: now) }
                    report.sent += sent.count
                    report.garbage += sent.flatMap(\.garbage)
                }
            }
        } catch let error as StorageError {
            report.failure = SyncError(error)
        } catch let error as SyncError {
            report.failure = error
        }
        return report
    }

    /// An object's name as alarms call it.
    static func shown(_ name: ObjectName) -> String { String(name.text.dropFirst(SyncName.root.count)) }

    private func put(_ blob: BlobReference) throws -> Sent {
        guard let file = try vault.blobFile(blob) else {
            throw SyncError(
                .conflict, "the blob \(try vault.blobs.name(blob)) was removed while it was to be sent",
                hint: "sync again")
        }
        let body = try BlobObject.body(file.path, size: file.size)
        var garbage: [ObjectName] = []
        for name in try vault.blobs.remoteNames(blob).map(BlobObject.name) {
            do {
                _ = try store.put(name, body, .ifAbsent)
                return Sent(blob: blob, garbage: garbage)
            } catch let error as StorageError where error.isTaken {
                guard let bad = try garbageVersion(under: name, of: blob) else {
                    return Sent(blob: blob, garbage: garbage)
                }
                garbage.append(name)
                do {
                    _ = try store.put(name, body, .ifMatches(bad))
                    return Sent(blob: blob, garbage: garbage)
                } catch let error as StorageError where error.isTaken || error.code == .forbidden {
                    // A lock of the bucket keeps it there: the blob goes by its next name.
                    continue
                }
            }
        }
        throw SyncError(
            .remoteRefused,
            "something else stands under every name of the blob \(try vault.blobs.name(blob))",
            hint: "remove these objects from the bucket, and change the keys of whoever may write there")
    }

    /// The version of what stands under a blob's name and is not the blob; nil where it is.
    private func garbageVersion(under name: ObjectName, of blob: BlobReference) throws -> ETag? {
        var found: ETag?
        do {
            let incoming = try vault.receive(blob) { offset, sink in
                found = try store.head(name)?.etag
                _ = try store.get(name, range: nil, unless: nil, sink)
            }
            try vault.drop(incoming)
            return nil
        } catch let error as VaultError where error.code == .integrityFailure {
            return found
        }
    }
}

extension StorageError {
    /// Something is there under the name: a bucket's lock may say so before the condition does.
    fileprivate var isTaken: Bool { code == .preconditionFailed || code == .locked }
}
