import KeyRing
import Vault

/// What a command works with: the merged global options, the console, and the vault once it is opened.
final class Context {
    /// Global options from before and after the subcommand.
    let options: GlobalOptions
    /// Only those given after it, where a command means them for itself (`config --mode`).
    let given: GlobalOptions
    let console: Console
    /// The exit status when nothing was thrown; `doctor` and `verify` report first and fail after.
    var exitStatus: Int32 = 0
    /// What exchanges with the remote around the command, where the mode says so.
    var exchange: ModeSync?
    /// What was found or opened already.
    var cache = Cache()

    /// Filled as needed, so that a command pays only for what it uses.
    struct Cache {
        var location: HomeLocation?
        var keys: UnlockedKeys?
        var vault: Vault?
        var isGuarded = false
        var isSettled = false
    }

    init(options: GlobalOptions, given: GlobalOptions) {
        self.options = options
        self.given = given
        console = Console(options)
    }
}
