import ArgumentParser
import Backup
import ObjectStorage
import Sync
import Vault

/// What `cloud` and `auto` do around a command that shows or changes records, where a remote is set.
///
/// `cloud` relies on the remote: before the work it gets what others wrote, and after it sends what was
/// written; when either can't be done the command exits with 7. `auto` tries for two seconds and then goes on
/// with what is here. What could not be sent waits in the vault in either case.
final class ModeSync {
    private let context: Context
    private let mode: Mode
    private let session: SyncSession
    /// In `auto`.
    private let deadline: DeadlineStore?
    /// The remote did not answer before, so that it is not asked again.
    private var isGivenUp = false

    /// `auto` begins no request after the first, and lets none stand still for longer than the second; so
    /// both come to two seconds.
    private static let patience: (begin: UInt64, stall: Int) = (1000, 1)

    /// - Returns: nil where the mode or the lack of a remote leaves nothing to do.
    init?(_ context: Context) throws {
        mode = try context.mode()
        guard mode != .local else { return nil }
        let home = try context.existingHome()
        let configuration = try CloudConfiguration(home: home, variable: Secrets.storageVariable)
        guard try configuration.remoteIfAny() != nil else { return nil }
        self.context = context
        // Contents that no command asks for can wait for `sync`.
        let blobs = try context.blobPolicy() == .off ? BlobPolicy.off : .lazy
        guard mode == .auto else {
            deadline = nil
            // Somebody waits at the terminal: three more tries, within some two seconds.
            session = try context.syncSession(RemoteOption.parse([]), blobs: blobs) { $0.retry.attempts = 4 }
            return
        }
        let cloud = try context.cloud(RemoteOption.parse([])) { settings in
            settings.retry.attempts = 1
            settings.patience = Self.patience.stall
        }
        // What the remote honours is tried out when there is time.
        guard !cloud.needsProbe else { return nil }
        let deadline = DeadlineStore(cloud.store.store, milliseconds: Self.patience.begin)
        self.deadline = deadline
        session = SyncSession(
            vault: try context.vault(), home: home, keys: try context.unlock(), remote: cloud.store,
            store: deadline,
            isHonoured: cloud.isHonoured, blobs: blobs,
            console: context.console,
            lockTimeout: .milliseconds(200))
    }

    /// Exchanges around `work`.
    ///
    /// - Throws: what `work` throws; in `cloud`, what keeps it from exchanging.
    func around(sends: Bool, _ work: () throws -> Void) throws {
        try before()
        if let deadline { try deadline.pausing(work) } else { try work() }
        if sends { try after() }
    }

    /// Gets what others wrote.
    ///
    /// - Throws: in `cloud`, what keeps it from that: nothing was done then.
    private func before() throws {
        try attempt {
            try session.round(pulls: true, pushes: false)
        } failing: { failure in
            Failure(
                failure.code, "\(failure.message), and mode cloud works on nothing older",
                hint: "nothing was done; `--mode auto` or `--mode local` works with what is here")
        }
    }

    /// Sends what was written, if anything was.
    ///
    /// - Throws: in `cloud`, what keeps it from that: what was written stays queued.
    private func after() throws {
        guard !isGivenUp, try session.hasUnsealed() || session.hasUnsettledClaims() else { return }
        try attempt {
            try session.round(pulls: false, pushes: true)
        } failing: { failure in
            Failure(
                failure.code, "it was written here and not sent: \(failure.message)",
                hint: failure.hint ?? "it stays queued; `ai-team sync push` sends it")
        }
    }

    /// Claims a task by the remote, so that no other device gets the same.
    ///
    /// - Returns: what came of it; in the second case the claim has to be made here alone, and the user was
    ///   told.
    /// - Throws: `lease_lost` when others have claimed all that seemed ready; in `cloud`, what keeps it from
    ///   reaching the remote.
    func claim(agent: String, type: TaskType?, leaseMilliseconds: Int64) throws -> RemoteClaim {
        guard !isGivenUp else { return .onlyHere }
        guard session.isHonoured else {
            isGivenUp = true
            context.console.note(
                "the store does not honour conditions on a put, so the claim is not exclusive between devices"
            )
            return .onlyHere
        }
        do {
            let claim = {
                try self.session.claim(agent: agent, type: type, leaseMilliseconds: leaseMilliseconds)
            }
            return .decided(try deadline.map { try $0.resuming(claim) } ?? claim())
        } catch {
            guard let problem = Failure(describing: error) else { throw error }
            let isAbsent = [.remoteUnreachable, .remoteRefused, .conflict].contains(problem.code)
            guard isAbsent else { throw error }
            guard mode == .auto else {
                throw Failure(
                    problem.code, "nothing was claimed: \(problem.message)",
                    hint: problem.hint ?? "`--mode auto` or `--mode local` claims without the remote")
            }
            isGivenUp = true
            context.console.note("claims without the remote: \(problem.message)")
            return .onlyHere
        }
    }

    private func attempt(
        _ round: () throws -> SyncRoundResult, failing tell: (Failure) -> Failure
    ) throws {
        defer { context.cache.keys = session.keys }
        var problem: Failure?
        do {
            let report = try round().report
            if let failure = report.failure { problem = Failure(describing: failure) }
            for notice in report.notices { context.console.warn(notice) }
            for alarm in report.alarms { context.console.warn("\(alarm)") }
            if problem == nil, let alarm = report.alarms.first, mode == .cloud {
                problem = Failure(
                    .integrityFailure, "the remote or a device is not what it should be: \(alarm)",
                    hint: "see `ai-team sync status`")
            }
        } catch {
            guard let failure = Failure(describing: error) else { throw error }
            problem = failure
        }
        guard let problem else { return }
        isGivenUp = true
        guard mode == .auto else { throw tell(problem) }
        context.console.note("working with what is here: \(problem.message)")
    }
}

/// What came of a claim by the remote.
enum RemoteClaim {
    /// A task that is this device's alone; nil when nothing was ready.
    case decided(TaskClaim?)
    /// The remote was not asked.
    case onlyHere
}
