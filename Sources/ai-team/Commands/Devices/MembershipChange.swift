import Backup
import KeyRing
import ObjectStorage
import Sync
import Vault

/// The way that a record about another member goes: what that member has sent is got first, then the record
/// is made here, then it is brought to the remote. Without a remote there is nothing to get or bring.
struct MembershipChange {
    let remote: RemoteOption
    let context: Context

    /// The remote that devices meet at, if there is one.
    func place() throws -> StoreURL? {
        if let named = remote.remote { return try StoreURL(named) }
        let configuration = try CloudConfiguration(
            home: context.existingHome(), variable: Secrets.storageVariable)
        return try configuration.remoteIfAny()
    }

    func session() throws -> SyncSession? { try place().map { _ in try context.syncSession(remote) } }

    /// Gets what the device has sent, so that all of it counts.
    ///
    /// - Returns: its last backups.
    /// - Throws: what keeps it from being got: nothing was changed then.
    func freshPins(of member: Roster.Member, _ session: SyncSession?) throws -> [Pin] {
        if let session {
            let report = try session.round(pulls: true, pushes: true, looksAtAll: true).report
            context.cache.keys = session.keys
            for alarm in report.alarms { context.console.warn("\(alarm)") }
            if let failure = report.failure.flatMap({ Failure(describing: $0) }) {
                throw Failure(
                    failure.code, "nothing was changed: \(failure.message)", hint: failure.hint)
            }
            if member.role.signsBackups {
                context.report(try context.cloud(remote).list(acceptsRollback: false).problems)
                context.exitStatus = 0
            }
        }
        return member.role.signsBackups ? try context.backups().pins(of: member.id) : []
    }

    /// Makes the record here.
    ///
    /// - Returns: the keys afterwards.
    func apply(_ session: SyncSession?, _ body: (VaultSync) throws -> Void) throws -> UnlockedKeys {
        if let session { return try session.change(body) }
        let sync = try VaultSync(
            vault: context.vault(), home: context.existingHome(), keys: context.unlock()
        ) {
            UInt64(clamping: Surroundings.system.now().milliseconds)
        }
        try body(sync)
        return sync.keys
    }

    /// Brings the record to the remote. It is this home's already, and any later round brings it as well.
    ///
    /// - Parameter done: what is true already if this fails.
    func publish(_ session: SyncSession, _ done: String) throws {
        let report = try session.round(pulls: true, pushes: true).report
        context.cache.keys = session.keys
        for notice in report.notices { context.console.warn(notice) }
        for alarm in report.alarms { context.console.warn("\(alarm)") }
        guard let failure = report.failure.flatMap({ Failure(describing: $0) }) else { return }
        throw Failure(
            failure.code, "\(done), and the others don't know yet: \(failure.message)",
            hint: "run `ai-team sync both`, then this command once more")
    }
}
