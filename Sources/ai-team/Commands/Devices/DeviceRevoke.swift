import ArgumentParser
import Backup
import KeyRing
import ObjectStorage
import Sync
import Vault

/// `device revoke ID`.
struct DeviceRevoke: Command {
    static let configuration = CommandConfiguration(
        commandName: "revoke", abstract: "Remove a device from the vault.",
        discussion: """
            First gets what the device has sent; that goes on counting, and nothing that it writes later. \
            From then on the vault has new keys, which it does not get. What it could read before it can \
            read for ever.

            Its key to the storage is not the vault's to take away: revoke it there, and say so with \
            --credentials-revoked, at once or later. Until then this command, and doctor, fail.

            With three or more owners and admins, removing one of them takes another one's `device cosign`, \
            or --recovery-code-file.

            What is here already is then encrypted under the new keys, as `key rotate` does it: \
            --re-encrypt now waits for it, background (unless said otherwise) leaves it to a process of its \
            own, never encrypts only new data under them.

            --review shows what the device sent too late to count, by field and value. With --take what may \
            be wanted all the same is written anew, as this device's own: all of it, or with --only the \
            changes of these numbers.

            EXAMPLES:
              ai-team device revoke dev-4k2m --dry-run
              ai-team device revoke dev-4k2m
              ai-team device revoke dev-4k2m --credentials-revoked
              ai-team device revoke dev-4k2m --review
              ai-team device revoke dev-4k2m --review --take --only 17 --only 18
            """)

    @Argument(help: "The device's id, or at least 4 characters of its beginning or end.") var device: String
    @Flag(help: "Its key to the storage was revoked there, or changed on all others.")
    var credentialsRevoked = false
    @Option(name: .customLong("re-encrypt"), help: "When what is here is encrypted anew.")
    var reEncrypt = ReencryptionTime.background
    @Flag(help: "Show what it wrote that counts nowhere.") var review = false
    @Flag(help: "With --review: write it anew, as this device's own.") var take = false
    @Option(help: ArgumentHelp("With --review: this change alone; may be repeated.", valueName: "number"))
    var only: [Int64] = []
    @Flag(help: "Show what would be done; change nothing, here or there.") var dryRun = false
    @Flag(help: "Do not ask.") var yes = false
    @OptionGroup var remote: RemoteOption
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func validate() throws {
        guard review || (!take && only.isEmpty) else {
            throw ValidationError("--take and --only belong to --review")
        }
        guard !review || !(dryRun || credentialsRevoked) else {
            throw ValidationError("--review shows, and removes nothing")
        }
    }

    func execute(_ context: Context) throws {
        let keys = try context.unlock()
        let member = try (keys.roster.members + keys.roster.former).meant(by: device)
        guard !review else {
            let session = try MembershipChange(remote: remote, context: context).session()
            return try VoidReview(member: member, takes: take, numbers: only).run(context, session)
        }
        guard keys.roster.member(member.id) != nil else { return try followUp(member, context) }
        if let reason = keys.roster.reasonNotToChange(member.id, by: keys.device) {
            throw Failure(.refusedByGuard, "\(member.id) can't be removed here: \(reason)")
        }
        let change = MembershipChange(remote: remote, context: context)
        let name = try DeviceList.name(of: member, keys)
        guard !dryRun else {
            let credential = try change.place().map { try change.credential(of: $0) }
            var report = RevocationReport(
                member: member, name: name, credential: credential,
                areCredentialsRevoked: credentialsRevoked, epoch: keys.roster.currentEpoch + 1)
            report.isDry = true
            report.reEncrypt = reEncrypt
            return report.print(context)
        }
        try Confirmation.require(
            "remove \(name.printable) (\(member.id), \(member.role.name)) from the vault?", yes: yes)
        let session = try change.session()
        let pins = try change.freshPins(of: member, session)
        if (session?.keys ?? keys).roster.needsApproval(of: member.id) {
            guard try change.propose(nil, of: member, session, pins: pins) else { return }
        } else {
            context.cache.keys = try change.apply(session) { try $0.remove(member.id, manifests: pins) }
        }
        if reEncrypt != .never { try context.noteReencryption(context.unlock().roster.currentEpoch) }
        if let session { try change.publish(session, "\(member.id) is removed here") }
        if reEncrypt == .now { _ = try context.finishReencryption() }
        try change.finish(
            removalOf: member, context.unlock(), areCredentialsRevoked: credentialsRevoked, reEncrypt)
    }

    /// For a device that was removed before: what is left to be done.
    private func followUp(_ member: Roster.Member, _ context: Context) throws {
        let pending = try context.vault().read { try RevokedCredentials.pending($0) }
        let what = pending[member.id.description]
        if credentialsRevoked, !dryRun, what != nil {
            try context.vault().write { try RevokedCredentials.set(nil, for: member.id, $0) }
        }
        let keys = try context.unlock()
        var report = RevocationReport(
            member: member, name: try DeviceList.name(of: member, keys), credential: what,
            areCredentialsRevoked: credentialsRevoked || what == nil, epoch: keys.roster.currentEpoch)
        report.settle(keys)
        report.print(context)
        if let what, !credentialsRevoked { throw RevokedCredentials.failure(what, of: member.id) }
    }
}
