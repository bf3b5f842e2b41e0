import ArgumentParser
import KeyRing
import Sync
import Vault

/// `device …`.
struct DeviceGroup: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "device", abstract: "Show the vault's devices, let others in, and remove some.",
        discussion: """
            A new device gets in by an invitation: `device invite` here prints a token, `device join TOKEN` \
            on the new machine asks to be let in, `device approve` here lets it in.
            """,
        subcommands: [
            DeviceList.self, DeviceInvite.self, DeviceJoin.self, DeviceApprove.self, DeviceRevoke.self,
            DeviceRole.self, DeviceCosign.self, DeviceRename.self, DeviceConfirm.self, DeviceTakeOver.self,
        ])
}

/// `device list`.
struct DeviceList: Command {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the devices with their fingerprints.",
        discussion: """
            EXAMPLES:
              ai-team device list
            """)

    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let keys = try context.unlock()
        let rows = try Self.rows(keys)
        context.console.emit({ writer in
            writer.array { writer in for row in rows { row.encode(to: &writer) } }
        }) { Self.lines(rows) }
        guard keys.roster.members.count(where: { $0.role.administers }) >= 3 else { return }
        let proposals = try Proposals.known(to: context.vault(), keys: keys, time: context.milliseconds)
        for proposal in proposals {
            context.console.note(try proposal.shown(keys) + ": ai-team device cosign \(proposal.subject)")
        }
    }

    /// A device, as it is listed.
    struct Row {
        let member: Roster.Member
        let name: String
        let status: String

        func encode(to writer: inout JSONWriter) {
            writer.object {
                $0.field("id", member.id.description)
                $0.field("name", name)
                $0.field("public_key_fingerprint", member.keys.fingerprint)
                $0.field("role", member.role.name)
                $0.field("status", status)
                $0.field("may", member.rights?.shown)
                // Nothing tells when a device was last there before devices talk to each other.
                $0.field("last_seen_at", nil as String?)
            }
        }
    }

    /// Until the devices are confirmed, only this one is active.
    static func rows(_ keys: UnlockedKeys) throws -> [Row] {
        let present = try keys.roster.members.map { member in
            let isActive = keys.roster.isConfirmed || member.id == keys.device
            return Row(
                member: member, name: try name(of: member, keys),
                status: isActive ? "active" : "unconfirmed")
        }
        return try present
            + keys.roster.former.map { Row(member: $0, name: try name(of: $0, keys), status: "removed") }
    }

    /// A device may have given itself a name that nobody can read; that hides no other.
    static func name(of member: Roster.Member, _ keys: UnlockedKeys) throws -> String {
        do throws(KeyError) { return try keys.label(of: member) } catch {
            guard error.code == .integrityFailure else { throw error }
            return "(unreadable name)"
        }
    }

    static func lines(_ rows: [Row]) -> [String] {
        rows.flatMap { row in
            [
                "\(row.member.id)  \(row.member.role.name)  \(row.status)  \(row.name.printable)",
                "    \(row.member.keys.fingerprint)",
            ]
        }
    }
}

/// `device confirm`.
struct DeviceConfirm: Command {
    static let configuration = CommandConfiguration(
        commandName: "confirm", abstract: "Believe the devices of a vault that was recovered.",
        discussion: """
            Compare the fingerprints with those that the devices show themselves. Until they are \
            confirmed, nothing that is written here can be read by them. The vault gets a new epoch.

            EXAMPLES:
              ai-team device confirm
              ai-team device confirm --yes
            """)

    @Flag(help: "Do not ask.") var yes = false
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let keys = try context.unlock()
        if !keys.roster.isConfirmed {
            context.console.announce(try DeviceList.lines(DeviceList.rows(keys)))
            try Confirmation.require("are these the vault's devices?", yes: yes)
        }
        let changed = try context.changeKeys { try KeyRing.confirmMembers(in: $0, keys: $1, time: $2) }
        context.console.emit({ writer in
            writer.object {
                $0.field("confirmed", true)
                $0.field("epoch", Int(changed.currentEpoch))
            }
        }) { ["the devices are confirmed; the epoch is \(changed.currentEpoch)"] }
    }
}
