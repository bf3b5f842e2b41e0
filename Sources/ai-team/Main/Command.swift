import ArgumentParser

/// A leaf of the command tree: it has the global options, and does its work with a `Context`.
protocol Command: ParsableCommand {
    var global: GlobalOptions { get }

    /// Does the work. Throws `Failure`, or an error that `Failure(describing:)` knows.
    func execute(_ context: Context) throws
}

extension Command {
    /// ArgumentParser's own entry is unused: `Program` calls `execute`, which needs the merged options.
    func run() throws {
        try execute(Context(options: global, given: global))
    }
}
