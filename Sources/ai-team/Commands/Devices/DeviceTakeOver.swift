import ArgumentParser
import Sync

/// `device take-over`.
struct DeviceTakeOver: Command {
    static let configuration = CommandConfiguration(
        commandName: "take-over",
        abstract: "Go on with this copy of the device, when another copy has taken over.",
        discussion: """
            Of two copies of one home (a copied directory, a machine restored from a snapshot while the old \
            one still ran) one goes on syncing and the other stops; `sync status` says which. Run on the one \
            that stopped, this turns it round: what the other copy has sent is taken in, then this one goes \
            on, and the other stops at its next sync. Nothing of either is lost.

            EXAMPLES:
              ai-team device take-over
            """)

    @Flag(help: "Do not ask.") var yes = false
    @OptionGroup var remote: RemoteOption
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let session = try context.syncSession(remote)
        try Confirmation.require("go on here, and let the other copy of this device stop?", yes: yes)
        try session.round(pulls: true, pushes: true, takesOver: true).print(context)
    }
}
