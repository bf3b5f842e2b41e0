import ArgumentParser
import KeyRing
import ObjectStorage
import Sync
import Vault

/// Roles that an invitation can give.
enum InvitedRole: String, CaseIterable, ExpressibleByArgument {
    case owner, admin, writer, agent, reader

    var role: MemberRole {
        switch self {
        case .owner: .owner
        case .admin: .admin
        case .writer: .writer
        case .agent: .agent
        case .reader: .reader
        }
    }
}

/// `device invite`.
struct DeviceInvite: Command {
    static let configuration = CommandConfiguration(
        commandName: "invite", abstract: "Make a token that lets one new device in.",
        discussion: """
            The token is good for 15 minutes and for one device. Whoever has it can ask to be let in, so \
            hand it over where nobody else reads it. With --auto-approve a writer, agent or reader that \
            proves the token is let in by this device's next `device approve` without a question; owners and \
            admins never are.

            EXAMPLES:
              ai-team device invite
              ai-team device invite --role reader --auto-approve
              ai-team device invite --role agent --may task=write --may comment=write
            """)

    @Option(help: "What the new device will be: owner, admin, writer, agent, reader.")
    var role = InvitedRole.writer
    @OptionGroup var rights: GivenRights
    @Flag(help: "Let in who proves the token, without a question.") var autoApprove = false
    @OptionGroup var remote: RemoteOption
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func validate() throws { try rights.require(role) }

    func execute(_ context: Context) throws {
        let vault = try context.vault()
        let (url, store) = try context.meetingPlace(remote)
        let invitations = Invitations(home: try context.existingHome(), vault: vault, store: store)
        let made = try invitations.invite(
            as: role.role, rights: rights.rights(), isAutomatic: autoApprove, hint: url.description,
            keys: context.unlock(),
            time: context.milliseconds)
        let token = made.token.reveal()
        let expires = Timestamp(milliseconds: Int64(clamping: made.expiresAt))
        context.console.emit({ writer in
            writer.object { writer in
                writer.field("token", token)
                writer.field("expires_at", expires)
                writer.field("role", role.rawValue)
                writer.field("auto_approve", autoApprove)
                writer.field("remote", url.description)
            }
        }) {
            var lines = [
                "invitation for a device of the role \(role.rawValue), until \(expires.short):", "",
                token, "",
            ]
            if context.console.width != nil, let picture = QRCode(Array(token.utf8)) {
                lines += picture.lines + [""]
            }
            return lines + [
                "on the new machine: ai-team device join TOKEN", "then here: ai-team device approve",
            ]
        }
    }
}
