internal import Dispatch
public import KeyRing
public import ObjectStorage
internal import Synchronization
internal import Vault

/// Runs rounds of the core between a vault and an object store, on the caller's thread: requests that don't
/// depend on each other go out together.
public struct SyncRunner {
    private let vault: VaultSync
    private let store: any ObjectStore
    private let registrar: DeviceID?
    private let checkpoints: CheckpointPolicy
    private let blobs: BlobExchange

    /// What syncs with what.
    ///
    /// - Parameters:
    ///   - store: one that honours conditions on a put, or a `LookingStore`.
    ///   - registrar: who alone writes the roster, where the store does not honour conditions.
    ///   - checkpoints: when checkpoints are made, used and collected.
    ///   - blobs: when the contents of documents travel.
    ///   - progress: is told how that goes on.
    public init(
        vault: VaultSync, store: any ObjectStore, registrar: DeviceID? = nil,
        checkpoints: CheckpointPolicy = .standard,
        blobs: BlobPolicy = .eager, progress: @escaping (BlobProgress) -> Void = { _ in }
    ) {
        self.vault = vault
        self.store = store
        self.registrar = registrar
        self.checkpoints = checkpoints
        self.blobs = BlobExchange(
            sync: vault, store: store, policy: blobs, hasMarks: registrar == nil, progress: progress)
    }

    /// One round.
    ///
    /// - Parameters:
    ///   - looksAtAll: look at every head, whatever the bell says.
    ///   - takesOver: goes on although another copy of this device has taken over, which stops then.
    ///   - mayFound: an empty remote is given this vault's genesis.
    ///   - now: milliseconds since 1970.
    /// - Returns: what was done; a failure of the remote stands in it.
    /// - Throws: what the vault throws.
    public func run(
        pulls: Bool, pushes: Bool, looksAtAll: Bool = false, takesOver: Bool = false, mayFound: Bool = false,
        now: Int64
    ) throws -> SyncReport {
        if takesOver { try vault.takeOver() }
        let newest = try vault.vault.read { try vault.anchor($0) }
        var report = try exchange(
            pulls: pulls, pushes: pushes, looksAtAll: looksAtAll, mayFound: mayFound, now: now)
        try vault.compareOwnHead(with: newest, in: store, &report)
        guard vault.state.halt == .ended, report.failure == nil else { return report }
        // Another role was given to this device: it goes on at once.
        return try exchange(pulls: pulls, pushes: pushes, looksAtAll: true, mayFound: false, now: now)
            .adding(report)
    }

    private func exchange(
        pulls: Bool, pushes: Bool, looksAtAll: Bool, mayFound: Bool, now: Int64
    ) throws -> SyncReport {
        if vault.state.halt?.endsByItself == true { try vault.beginNewLife() }
        guard pushes, registrar == nil else {
            return try lives(
                pulls: pulls, pushes: pushes, looksAtAll: looksAtAll, mayFound: mayFound, now: now)
        }
        let claims = ClaimExchange(sync: vault, store: store, now: now)
        // A claim that has lost is sent together with its end.
        let kept = try claims.settle { try $0.keep() }
        var report = try lives(
            pulls: pulls, pushes: pushes, looksAtAll: looksAtAll, mayFound: mayFound, now: now)
        try claims.write(kept, into: &report)
        // What has ended is said once its end can be had.
        guard report.failure == nil, vault.state.outbox.isEmpty,
            try !VaultSync.hasUnsealed(in: vault.vault, of: vault.keys.device)
        else { return report }
        try claims.write(claims.settle { try $0.release() }, into: &report)
        if report.failure == nil { try ClaimCollection(sync: vault, store: store, now: now).run() }
        return report
    }

    /// A round in this device's life, or the end of a former one.
    private func lives(
        pulls: Bool, pushes: Bool, looksAtAll: Bool, mayFound: Bool, now: Int64
    ) throws -> SyncReport {
        guard vault.state.formerLife != nil else {
            return try round(
                pulls: pulls, pushes: pushes, looksAtAll: looksAtAll, mayFound: mayFound, now: now)
        }
        // What the former life has in the remote is fetched, then that life is ended, then it goes on.
        let report = try round(pulls: true, pushes: false, looksAtAll: true, mayFound: false, now: now)
        guard pushes, report.failure == nil, report.alarms.isEmpty, vault.state.halt == nil else {
            return report
        }
        try vault.endFormerLife()
        let rest = try round(pulls: pulls, pushes: pushes, looksAtAll: looksAtAll, mayFound: false, now: now)
        return rest.adding(report)
    }

    /// A round of the core, with the blobs that segments name: before what is sent, and after what came.
    private func round(
        pulls: Bool, pushes: Bool, looksAtAll: Bool, mayFound: Bool, now: Int64
    ) throws -> SyncReport {
        var found = BlobExchange.Found()
        var report = try records(
            pulls: pulls, pushes: pushes, looksAtAll: looksAtAll, mayFound: mayFound, now: now, &found)
        if pushes, report.failure == nil { try blobs.repair(&found) }
        if pulls, report.failure == nil { try blobs.fetch(&found) }
        try blobs.write(found, into: &report)
        if let leave = report.collecting, report.failure == nil { try collect(leave, now: now, &report) }
        try vault.note(report)
        if pulls, report.failure == nil { try vault.note(excluded: VaultSync.excluded(vault.vault)) }
        if pulls, pushes, report.failure == nil, report.alarms.isEmpty {
            try LogCollection(sync: vault, store: store, now: now).run()
        }
        let requests = RosterRequests(store, of: vault.keys.vaultID)
        if report.awaitsRegistrar { try requests.ask(vault.unsettledRecords, by: vault.keys.device) }
        guard registrar == vault.keys.device, pushes, report.failure == nil else { return report }
        // The next pass sends what was taken in.
        guard try vault.take(requests.waiting(), removing: requests.remove) else { return report }
        let rest = try round(pulls: pulls, pushes: pushes, looksAtAll: false, mayFound: false, now: now)
        return rest.adding(report)
    }

    /// Removes blobs that nothing names, where the store lets only one of two writers win.
    private func collect(
        _ leave: SyncReport.Collecting, now: Int64, _ report: inout SyncReport
    ) throws {
        guard registrar == nil, vault.mayWrite else { return }
        let collection = BlobCollection(sync: vault, store: store, policy: checkpoints, now: now)
        do { report.removedBlobs += try collection.run(leave) } catch let error as StorageError {
            report.notices.append("contents that nothing names stay in the remote: \(error.message)")
        } catch let error as SyncError {
            report.notices.append("contents that nothing names stay in the remote: \(error.message)")
        }
    }

    private func records(
        pulls: Bool, pushes: Bool, looksAtAll: Bool, mayFound: Bool, now: Int64,
        _ found: inout BlobExchange.Found
    ) throws -> SyncReport {
        let excluded = try VaultSync.excluded(vault.vault)
        try vault.dropForbidden()
        var pushes = pushes
        if pushes, let failure = try blobs.lookAgain(&found)?.reason {
            found.failure = failure
            pushes = false
        }
        // A checkpoint brings every stream; so one is used then only where segments are gone.
        var machine = SyncMachine(
            state: vault.state, membership: vault.membership, reader: vault.reader,
            checkpoints: excluded.isEmpty ? checkpoints : checkpoints.withoutGain)
        var request = SyncRequest(
            pulls: pulls, pushes: pushes,
            hasUnsealed: try vault.mayWrite
                && VaultSync.hasUnsealed(in: vault.vault, of: vault.keys.device),
            looksAtAll: try looksAtAll || pulls && vault.wantsMore(than: excluded),
            mayFound: mayFound,
            registrar: registrar.map { $0 == vault.keys.device ? .own : .other } ?? .everybody, now: now)
        request.excluded = excluded
        request.wantsCheckpoint =
            try registrar == nil
            && (BlobCollection.wantsCheckpoint(vault, now: now) || vault.wantsCheckpoint())
        request.hasLogs = try vault.hasLogs(now: now)
        request.logRetentionDays =
            try vault.vault.home.map { try HomeConfiguration(of: $0).cloudLogRetentionDays } ?? 0
        var events: [SyncEvent] = [.begin(request)]
        var requests: [Request] = []
        while true {
            if events.isEmpty {
                events = Self.answers(to: requests, at: store)
                requests = []
            }
            for effect in machine.step(events.removeFirst()) {
                switch effect {
                case .get(let token, let name, let etag, let limit):
                    requests.append(Request(token: token, name: objectName(name), kind: .get(etag, limit)))
                case .put(let token, let name, let bytes, let condition):
                    requests.append(
                        Request(token: token, name: objectName(name), kind: .put(bytes, condition)))
                case .delete(let token, let name):
                    requests.append(Request(token: token, name: objectName(name), kind: .delete))
                case .commit(let token, let changes):
                    if let hold = try blobs.prepare(changes, &found) {
                        events.append(.held(token, hold.reason))
                        continue
                    }
                    events.append(.committed(token, try vault.commit(changes)))
                case .find(let token, let places): events.append(.found(token, try vault.hashes(places)))
                case .finish(var report):
                    // A new role may have come in this round.
                    try vault.dropForbidden()
                    report.notices += try vault.takeNotices()
                    return report
                }
            }
        }
    }

    /// A request of the core on its way to the store.
    struct Request: Sendable {
        enum Kind: Sendable {
            case get(ETag?, Int)
            case put([UInt8], PutCondition)
            case delete
        }

        let token: SyncToken
        let name: ObjectName
        let kind: Kind
    }

    private func objectName(_ name: SyncName) -> ObjectName { name.objectName(vault: vault.keys.vaultID) }

    /// Sends requests that don't depend on each other, all at a time.
    static func answers(to requests: [Request], at store: any ObjectStore) -> [SyncEvent] {
        precondition(!requests.isEmpty, "a round that is not over waits for something")
        let answers = Mutex([RemoteAnswer?](repeating: nil, count: requests.count))
        DispatchQueue.concurrentPerform(iterations: requests.count) { index in
            let answer = perform(requests[index], at: store)
            answers.withLock { $0[index] = answer }
        }
        return zip(requests, answers.withLock { $0 }).compactMap { request, answer in
            answer.map { .answer(request.token, $0) }
        }
    }

    /// One object on its own, of at most `limit` bytes.
    static func get(
        _ name: SyncName, of vault: VaultID, limit: Int, at store: any ObjectStore
    ) -> RemoteAnswer {
        perform(
            Request(
                token: SyncToken(number: 0), name: name.objectName(vault: vault), kind: .get(nil, limit)),
            at: store)
    }

    private struct TooLong: Error {}

    private static func perform(_ request: Request, at store: any ObjectStore) -> RemoteAnswer {
        do {
            switch request.kind {
            case .get(let etag, let limit):
                var bytes: [UInt8] = []
                let info = try store.get(request.name, range: nil, unless: etag) { piece in
                    guard bytes.count + piece.count <= limit else { throw TooLong() }
                    bytes.append(contentsOf: piece)
                }
                return info.map { .object(bytes, $0.etag) } ?? .unchanged
            case .put(let bytes, let condition):
                return .stored(try store.put(request.name, .bytes(bytes), condition))
            case .delete:
                try store.delete(request.name)
                return .absent
            }
        } catch is TooLong {
            return .tooLong
        } catch let error as StorageError {
            return answer(to: error)
        } catch {
            return .failed(.remoteUnreachable, "\(error)")
        }
    }

    private static func answer(to error: StorageError) -> RemoteAnswer {
        switch error.code {
        case .notFound: .absent
        case .preconditionFailed, .throttled: .lost
        default: .failed(SyncError(error).code, error.message)
        }
    }
}
