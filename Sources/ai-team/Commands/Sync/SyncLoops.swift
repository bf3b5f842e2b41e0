import ArgumentParser
import Glibc
import Sync
import Vault

/// `sync auto`.
struct SyncAuto: Command {
    static let configuration = CommandConfiguration(
        commandName: "auto", abstract: "Go on syncing, every so often, until interrupted.",
        discussion: """
            Runs here, in the foreground. A round that fails is told and tried again at the next interval. \
            With --json each round is one line.

            EXAMPLES:
              ai-team sync auto --interval 5m
            """)

    @Option(help: ArgumentHelp("Time between rounds; 5m unless said.", valueName: "duration"))
    var interval: DurationArgument?
    @OptionGroup var remote: RemoteOption
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let session = try context.syncSession(remote)
        while true {
            try session.roundOfMany(context)
            usleep(useconds_t(clamping: (interval?.milliseconds ?? 300_000) * 1000))
        }
    }
}

/// `sync realtime`.
struct SyncRealtime: Command {
    static let configuration = CommandConfiguration(
        commandName: "realtime", abstract: "Send changes within two seconds, and look for others' every ten.",
        discussion: """
            Runs here, in the foreground, until interrupted. Looking costs one conditional request.

            EXAMPLES:
              ai-team sync realtime
              ai-team sync realtime --poll 30s
            """)

    @Option(help: ArgumentHelp("Time between looks at the remote; 10s unless said.", valueName: "duration"))
    var poll: DurationArgument?
    @OptionGroup var remote: RemoteOption
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let session = try context.syncSession(remote)
        let pause = poll?.milliseconds ?? 10_000
        var looked: Int64 = 0
        while true {
            let now = Surroundings.system.now().milliseconds
            if try now - looked >= pause || session.hasUnsealed() {
                try session.roundOfMany(context)
                looked = now
            }
            sleep(1)
        }
    }
}

extension SyncSession {
    /// One round of many. A remote that fails is told of and no reason to stop; a vault that does is.
    fileprivate func roundOfMany(_ context: Context) throws {
        let result = try round(pulls: true, pushes: true)
        do { try result.print(context) } catch let failure as SyncError {
            context.console.warn("\(failure)")
        } catch let failure as Failure {
            context.console.warn(failure.message)
        }
        StandardOutput.flush()
    }
}
