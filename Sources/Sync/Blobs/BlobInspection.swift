internal import ObjectStorage
internal import Vault

/// A look at every blob that a document names and that somebody says is in the remote: each is read whole,
/// whether it is here as well or not.
struct BlobInspection {
    let sync: VaultSync
    let store: any ObjectStore

    /// What was found.
    struct Report {
        var checked = 0
        /// Their bytes in the remote.
        var bytes: UInt64 = 0
        var failed: [RemoteInspection.Failure] = []
    }

    /// What stands under the names of a blob.
    private struct Look: Sendable {
        let blob: BlobReference
        /// Bytes of the object that is the blob; nil when none is.
        let stored: Int64?
        let garbage: [ObjectName]
    }

    /// Reads them, several at a time. Those that are lost are noted, so that the next push stores them again
    /// from here.
    ///
    /// - Parameter progress: told how many bytes of content, of how many, were read.
    /// - Throws: what the store throws when it can't be read.
    func run(progress: (_ done: Int64, _ all: Int64) -> Void) throws -> Report {
        var report = Report()
        let vault = sync.vault
        let fetching = BlobFetching(vault: vault, store: store)
        try vault.keepingTemporaries {
            try BlobTransfers.run(vault.read { try $0.blobsInRemote() }, progress: progress) { blob in
                let got = try fetching.look(blob, false)
                if let incoming = got.incoming { try vault.drop(incoming) }
                return Look(blob: blob, stored: got.incoming?.stored, garbage: got.garbage)
            } settle: { looks in
                for look in looks {
                    report.checked += 1
                    report.bytes += UInt64(clamping: look.stored ?? 0)
                    try judge(look, &report)
                }
            }
        }
        return report
    }

    private func judge(_ look: Look, _ report: inout Report) throws {
        guard look.stored == nil || !look.garbage.isEmpty else { return }
        // Its documents may have been purged meanwhile.
        let documents = try sync.vault.read { try $0.documents(naming: look.blob) }
        guard !documents.isEmpty else { return }
        let whose = "the content of \(documents.joined(separator: ", "))"
        let here =
            try sync.vault.blobFile(look.blob) == nil
            ? "this device does not have it either" : "the next `sync push` here stores it again"
        var alarms = look.garbage.map { name in
            let rest = look.stored == nil ? here : "which stands under another name"
            return SyncAlarm(
                .tampered, BlobSending.shown(name), "it is not \(whose), as its name says; \(rest)")
        }
        if look.stored == nil, look.garbage.isEmpty {
            let name = try BlobObject.name(sync.vault.blobs.name(look.blob))
            alarms.append(SyncAlarm(.withheld, BlobSending.shown(name), "\(whose) is missing; \(here)"))
        }
        if look.stored == nil { try sync.vault.write(actor: "sync") { try $0.noteLost([look.blob]) } }
        _ = try sync.commit(alarms.map { .raise($0) })
        report.failed += alarms.map { RemoteInspection.Failure(object: $0.object, reason: $0.detail) }
    }
}
