import ArgumentParser
import KeyRing
import Sync
import Vault

/// `device approve [ID]`.
struct DeviceApprove: Command {
    static let configuration = CommandConfiguration(
        commandName: "approve", abstract: "Let devices in that ask to join.",
        discussion: """
            Shows who asks, and asks back; compare the fingerprint with what the new device shows. With an \
            ID only that device is let in, without a question. Devices whose invitation was made with \
            --auto-approve are let in at once. Requests that no token proves are named, and the exit status \
            is then 6. With three or more owners and admins another one takes two: another one's \
            `device cosign`, or --recovery-code-file.

            EXAMPLES:
              ai-team device approve
              ai-team device approve dev-4k2m
            """)

    @Argument(help: "The device's id, or at least 4 characters of its beginning or end.") var device: String?
    @Flag(help: "Let in all that ask with a good token, without a question.") var yes = false
    @OptionGroup var remote: RemoteOption
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let invitations = try context.invitations(remote)
        var (keys, approved, look) = try invitations.approveAutomatic(
            keys: context.unlock(), time: context.milliseconds)
        context.cache.keys = keys
        var proposed: [KeyRing.Proposal] = []
        report(look, context)
        for request in try chosen(look.requests, approved) {
            if device == nil, !yes {
                context.console.announce(Self.lines(request))
                try Confirmation.require("let it in?", yes: false)
            }
            let code = try context.agreeingCode()
            guard code != nil || !keys.roster.needsApproval(toAdd: request.invitation.role) else {
                proposed.append(
                    try invitations.propose(request, keys: keys, time: context.milliseconds))
                continue
            }
            keys = try invitations.approve(request, with: code, keys: keys, time: context.milliseconds)
            context.cache.keys = keys
            approved.append(request)
        }
        for proposal in proposed { context.console.note(try proposal.shown(keys)) }
        tell(approved, proposed, look, context)
    }

    /// What is said of the rest.
    private func report(_ look: Invitations.Look, _ context: Context) {
        for problem in look.rejected { context.console.warn(problem.message) }
        if look.cancelled > 0 {
            context.console.warn(
                "two devices have proven the same token: \(counted(look.cancelled, "invitation")) cancelled,"
                    + " nobody was let in by it")
        }
        if look.expired > 0 {
            context.console.note("\(counted(look.expired, "invitation")) expired, nobody was let in by it")
        }
        if !look.rejected.isEmpty || look.cancelled > 0 {
            context.exitStatus = Failure.Code.integrityFailure.exitStatus
        }
    }

    private func chosen(
        _ requests: [Invitations.Request], _ approved: [Invitations.Request]
    ) throws -> [Invitations.Request] {
        guard let device else { return requests }
        let found = requests.filter { $0.keys.id.isMeant(by: device) }
        guard found.count <= 1 else {
            throw Failure(
                .ambiguousID, "'\(device.printable)' is more than one device",
                candidates: found.map(\.keys.id.description))
        }
        guard !found.isEmpty || approved.contains(where: { $0.keys.id.isMeant(by: device) }) else {
            throw Failure(
                .notFound, "no device '\(device.printable)' asks to be let in",
                hint: "run `ai-team device join TOKEN` there, or make another token: they last 15 minutes")
        }
        return found
    }

    private static func lines(_ request: Invitations.Request) -> [String] {
        [
            "\(request.keys.id)  \(request.invitation.role.name)  \(request.name.printable)",
            "    \(request.keys.fingerprint)",
        ]
    }

    private func tell(
        _ approved: [Invitations.Request], _ proposed: [KeyRing.Proposal], _ look: Invitations.Look,
        _ context: Context
    ) {
        context.console.emit({ writer in
            writer.object { writer in
                writer.key("approved")
                writer.array { writer in
                    for request in approved {
                        writer.object {
                            $0.field("id", request.keys.id.description)
                            $0.field("name", request.name)
                            $0.field("role", request.invitation.role.name)
                            $0.field("public_key_fingerprint", request.keys.fingerprint)
                        }
                    }
                }
                writer.key("proposed")
                writer.array { writer in
                    for proposal in proposed {
                        writer.object {
                            $0.field("id", proposal.subject.description)
                            $0.field("expires_at", proposal.end)
                        }
                    }
                }
                writer.field("waiting", look.waiting)
                writer.field("expired", look.expired)
                writer.field("cancelled", look.cancelled)
            }
        }) {
            var lines = approved.flatMap { ["let in:"] + Self.lines($0) }
            lines += proposed.map {
                "another owner or admin lets \($0.subject) in with: ai-team device cosign \($0.subject)"
            }
            if !lines.isEmpty { return lines }
            return [
                look.waiting > 0
                    ? "nobody has asked yet: \(counted(look.waiting, "invitation")) open"
                    : "nobody asks to be let in"
            ]
        }
    }
}
