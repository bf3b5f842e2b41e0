import ArgumentParser
import KeyRing
import Sync
import Vault

/// `device cosign [ID]`.
struct DeviceCosign: Command {
    static let configuration = CommandConfiguration(
        commandName: "cosign", abstract: "Agree to what another owner or admin proposes.",
        discussion: """
            With three or more owners and admins, removing one of them, giving one of them a lesser role, \
            letting another one in or raising one, and replacing the recovery code take two. The first one's \
            `device revoke`, `device role`, `device approve` or `key recovery` makes a proposal, which is \
            good for 7 days and as long as nothing else changes the members; this shows what is proposed, \
            asks, and carries it out. With an ID only the proposal about that device.

            EXAMPLES:
              ai-team device cosign
              ai-team device cosign dev-4k2m
            """)

    @Argument(help: "Whom it is about: a device's id, or at least 4 characters of its beginning or end.")
    var device: String?
    @Flag(help: "Do not ask.") var yes = false
    @Flag(help: "The removed device's key to the storage was revoked there, or changed on all others.")
    var credentialsRevoked = false
    @OptionGroup var remote: RemoteOption
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let change = MembershipChange(remote: remote, context: context)
        guard let session = try change.session() else {
            throw Failure(.notFound, "proposals are met at the remote, and none is set")
        }
        let report = try session.round(pulls: true, pushes: true, looksAtAll: true).report
        context.cache.keys = session.keys
        if let failure = report.failure { throw failure }
        let keys = session.keys
        let found = try session.proposals().look(keys: keys, time: context.milliseconds)
            .filter { proposal in device.map { proposal.subject.isMeant(by: $0) } ?? true }
        guard let proposal = found.first(where: { $0.author != keys.device && $0.subject != keys.device })
        else {
            throw Failure(
                .notFound, found.isEmpty ? "nothing is proposed" : "it takes another owner or admin than you",
                hint: "a proposal ends after 7 days, or when the members change otherwise")
        }
        context.console.announce([try proposal.shown(keys)])
        try Confirmation.require("agree to this?", yes: yes)
        context.cache.keys = try session.approve(proposal, with: nil, time: context.milliseconds)
        if proposal.change == .remove { context.noteReencryption(session.keys.roster.currentEpoch) }
        try change.publish(session, "you have agreed here")
        try session.proposals().remove(proposal, keys: session.keys)
        try change.finish(proposal, session, areCredentialsRevoked: credentialsRevoked)
    }
}

extension KeyRing.Proposal {
    /// For a person.
    func shown(_ keys: UnlockedKeys) throws -> String {
        func name(_ id: DeviceID) throws -> String {
            guard let member = keys.roster.member(id) else { return "\(id)" }
            return "\(try DeviceList.name(of: member, keys).printable) (\(id))"
        }
        let what: String =
            switch change {
            case .remove: "remove \(try name(subject))"
            case .role(let role): "make \(try name(subject)) \(role.name)"
            case .add(let role, let keys):
                "let in \(subject) as \(role.name), whose keys are \(keys.fingerprint)"
            case .recovery: "replace the recovery code, or what else recovers the vault"
            }
        return "\(try name(author)) proposes to \(what), until \(end.short)"
    }

    /// When it is over.
    var end: Timestamp { Timestamp(milliseconds: Int64(clamping: time + Self.lifetime)) }
}
