import ArgumentParser
import Backup
import KeyRing
import ObjectStorage
import Sync
import Vault

/// `sync …`.
struct SyncGroup: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sync",
        abstract: "Exchange tasks, projects and documents with the vault's other devices.",
        discussion: """
            Devices meet at a remote that sees ciphertext and signatures alone. What is written offline \
            waits and goes out with the next round; what the remote withholds, changes or puts back is named.

            EXAMPLES:
              ai-team sync remote set s3://my-bucket/team
              ai-team sync both
              ai-team sync status
            """,
        subcommands: [
            SyncStatus.self, SyncPush.self, SyncPull.self, SyncBoth.self, SyncAuto.self, SyncRealtime.self,
            SyncConflicts.self, SyncResolve.self, SyncVerify.self,
            SyncSchedule.self, SyncRemote.self,
        ])
}

/// A vault and its remote, ready for rounds. Other processes may sync between two of them.
final class SyncSession {
    private let vault: Vault
    private let home: Home
    private let remote: OpenStore
    private let store: any ObjectStore
    private let lockTimeout: Duration
    private let blobs: BlobPolicy
    private let console: Console
    /// Whether the store lets only one make each object.
    let isHonoured: Bool
    /// The keys as the last round left them.
    private(set) var keys: UnlockedKeys
    /// What was written down of the requests, and when.
    private var metered: (time: ContinuousClock.Instant, counts: RequestCounts)?

    /// - Parameters:
    ///   - store: the remote's, with whatever this session puts around it; nil for nothing.
    ///   - lockTimeout: how long to wait for another process that is syncing.
    init(
        vault: Vault, home: Home, keys: UnlockedKeys, remote: OpenStore, store: (any ObjectStore)? = nil,
        isHonoured: Bool, blobs: BlobPolicy, console: Console, lockTimeout: Duration = .seconds(10)
    ) {
        let reached = store ?? remote.store
        self.store = isHonoured ? reached : LookingStore(reached)
        self.isHonoured = isHonoured
        self.lockTimeout = lockTimeout
        self.vault = vault
        self.blobs = blobs
        self.console = console
        self.home = home
        self.keys = keys
        self.remote = remote
    }

    /// One round, and what it used.
    func round(
        pulls: Bool, pushes: Bool, looksAtAll: Bool = false, mayFound: Bool = false,
        takesOver: Bool = false, allowsMassDeletion: Bool = false
    ) throws -> SyncRoundResult {
        let result = Result {
            try unmetered(
                pulls: pulls, pushes: pushes, looksAtAll: looksAtAll, mayFound: mayFound,
                takesOver: takesOver, allowsMassDeletion: allowsMassDeletion)
        }
        try meter()
        return try result.get()
    }

    /// Writes down what was asked of the store: after each round, but once a minute where many look for news.
    private func meter() throws {
        if let metered, metered.time.duration(to: .now) < .seconds(60) { return }
        let counts = remote.counts
        try RequestMeter.add(
            counts.since(metered?.counts ?? RequestCounts()), at: Surroundings.system.now(), to: vault)
        metered = (.now, counts)
    }

    private func unmetered(
        pulls: Bool, pushes: Bool, looksAtAll: Bool, mayFound: Bool, takesOver: Bool, allowsMassDeletion: Bool
    ) throws -> SyncRoundResult {
        let began = ContinuousClock.now
        let before = remote.counts
        let sync = try VaultSync(
            vault: vault, home: home, keys: keys, allowsMassDeletion: allowsMassDeletion,
            lockTimeout: lockTimeout
        ) {
            UInt64(clamping: Surroundings.system.now().milliseconds)
        }
        let now = Surroundings.system.now().milliseconds
        var report: SyncReport
        var clock: ClockReport?
        let bar = BlobBar(console)
        do {
            // A round that ends early may have taken in records of the roster.
            defer {
                keys = sync.keys
                bar.finish()
            }
            let runner = SyncRunner(
                vault: sync, store: store, registrar: isHonoured ? nil : keys.roster.registrar, blobs: blobs,
                progress: bar.show)
            report = try runner.run(
                pulls: pulls, pushes: pushes, looksAtAll: looksAtAll, takesOver: takesOver,
                mayFound: mayFound, now: now)
            if pulls, report.failure == nil {
                clock = try sync.judgeStamps(storeAhead: remote.clockDifference)
                let settled = try sync.settleConflicts()
                if pushes, settled + (clock?.demoted ?? 0) > 0, report.alarms.isEmpty {
                    report = try runner.run(pulls: false, pushes: true, now: now).adding(report)
                }
            }
        }
        if pushes, report.failure == nil { try admit() }
        let used = remote.counts.since(before)
        return SyncRoundResult(
            report: report, clock: clock, conflicts: try vault.read { try $0.conflicts().count },
            bytesUp: used.bytesSent, bytesDown: used.bytesReceived, requests: used.requests,
            duration: began.duration(to: .now))
    }

    /// A full check of the remote, and the root of what this vault holds of it.
    func check(
        progress: (Int, Int) -> Void, contents: (Int64, Int64) -> Void
    ) throws -> (report: RemoteInspection.Report, root: String) {
        let sync = try VaultSync(vault: vault, home: home, keys: keys) {
            UInt64(clamping: Surroundings.system.now().milliseconds)
        }
        var check = RemoteInspection(sync: sync, store: remote.store)
        let report = try check.run(progress: progress, contents: contents)
        return (report, Hex.encode(try vault.read { try $0.stateRoot() }.value()))
    }

    /// Lets in those who ask with an invitation that says that no person has to.
    private func admit() throws {
        guard isHonoured || keys.roster.registrar == keys.device else { return }
        let invitations = Invitations(home: home, vault: vault, store: store)
        let time = UInt64(clamping: Surroundings.system.now().milliseconds)
        keys = try invitations.approveAutomatic(keys: keys, time: time).keys
        try proposals().lookNowAndThen(keys: keys, time: time)
    }

    /// Changes the members here; the next round tells the others.
    ///
    /// - Returns: the keys afterwards.
    func change(_ body: (VaultSync) throws -> Void) throws -> UnlockedKeys {
        let sync = try VaultSync(vault: vault, home: home, keys: keys, lockTimeout: lockTimeout) {
            UInt64(clamping: Surroundings.system.now().milliseconds)
        }
        defer { keys = sync.keys }
        try body(sync)
        return sync.keys
    }

    /// Changes of the members that wait for a second signature.
    func proposals() -> Proposals { Proposals(vault: vault, store: store) }

    /// Gives a proposal its second signature; the next round brings the record to the remote.
    ///
    /// - Returns: the keys afterwards.
    func approve(
        _ proposal: KeyRing.Proposal, with code: RecoveryCode?, time: UInt64
    ) throws -> UnlockedKeys {
        try change { try $0.approve(proposal, with: code, time: time) }
    }

    /// Fetches what a removed device has sent too late to count; what can't be believed of it.
    func fetchVoid(of device: DeviceID) throws -> [SyncError] {
        let sync = try VaultSync(vault: vault, home: home, keys: keys, lockTimeout: lockTimeout) {
            UInt64(clamping: Surroundings.system.now().milliseconds)
        }
        return try sync.fetchVoid(of: device, from: store)
    }

    /// Claims a task by the remote. What stands under the name of a claim and is none is told and remembered.
    func claim(agent: String, type: TaskType?, leaseMilliseconds: Int64) throws -> TaskClaim? {
        let now = Surroundings.system.now().milliseconds
        let result = Result {
            let sync = try VaultSync(vault: vault, home: home, keys: keys, lockTimeout: lockTimeout) {
                UInt64(clamping: now)
            }
            var claims = TaskClaims(sync, store, now: now)
            let result = Result {
                try claims.claim(agent: agent, type: type, leaseMilliseconds: leaseMilliseconds)
            }
            try sync.raise(claims.alarms)
            for alarm in claims.alarms { console.warn("\(alarm)") }
            return try result.get()
        }
        try meter()
        return try result.get()
    }

    /// Whether the remote says of claims what is true no longer.
    func hasUnsettledClaims() throws -> Bool { try isHonoured && TaskClaims.hasUnsettled(vault) }

    /// Whether something was written that no segment carries.
    func hasUnsealed() throws -> Bool { try VaultSync.hasUnsealed(in: vault, of: keys.device) }
}

/// What a round did and used.
struct SyncRoundResult {
    let report: SyncReport
    /// What was thought of clocks, after a pull.
    let clock: ClockReport?
    /// What waits for a person, in the whole vault.
    let conflicts: Int
    let bytesUp: UInt64
    let bytesDown: UInt64
    let requests: UInt64
    let duration: Duration

    /// Prints it, then fails as the round did.
    func print(_ context: Context) throws {
        context.console.emit({ writer in
            writer.object { writer in
                writer.field("pushed", report.pushedSegments)
                writer.field("pushed_logs", report.pushedLogs)
                writer.field("pulled", report.pulledSegments)
                writer.field("pulled_changes", report.pulledChanges)
                writer.field("contents_sent", report.sentBlobs)
                writer.field("contents_got", report.fetchedBlobs)
                writer.field("contents_missing", report.missingBlobs)
                writer.field("contents_removed", report.removedBlobs)
                writer.field("conflicts", conflicts)
                writer.field("bytes_up", Int64(clamping: bytesUp))
                writer.field("bytes_down", Int64(clamping: bytesDown))
                writer.field("requests", Int64(clamping: requests))
                writer.field("duration_ms", Int64(duration / .milliseconds(1)))
                writer.field("demoted", clock?.demoted ?? 0)
                writer.field("hidden", clock?.hidden ?? 0)
                writer.field("alarms", report.alarms)
                writer.field("notices", report.notices)
                writer.field("silent", report.silent.map(\.author.device.description))
            }
        }) { lines }
        if let warning = clock?.trust.warning { context.console.warn(warning) }
        if let clock, clock.hidden > 0 {
            context.console.warn(
                "hides \(counted(clock.hidden, "change")) stamped far ahead without judging them: set this "
                    + "machine's clock if it is wrong")
        }
        if let clock, clock.demoted > 0 {
            context.console.note(
                "\(counted(clock.demoted, "change")) stamped far ahead will not count: ai-team sync conflicts"
            )
        }
        for silence in report.silent {
            context.console.warn(
                "\(silence.author.device) has not been heard since "
                    + Timestamp(milliseconds: Int64(clamping: silence.validUntil)).short
                    + ": it is off, or the remote hides what it writes")
        }
        if report.missingBlobs > 0 {
            context.console.warn(
                "\(counted(report.missingBlobs, "content")) of documents could not be had from the remote")
        }
        if report.removedBlobs > 0 {
            context.console.note(
                "\(counted(report.removedBlobs, "content")) that nothing needs any more left the remote")
        }
        for notice in report.notices { context.console.warn(notice) }
        for alarm in report.alarms { context.console.warn("\(alarm)") }
        if let failure = report.failure { throw failure }
        if !report.alarms.isEmpty {
            throw Failure(
                .integrityFailure, "the remote or a device is not what it should be: \(report.alarms[0])",
                hint: "what could be verified was used; see `ai-team sync status`")
        }
    }

    private var lines: [String] {
        var sent = counted(report.pushedSegments, "segment")
        var got =
            "\(counted(report.pulledSegments, "segment")) with \(counted(report.pulledChanges, "change"))"
        if report.pushedLogs > 0 { sent += " and \(counted(report.pushedLogs, "log object"))" }
        if report.sentBlobs > 0 { sent += " and \(counted(report.sentBlobs, "content"))" }
        if report.fetchedBlobs > 0 { got += " and \(counted(report.fetchedBlobs, "content"))" }
        let open =
            conflicts == 0 ? "" : "; \(counted(conflicts, "conflict")) to decide (ai-team sync conflicts)"
        let used =
            "\(counted(Int(clamping: requests), "request")), \(sizeText(Int64(clamping: bytesUp))) up, "
            + "\(sizeText(Int64(clamping: bytesDown))) down"
        let all =
            report.pushedSegments + report.pushedLogs + report.pulledSegments + report.sentBlobs
            + report.fetchedBlobs
        guard all > 0 else {
            return ["nothing new (\(used))" + open]
        }
        return ["sent \(sent), got \(got) (\(used))" + open]
    }
}

extension Context {
    /// The vault, its keys, and the remote that is configured or named.
    func syncSession(
        _ option: RemoteOption, blobs: BlobPolicy? = nil, tune: (inout StoreSettings) -> Void = { _ in }
    ) throws -> SyncSession {
        let cloud = try probedCloud(option, tune: tune)
        return SyncSession(
            vault: try vault(), home: try existingHome(), keys: try unlock(), remote: cloud.store,
            isHonoured: cloud.isHonoured, blobs: try blobs ?? blobPolicy(), console: console)
    }

    /// Says in one line what is weaker at a store that does not honour conditions.
    func warnOfWeakStore() throws {
        let keys = try unlock()
        let registrar = keys.roster.member(keys.roster.registrar)
        let name = try registrar.map { try keys.label(of: $0).printable } ?? "none"
        console.warn(
            "this store does not honour conditions on a put: only \(name) (\(keys.roster.registrar)) writes "
                + "the list of members, others ask it to; claims of tasks are never exclusive")
    }
}
