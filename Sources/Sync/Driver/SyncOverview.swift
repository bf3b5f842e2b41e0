public import KeyRing
public import Vault

/// What a vault knows of its syncing, without asking anybody.
public struct SyncOverview: Sendable {
    /// A member and how far it was heard.
    public struct Device: Sendable {
        /// Its present life.
        public let author: Author
        /// The number of its newest head that was seen.
        public let head: UInt64?
        /// When that was issued, by its clock.
        public let seenAt: Timestamp?
        /// The epoch under which it was written.
        public let epoch: UInt32?
    }

    /// The number of the newest own head in the remote.
    public let head: UInt64?
    /// Transactions that are not in the remote yet.
    public let ahead: Int
    /// Lines of the log that are not in the remote yet; nil where they are not sent.
    public let logsAhead: Int?
    /// Lines of the log that were removed before they could be sent.
    public let logsLost: Int
    /// Segments and log objects that wait under an epoch that has ended, since they may have been sent
    /// before: a removed member can read them.
    public let underOldEpochs: Int
    /// Changes of others that count nowhere and that nobody here has taken over.
    public let voidChanges: Int
    /// Segments that the last pull knew of and could not apply.
    public let behind: Int
    /// When something was last sent, and got.
    public let lastPush: Timestamp?
    public let lastPull: Timestamp?
    /// Why nothing is sent, if so.
    public let halt: String?
    /// The other members, in the order of their ids.
    public let devices: [Device]
    /// Everything that was ever wrong with this remote.
    public let alarms: [SyncAlarm]
}

extension VaultSync {
    private static let lastPushKey = "sync.last_push_at"
    private static let lastPullKey = "sync.last_pull_at"
    private static let behindKey = "sync.behind"
    private static let epochPrefix = "sync.head_epoch/"

    /// What is known. Nothing is changed, and whoever is syncing is not waited for.
    public static func overview(of vault: Vault, keys: UnlockedKeys) throws -> SyncOverview {
        let author = Author(device: keys.device, incarnation: keys.incarnation)
        let streams = try pushed(vault)
        let sendsLogs = try pushesLogs(vault)
        let logs = try vault.read { (sendsLogs ? try $0.unsentLogLines() : nil, try $0.lostLogLines()) }
        let void = try vault.read { try $0.voidChangeCount() }
        let (state, unsealed, times) = try vault.read { transaction in
            let waiting = try transaction.waitingSegments()
            let waitingLogs = try transaction.waitingLogs()
            let state = try transaction.syncState().map {
                try SyncState($0, waiting: waiting, logs: waitingLogs)
            }
            let unsealed = try streams.reduce(0) { count, stream in
                try count
                    + transaction.unsealedBatches(of: keys.device.bytes, in: stream, limit: 100_000).count
            }
            let times = try [lastPushKey, lastPullKey, behindKey].map { try transaction.setting($0) }
            return (state ?? SyncState(author: author), unsealed, times)
        }
        let epochs = try vault.read { try $0.settings(prefix: epochPrefix) }
        let members = RosterMembership(roster: keys.roster).authors
        let devices = members.filter { $0.device != keys.device }.map { author in
            let mark = state.heads[author]
            return SyncOverview.Device(
                author: author, head: mark?.position.sequence,
                seenAt: mark.map { Timestamp(milliseconds: Int64(clamping: $0.times.issuedAt)) },
                epoch: epochs[epochPrefix + author.device.description].flatMap { UInt32($0) })
        }
        let halt: String? =
            switch state.halt {
            case nil: nil
            case .copied: "a copy of this device was noticed; the next round goes on as a new incarnation"
            case .ended: "this device got another role; the next round goes on as a new incarnation"
            case .replaced:
                "another copy of this device has taken over, and this one sends nothing; `ai-team device "
                    + "take-over` lets it go on, and the other one stops"
            }
        return SyncOverview(
            head: state.head?.position.sequence, ahead: state.outbox.count + unsealed,
            logsAhead: logs.0, logsLost: logs.1,
            underOldEpochs: (state.outbox.map(\.epoch) + state.logs.outbox.map(\.epoch))
                .count { $0 < keys.currentEpoch },
            voidChanges: void, behind: times[2].flatMap { Int($0) } ?? 0,
            lastPush: times[0].flatMap(Timestamp.init), lastPull: times[1].flatMap(Timestamp.init),
            halt: halt,
            devices: devices, alarms: state.alarms)
    }

    /// Whether this home was ever seen to share a remote.
    public static func isAttached(_ vault: Vault) throws -> Bool {
        try vault.read { try $0.syncState().map { try SyncState($0, waiting: []).isAttached } ?? false }
    }

    /// Remembers under which epochs the others write.
    private func noteEpochs() throws {
        let known = try vault.read { try $0.settings(prefix: Self.epochPrefix) }
        let news = reader.headEpochs.map { (Self.epochPrefix + $0.key.description, String($0.value)) }
            .filter { known[$0.0] != $0.1 }
        guard !news.isEmpty else { return }
        try vault.write(actor: "sync") { tx in
            for (key, value) in news { try tx.setSetting(key, value) }
        }
    }

    /// Remembers when something went out or came in.
    func note(_ report: SyncReport) throws {
        if report.failure == nil { try DeletionWatch.forget(vault) }
        try noteEpochs()
        let known = try vault.read { try $0.setting(Self.behindKey) } ?? "0"
        let hasSent = report.pushedSegments > 0 || report.pushedLogs > 0
        let isNews = hasSent || report.pulledSegments > 0
        let behind = report.behind.map(String.init) ?? known
        guard isNews || behind != known else { return }
        let time = Timestamp(milliseconds: Int64(clamping: now())).description
        try vault.write(actor: "sync") { transaction in
            try transaction.setSetting(Self.behindKey, behind)
            if hasSent { try transaction.setSetting(Self.lastPushKey, time) }
            if report.pulledSegments > 0 { try transaction.setSetting(Self.lastPullKey, time) }
        }
    }
}
