internal import Synchronization

/// What keeping the vault tidy removed.
public struct MaintenanceReport: Sendable, Equatable {
    /// Records that had been in the trash for 30 days.
    public internal(set) var records = 0
    /// Log lines beyond what the configuration keeps.
    public internal(set) var logLines = 0
    public internal(set) var blobs = SweepReport()
}

extension Vault {
    private static let nextKey = "vault/maintenance_next"
    private static let dayMilliseconds: Int64 = 86_400_000

    /// Once a day, and only in a process that has written: empties what is due of the trash, trims the logs
    /// and sweeps blobs. What does not fit into the time is gone on with in 10 minutes at the earliest.
    /// - Returns: nil when nothing was due.
    @discardableResult
    public func maintain(milliseconds: Int64 = 500) throws -> MaintenanceReport? {
        guard hasWritten.load(ordering: .relaxed), try read({ try isDue($0) }) else { return nil }
        let deadline = ContinuousClock.now + .milliseconds(milliseconds)
        // Whoever is first takes the turn; a crash costs ten minutes.
        guard try write({ try takeTurn($0) }) else { return nil }
        let configuration = try home.map { try HomeConfiguration(of: $0) }
        let days = configuration?.logRetentionDays ?? 7
        // Where logs are sent they go once they are; where not, or nowhere yet, only their age counts.
        let sends = configuration.map { SyncRules($0).pushes(.logs) } ?? false
        let isKeptUnsent = try sends && read { try $0.hasSentLogs() }
        var report = MaintenanceReport()
        var isComplete = false
        while !isComplete, ContinuousClock.now < deadline {
            let (records, lines) = try write {
                (
                    try $0.emptyTrash(limit: 200),
                    try $0.trimLogs(olderThanDays: days, isKeptUnsent: isKeptUnsent, limit: 5000)
                )
            }
            report.records += records
            report.logLines += lines
            isComplete = records == 0 && lines == 0
        }
        if isComplete {
            try write { _ = try $0.refreshHidden() }
            report.blobs = try sweepBlobs(milliseconds: milliseconds)
            if report.blobs.isComplete { try write { try setNext($0, in: Self.dayMilliseconds) } }
        }
        return report
    }

    /// Has the next process that writes tidy up, whatever the time: something was left to be removed.
    public func hastenMaintenance() throws { try write { try $0.setSetting(Self.nextKey, nil) } }

    private func isDue(_ tx: ReadTransaction) throws -> Bool {
        guard let next = try tx.setting(Self.nextKey).flatMap({ Int64($0) }) else { return true }
        // A clock that was set back must not put it off for ever.
        return next <= tx.now.milliseconds || next > tx.now.milliseconds + Self.dayMilliseconds
    }

    private func takeTurn(_ tx: WriteTransaction) throws -> Bool {
        guard try isDue(tx) else { return false }
        try setNext(tx, in: 600_000)
        return true
    }

    private func setNext(_ tx: WriteTransaction, in milliseconds: Int64) throws {
        try tx.setSetting(Self.nextKey, String(tx.now.advanced(byMilliseconds: milliseconds).milliseconds))
    }
}
