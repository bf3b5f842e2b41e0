import ArgumentParser
import KeyRing
import Sync
import Vault

/// `device role ID ROLE`.
struct DeviceRole: Command {
    static let configuration = CommandConfiguration(
        commandName: "role", abstract: "Let a device do more, or less.",
        discussion: """
            Every device holds what another one writes against its role. Where a role takes rights away, \
            what the device had sent goes on counting, as far as it was got here first; then it goes on as a \
            new incarnation, and what its new role does not allow is set aside everywhere. An agent reads \
            everything, changes no members, and deletes nothing from the knowledge base.

            EXAMPLES:
              ai-team device role dev-4k2m reader
              ai-team device role dev-4k2m agent --may task=write --may comment=write
            """)

    @Argument(help: "The device's id, or at least 4 characters of its beginning or end.") var device: String
    @Argument(help: "owner, admin, writer, agent or reader.") var role: InvitedRole
    @OptionGroup var rights: GivenRights
    @Flag(help: "Do not ask.") var yes = false
    @OptionGroup var remote: RemoteOption
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func validate() throws { try rights.require(role) }

    func execute(_ context: Context) throws {
        let keys = try context.unlock()
        let member = try (keys.roster.members + keys.roster.former).meant(by: device)
        guard keys.roster.member(member.id) != nil else {
            throw Failure(.notFound, "\(member.id) was removed from the vault")
        }
        let given = role == .agent ? try rights.rights() ?? .standard : nil
        guard member.role != role.role || member.rights != given else {
            return tell(member, given, context)
        }
        if let reason = keys.roster.reasonNotToChange(member.id, by: keys.device) {
            throw Failure(.refusedByGuard, "\(member.id) can't get another role here: \(reason)")
        }
        let name = try DeviceList.name(of: member, keys)
        try Confirmation.require(
            "make \(name.printable) (\(member.id)), which is \(member.role.name), \(role.rawValue)?", yes: yes
        )
        let change = MembershipChange(remote: remote, context: context)
        let session = try change.session()
        let pins = try change.freshPins(of: member, session)
        if (session?.keys ?? keys).roster.needsApproval(of: member.id, to: role.role) {
            guard try change.propose(role.role, rights: given, of: member, session, pins: pins) else {
                return
            }
        } else {
            context.cache.keys = try change.apply(session) { sync in
                try sync.setRole(role.role, of: member.id, rights: given, manifests: pins)
            }
        }
        if let session { try change.publish(session, "\(member.id) has its new role here") }
        tell(member, given, context)
    }

    private func tell(_ member: Roster.Member, _ given: AgentRights?, _ context: Context) {
        context.console.emit({ writer in
            writer.object { writer in
                writer.field("id", member.id.description)
                writer.field("role", role.rawValue)
                writer.field("may", given?.shown)
            }
        }) { ["\(member.id) is \(role.rawValue)" + (given.map { ", may \($0.shown)" } ?? "")] }
    }
}
