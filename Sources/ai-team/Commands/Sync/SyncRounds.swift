import ArgumentParser
import Sync
import Vault

/// What every round takes.
struct RoundOptions: ParsableArguments {
    @Flag(help: "Show what the round would do; change nothing, here or there.") var dryRun = false
    @Flag(
        help: "Let the round delete more than a fifth of the tasks, projects or documents (and more than 10)."
    )
    var allowMassDelete = false

    func run(_ context: Context, _ remote: RemoteOption, pulls: Bool, pushes: Bool) throws {
        if dryRun {
            return try PlannedRound(context, remote, pulls: pulls, pushes: pushes).print(context)
        }
        try context.syncSession(remote)
            .round(pulls: pulls, pushes: pushes, allowsMassDeletion: allowMassDelete).print(context)
    }
}

/// `sync push`.
struct SyncPush: Command {
    static let configuration = CommandConfiguration(
        commandName: "push", abstract: "Send what was written here.",
        discussion: """
            Sealed and signed here, sent, and known to be stored when the command ends.

            EXAMPLES:
              ai-team sync push
              ai-team sync push --dry-run
            """)

    @OptionGroup var round: RoundOptions
    @OptionGroup var remote: RemoteOption
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        try round.run(context, remote, pulls: false, pushes: true)
    }
}

/// `sync pull`.
struct SyncPull: Command {
    static let configuration = CommandConfiguration(
        commandName: "pull", abstract: "Get what other devices wrote.",
        discussion: """
            One request when there is nothing new.

            EXAMPLES:
              ai-team sync pull
            """)

    @OptionGroup var round: RoundOptions
    @OptionGroup var remote: RemoteOption
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        try round.run(context, remote, pulls: true, pushes: false)
    }
}

/// `sync both`.
struct SyncBoth: Command {
    static let configuration = CommandConfiguration(
        commandName: "both", abstract: "Get what others wrote, then send what was written here.",
        discussion: """
            EXAMPLES:
              ai-team sync both
              ai-team sync both --dry-run
              ai-team sync both --remote file:///media/usb/vault
            """)

    @OptionGroup var round: RoundOptions
    @OptionGroup var remote: RemoteOption
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        try round.run(context, remote, pulls: true, pushes: true)
    }
}

/// `sync verify`.
struct SyncVerify: Command {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check every record, head, segment, checkpoint and content at the remote.",
        discussion: """
            First compares what every device says that it has seen with what is known here, whatever the \
            bell says (done by itself once an hour by whoever syncs). Then fetches everything and checks \
            signatures, places and ciphertexts, the contents of documents among them, and that nothing \
            is missing. Exits with 6 when something is wrong. A content that is lost there is stored \
            again by the next push of this device, if it has it; else run this on one that does. The \
            state root it prints is the same on all devices that have the same records.

            EXAMPLES:
              ai-team sync verify
            """)

    @OptionGroup var remote: RemoteOption
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let session = try context.syncSession(remote)
        let round = try session.round(pulls: true, pushes: false, looksAtAll: true)
        if let failure = round.report.failure { throw failure }
        let bar = Progress("checking", console: context.console)
        let contents = Progress("reading documents", console: context.console)
        let (report, root) = try session.check(
            progress: {
                bar.update(done: Int64($0), total: Int64($1))
                if $0 == $1 { bar.finish() }
            }, contents: { contents.update(done: $0, total: $1) })
        bar.finish()
        contents.finish()
        let problems =
            round.report.alarms.map { ($0.object, $0.description) }
            + report.failed.map { ($0.object, $0.reason) }
        context.console.emit({ writer in
            writer.object { writer in
                writer.field("ok", problems.isEmpty)
                writer.field("checked", report.checked)
                writer.field("bytes", Int64(clamping: report.bytes))
                writer.field("state_root", root)
                writer.key("failed")
                writer.array { writer in
                    for (object, reason) in problems {
                        writer.object {
                            $0.field("object", object)
                            $0.field("reason", reason)
                        }
                    }
                }
            }
        }) {
            [
                "\(counted(report.checked, "object")) checked, \(sizeText(Int64(clamping: report.bytes)))"
                    + (problems.isEmpty ? ": all as it should be" : ""),
                "state root \(root)",
            ]
        }
        for (object, reason) in problems {
            context.console.warn("\(object.printable): \(reason.printable)")
        }
        guard problems.isEmpty else {
            throw Failure(
                .integrityFailure, "\(counted(problems.count, "object")) at the remote can't be believed",
                hint: "what could be verified is used; nothing local is lost; see `ai-team sync status`")
        }
    }
}
