/// What a command works with: the merged global options and the console.
final class Context {
    /// Global options from before and after the subcommand.
    let options: GlobalOptions
    /// Only those given after it, where a command means them for itself (`config --mode`).
    let given: GlobalOptions
    let console: Console
    /// The exit status when nothing was thrown; `doctor` and `verify` report first and fail after.
    var exitStatus: Int32 = 0

    init(options: GlobalOptions, given: GlobalOptions) {
        self.options = options
        self.given = given
        console = Console(options)
    }
}
