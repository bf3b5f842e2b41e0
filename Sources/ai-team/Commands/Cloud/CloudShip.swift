import ArgumentParser
import Backup
import Vault

/// `backup cloud [ID]`.
struct CloudShip: Command {
    static let configuration = CommandConfiguration(
        commandName: "ship", abstract: "Ship what the bucket lacks (what `backup cloud` does by itself).",
        discussion: """
            Packs go several at a time, each manifest after all of its packs. Interrupted, it goes on where \
            it was the next time. A schedule adds --when-due, so that what is made daily is shipped weekly.

            EXAMPLES:
              ai-team backup cloud
              ai-team backup cloud 7f3k2q --remote file:///media/usb
            """)

    @Argument(help: "Only this backup and those before it: its id, or 4 characters of it.") var id: String?
    @OptionGroup var due: DueOption
    @OptionGroup var remote: RemoteOption
    @OptionGroup var rollback: RollbackOption
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        if let time = try due.wait(for: .shipped, context) {
            return context.console.emit({ writer in
                writer.object { writer in
                    for name in ["uploaded", "skipped", "bytes", "requests"] { writer.field(name, 0) }
                    writer.field("due_at", time)
                }
            }) { ["nothing to ship before \(time.short)"] }
        }
        let bar = BackupBar("shipping", context.console)
        defer { bar.finish() }
        let (done, requests) = try ship(context, bar)
        bar.finish()
        try RemoteDeed.shipped.note(in: context.location().home)
        context.report(done.problems)
        context.console.emit({ writer in
            writer.object { writer in
                writer.field("uploaded", done.uploaded)
                writer.field("skipped", done.skipped)
                writer.field("bytes", Int64(clamping: done.bytes))
                writer.field("requests", Int64(clamping: requests))
            }
        }) {
            let sent = "\(counted(done.uploaded, "object")), \(sizeText(Int64(clamping: done.bytes)))"
            let asked = counted(Int(clamping: requests), "request")
            return [done.uploaded == 0 ? "nothing to ship (\(asked))" : "shipped \(sent) in \(asked)"]
        }
    }

    private func ship(
        _ context: Context, _ bar: BackupBar
    ) throws -> (CloudBackups.Shipment, requests: UInt64) {
        if try context.isWriterHome() {
            guard id == nil else {
                throw Failure(.usage, "a home that only writes backups ships all of them", hint: "no ID")
            }
            let cloud = try context.writerCloud(remote)
            let done = try cloud.ship(acceptsRollback: rollback.isAccepted, progress: bar.show)
            return (done, cloud.requests)
        }
        let cloud = try context.probedCloud(remote)
        let done = try cloud.ship(id, acceptsRollback: rollback.isAccepted, progress: bar.show)
        return (done, cloud.requests)
    }
}
