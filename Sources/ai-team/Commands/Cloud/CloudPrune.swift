import ArgumentParser
import Backup
import Vault

/// `backup cloud prune`.
struct CloudPrune: Command {
    static let configuration = CommandConfiguration(
        commandName: "prune", abstract: "Remove old backups from the bucket by rules.",
        discussion: """
            As `backup prune`, with the rules of backup.cloud in config/sync.yaml (weekly for 90 days). \
            What the bucket lacks is shipped first, the record of what goes among it. Packs that no backup \
            needs any more are marked and removed by a run at least 23 hours later, so that nobody who \
            ships at the same time loses anything. What a lock of the bucket keeps goes later.

            EXAMPLES:
              ai-team backup cloud prune --dry-run
              ai-team backup cloud prune --keep-weekly 13 --yes
            """)

    @OptionGroup var retention: RetentionOptions
    @OptionGroup var due: DueOption
    @OptionGroup var remote: RemoteOption
    @OptionGroup var rollback: RollbackOption
    @OptionGroup var unanchored: UnanchoredOption
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        if let time = try due.wait(for: .pruned, context) {
            return context.console.emit({ $0.object { $0.field("due_at", time) } }) {
                ["nothing to prune before \(time.short)"]
            }
        }
        var options = VaultBackups.PruneOptions(try retention.policy("cloud", context))
        options.allowsMassDeletion = retention.allowMassDeletion
        options.acceptsRollback = rollback.isAccepted
        options.offset = { LocalTime.offset(at: $0) }
        var cloud = try context.probedCloud(remote)
        cloud.acceptsUnanchored = unanchored.isAccepted
        let plan = try cloud.planPrune(options, time: context.milliseconds)
        guard !retention.dryRun else { return retention.announce(plan, context) }
        try retention.confirm(plan)
        let bar = BackupBar("shipping", context.console)
        defer { bar.finish() }
        let done = try cloud.prune(plan, options, time: context.milliseconds, progress: bar.show)
        bar.finish()
        try RemoteDeed.pruned.note(in: context.existingHome())
        context.report(done.problems)
        retention.write(plan, freed: done.bytes, isDone: true, context) { writer in
            writer.field("packs_removed", done.packs)
            writer.field("packs_waiting", done.waiting)
            writer.field("bytes_waiting", Int64(clamping: done.waitingBytes))
            writer.field("locked", done.locked)
            writer.field("postponed", done.postponed)
            writer.field("requests", Int64(clamping: cloud.requests))
        } lines: {
            var lines = [
                "removed \(counted(plan.removed.count, "backup")) of \(plan.rows.count) and"
                    + " \(counted(done.packs, "pack")), \(sizeText(Int64(clamping: done.bytes)))"
                    + " (\(plan.policy))"
            ]
            if done.waiting > 0 {
                lines.append("\(counted(done.waiting, "pack")) marked, to be removed by a run a day later")
            }
            if done.locked > 0 { lines.append("\(counted(done.locked, "object")) kept by a lock for now") }
            if done.postponed > 0 {
                lines.append("\(counted(done.postponed, "pack")) waiting for a running upload")
            }
            return lines
        }
    }
}
