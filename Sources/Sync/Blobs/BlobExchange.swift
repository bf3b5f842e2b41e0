internal import KeyRing
internal import ObjectStorage
internal import Vault

/// The blobs of a round: those that have to be in the remote before a segment is offered, and those that
/// came to be named here and are not here yet.
struct BlobExchange {
    let sync: VaultSync
    let store: any ObjectStore
    let policy: BlobPolicy
    /// Whether blobs that nothing names are removed from this remote, by the list that all share.
    let hasMarks: Bool
    let progress: (BlobProgress) -> Void

    /// What happened so far in a round.
    struct Found {
        var sent = 0
        var fetched = 0
        var missing: [BlobReference] = []
        var garbage: [ObjectName] = []
        var failure: SyncError?
    }

    /// Why segments may not be sent.
    struct Hold {
        /// Nil when it is as the policy says, and no failure.
        let reason: SyncError?
    }

    /// Before segments are offered, stores the blobs that they name.
    ///
    /// - Returns: nil when all of them are known to be stored: only then the segments may be offered.
    func prepare(_ changes: [SyncChange], _ found: inout Found) throws -> Hold? {
        guard case .offer(let lanes)? = changes.first else { return nil }
        let named = try sync.vault.read { transaction in
            try lanes.sorted { $0.key < $1.key }.flatMap { lane, last in
                try sync.state.outbox
                    .filter { $0.lane == lane && $0.position.sequence <= last && !$0.isOffered }
                    .flatMap { try transaction.blobs(ofSegment: lane, $0.position.sequence) }
            }
        }
        return try secure(named, &found)
    }

    /// Before a round that sends, looks again at the blobs of segments that may have left in an earlier one
    /// and that no head of this device tells of yet: others may have removed meanwhile what they name.
    ///
    /// - Returns: nil when all of them stand in the remote.
    func lookAgain(_ found: inout Found) throws -> Hold? {
        let state = sync.state
        let told = state.head?.body.observed ?? []
        var named: [BlobReference] = []
        for (lane, position) in state.positions
        where lane.author == state.author && lane.stream == SyncStream.knowledgeBase {
            let last = told.first { $0.lane == lane }?.position.sequence ?? 0
            guard last < position.sequence else { continue }
            let unoffered = state.outbox.filter { $0.lane == lane && !$0.isOffered }
            for number in last + 1...position.sequence
            where !unoffered.contains(where: { $0.position.sequence == number }) {
                named += try sync.vault.read { try $0.blobs(ofSegment: lane, number) }
            }
        }
        return try secure(named, &found)
    }

    /// Stores blobs that are not known to stand in the remote, and sees to it that nobody removes them.
    private func secure(_ named: [BlobReference], _ found: inout Found) throws -> Hold? {
        guard !named.isEmpty else { return nil }
        do {
            let unsent = try sending.unsent(named)
            if !unsent.isEmpty, let hold = try bring(unsent, &found) { return hold }
            guard hasMarks else { return nil }
            let gone = try BlobMarks(sync: sync, store: store).spare(named)
            return gone.isEmpty ? nil : try bring(gone, &found)
        } catch let error as StorageError {
            return Hold(reason: SyncError(error))
        } catch let error as SyncError {
            return Hold(reason: error)
        }
    }

    private func bring(_ unsent: [BlobReference], _ found: inout Found) throws -> Hold? {
        guard policy != .off else { return Hold(reason: nil) }
        let strays = try unsent.filter { try sync.vault.blobFile($0) == nil }
        if let hold = try recall(strays, &found) { return hold }
        let report = try sending.send(unsent) { done, total in
            progress(BlobProgress(direction: .up, done: done, total: total))
        }
        found.sent += report.sent
        found.garbage += report.garbage
        return report.failure.map { Hold(reason: $0) }
    }

    private var sending: BlobSending {
        BlobSending(
            vault: sync.vault, store: store, device: sync.keys.device, roster: sync.keys.roster,
            now: Int64(clamping: sync.now()))
    }

    /// Stores blobs again that were found lost in the remote, and whose bytes are here.
    func repair(_ found: inout Found) throws {
        guard policy != .off, sync.mayWrite else { return }
        let lost = try sync.vault.read { try $0.blobsToStoreAgain() }
        guard !lost.isEmpty else { return }
        let report = try sending.send(lost) { done, total in
            progress(BlobProgress(direction: .up, done: done, total: total))
        }
        found.sent += report.sent
        found.garbage += report.garbage
        found.failure = found.failure ?? report.failure
    }

    /// Gets blobs back that this device wrote and has lost, if the remote has them from an earlier life.
    private func recall(_ blobs: [BlobReference], _ found: inout Found) throws -> Hold? {
        guard !blobs.isEmpty else { return nil }
        let report = try BlobFetching(vault: sync.vault, store: store)
            .fetch(blobs, continues: true) { _, _ in }
        found.fetched += report.fetched
        found.garbage += report.garbage
        if let failure = report.failure { return Hold(reason: failure) }
        guard let lost = report.missing.first else { return nil }
        return Hold(
            reason: SyncError(
                .integrityFailure, "the blob \(try sync.vault.blobs.name(lost)) is missing on this device",
                hint: "its document can't be sent: restore it from a backup, or purge it"))
    }

    /// Gets what is named and not here, if the policy is to.
    func fetch(_ found: inout Found) throws {
        guard policy == .eager else { return }
        let missing = try sync.vault.read { try $0.mayMissBlobs() ? $0.missingBlobs() : nil }
        guard let missing else { return }
        let report = try BlobFetching(vault: sync.vault, store: store)
            .fetch(missing, continues: true) { done, total in
                progress(BlobProgress(direction: .down, done: done, total: total))
            }
        found.fetched += report.fetched
        found.missing += report.missing
        found.garbage += report.garbage
        found.failure = found.failure ?? report.failure
        guard report.failure == nil, report.missing.isEmpty else { return }
        try sync.vault.write(actor: "sync") { try $0.setMayMissBlobs(false) }
    }

    /// Adds a round's blobs to its report. Alarms are remembered, whatever else went wrong.
    func write(_ found: Found, into report: inout SyncReport) throws {
        report.sentBlobs += found.sent
        report.fetchedBlobs += found.fetched
        report.missingBlobs = found.missing.count
        report.failure = report.failure ?? found.failure
        var alarms = found.garbage.map {
            SyncAlarm(.tampered, BlobSending.shown($0), "it stands under the name of a blob and is none")
        }
        alarms += try withheld(found.missing)
        guard !alarms.isEmpty else { return }
        _ = try sync.commit(alarms.map { .raise($0) })
        report.alarms += alarms
    }

    /// What is not there a second time, although somebody has stored it: the first time it may be on its way
    /// out, with the document.
    private func withheld(_ missing: [BlobReference]) throws -> [SyncAlarm] {
        guard !missing.isEmpty else { return [] }
        return try sync.vault.write(actor: "sync") { transaction in
            try missing.compactMap { blob in
                guard let teller = try transaction.deviceThatStored(blob),
                    try transaction.noteMiss(blob) > 1
                else { return nil }
                try transaction.noteLost([blob])
                let name = try BlobObject.name(sync.vault.blobs.name(blob))
                return SyncAlarm(
                    .withheld, BlobSending.shown(name), "\(teller) has stored it, and it is missing")
            }
        }
    }
}
