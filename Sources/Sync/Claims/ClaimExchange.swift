internal import ObjectStorage
internal import Vault

/// The claims of tasks in a round of sync. A remote that fails here is the round's failure only when nothing
/// else is: records travel whatever becomes of claims.
struct ClaimExchange {
    let sync: VaultSync
    let store: any ObjectStore
    let now: Int64

    /// What came of it.
    struct Settled {
        var notices: [String] = []
        var alarms: [SyncAlarm] = []
        var failure: SyncError?
    }

    /// Does one part, where this device is believed.
    func settle(_ part: (inout TaskClaims) throws -> [String]) throws -> Settled {
        var settled = Settled()
        guard TaskClaims.mayClaim(sync), try TaskClaims.hasUnsettled(sync.vault) else { return settled }
        var claims = TaskClaims(sync, store, now: now)
        do { settled.notices = try part(&claims) } catch let error as StorageError {
            settled.failure = SyncError(error)
        }
        settled.alarms = claims.alarms
        return settled
    }

    /// Adds it to a round's report. Notices stand in the log as well, and alarms are remembered.
    func write(_ settled: Settled, into report: inout SyncReport) throws {
        report.notices += settled.notices
        report.failure = report.failure ?? settled.failure
        if !settled.notices.isEmpty {
            try sync.vault.write(actor: "sync") { transaction in
                for notice in settled.notices {
                    try transaction.log(LogDraft(.warning, component: "sync", notice))
                }
            }
        }
        try sync.raise(settled.alarms)
        report.alarms += settled.alarms
    }
}

extension VaultSync {
    /// Remembers that something is wrong with the remote or a device.
    public func raise(_ alarms: [SyncAlarm]) throws {
        guard !alarms.isEmpty else { return }
        _ = try commit(alarms.map { .raise($0) })
    }
}
