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
            try catchUp(session)
            if member.role.signsBackups {
                context.report(try context.cloud(remote).list(acceptsRollback: false).problems)
                context.exitStatus = 0
            }
        }
        return member.role.signsBackups ? try context.backups().pins(of: member.id) : []
    }

    /// A round that looks at everything, before a record is made behind the newest.
    func catchUp(_ session: SyncSession) throws {
        let report = try session.round(pulls: true, pushes: true, looksAtAll: true).report
        context.cache.keys = session.keys
        for alarm in report.alarms { context.console.warn("\(alarm)") }
        if let failure = report.failure.flatMap({ Failure(describing: $0) }) {
            throw Failure(failure.code, "nothing was changed: \(failure.message)", hint: failure.hint)
        }
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

    /// Where a change takes two: with the recovery code at hand it is made at once, else it is proposed.
    ///
    /// - Parameter role: nil for a removal.
    /// - Returns: whether it was made.
    func propose(
        _ role: MemberRole?, rights: AgentRights? = nil, of member: Roster.Member, _ session: SyncSession?,
        pins: [Pin]
    ) throws -> Bool {
        let code = try context.agreeingCode()
        let session = try required(session)
        var made: KeyRing.Proposal?
        _ = try session.change { sync in
            made = try sync.propose(role, rights: rights, of: member.id, manifests: pins)
        }
        guard let proposal = made else { return false }
        guard let code else {
            try put(proposal, session)
            return false
        }
        context.cache.keys = try session.approve(proposal, with: code, time: context.milliseconds)
        return true
    }

    /// The remote that owners and admins meet at.
    func required(_ session: SyncSession?) throws -> SyncSession {
        guard let session else {
            throw Failure(
                .refusedByGuard,
                "this takes two owners or admins, and there is no remote for them to meet at",
                hint: "set one with `ai-team sync remote set URL`")
        }
        return session
    }

    /// Puts a proposal where the others look, and says so.
    ///
    /// - Parameter code: a recovery code that would come with it.
    func put(_ proposal: KeyRing.Proposal, _ session: SyncSession, code: String? = nil) throws {
        try session.proposals().put(proposal, keys: session.keys)
        let text = try proposal.shown(session.keys)
        context.console.emit({ writer in
            writer.object { writer in
                writer.field("id", proposal.subject.description)
                writer.field("status", "proposed")
                writer.field("expires_at", proposal.end)
                if let code { writer.field("recovery_code", code) }
            }
        }) {
            var lines = [text, "another owner or admin agrees with: ai-team device cosign"]
            if let code {
                lines += ["", "recovery code, shown this once:", "", "  \(code)", ""]
                lines.append("it counts once another one has agreed; then: ai-team key recovery adopt")
            }
            return lines
        }
    }

    /// What is left to be done, and said, once a proposal was carried out.
    func finish(
        _ proposal: KeyRing.Proposal, _ session: SyncSession, areCredentialsRevoked: Bool
    ) throws {
        let keys = session.keys
        guard case .remove = proposal.change,
            let member = keys.roster.former.last(where: {
                $0.id == proposal.subject
            })
        else {
            return context.console.emit({ writer in
                writer.object { writer in
                    writer.field("id", proposal.subject.description)
                    writer.field("status", "done")
                    writer.field("role", keys.roster.member(proposal.subject)?.role.name)
                }
            }) { ["done"] }
        }
        try finish(removalOf: member, keys, areCredentialsRevoked: areCredentialsRevoked, .background)
    }

    /// Says what was removed, and remembers what is to be revoked at the storage.
    ///
    /// - Throws: `guard` until somebody says that it was.
    func finish(
        removalOf member: Roster.Member, _ keys: UnlockedKeys, areCredentialsRevoked: Bool,
        _ reEncrypt: ReencryptionTime
    ) throws {
        let credential = try place().map { try self.credential(of: $0) }
        let pending = areCredentialsRevoked ? nil : credential
        try context.vault().write { try RevokedCredentials.set(pending, for: member.id, $0) }
        var report = RevocationReport(
            member: member, name: try DeviceList.name(of: member, keys), credential: credential,
            areCredentialsRevoked: areCredentialsRevoked, epoch: keys.roster.currentEpoch)
        report.settle(keys)
        report.reEncrypt = reEncrypt
        report.print(context)
        if let pending { throw RevokedCredentials.failure(pending, of: member.id) }
    }

    /// What opens the storage to a device, in words.
    func credential(of url: StoreURL) throws -> String {
        let configuration = try CloudConfiguration(
            home: context.existingHome(), variable: Secrets.storageVariable)
        let stored = try context.vault().read { try CloudConfiguration.login($0) }
        let key = try configuration.settings(url, stored: stored).credentials?.accessKeyID
        return RevokedCredentials.name(of: url, accessKey: key)
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
