import ArgumentParser
import Backup
import Vault

/// `backup prune`.
struct BackupPrune: Command {
    static let configuration = CommandConfiguration(
        commandName: "prune", abstract: "Remove old backups from this home by rules.",
        discussion: """
            A backup stays when any rule wants it, and the newest of each device always stays. Without a \
            --keep option the rules are those of backup.local in config/sync.yaml (daily for 30 days). What \
            goes is signed into the chain of manifests, so that it is told from what somebody deleted. \
            Nothing is removed while a chain has a missing or unreadable manifest. Backups for which nobody \
            vouches are left alone, unless --accept-unanchored lets the rules have them.

            EXAMPLES:
              ai-team backup prune --dry-run
              ai-team backup prune --keep-daily 7 --keep-weekly 5 --keep-tag release
            """)

    @OptionGroup var retention: RetentionOptions
    @OptionGroup var rollback: RollbackOption
    @OptionGroup var unanchored: UnanchoredOption
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        var backups = try context.backups()
        backups.acceptsUnanchored = unanchored.isAccepted
        var options = VaultBackups.PruneOptions(try retention.policy("local", context))
        options.allowsMassDeletion = retention.allowMassDeletion
        options.acceptsRollback = rollback.isAccepted
        options.offset = { LocalTime.offset(at: $0) }
        let plan = try backups.planPrune(options, time: context.milliseconds)
        guard !retention.dryRun else { return retention.announce(plan, context) }
        try retention.confirm(plan)
        let report = try backups.prune(plan, options, time: context.milliseconds)
        context.report(report.problems)
        retention.write(plan, freed: report.bytes, isDone: true, context) { _ in
        } lines: {
            [
                "removed \(counted(plan.removed.count, "backup")) of \(plan.rows.count),"
                    + " \(sizeText(Int64(clamping: report.bytes))) are free (\(plan.policy))"
            ]
        }
    }
}

/// What `backup prune` and `backup cloud prune` have in common.
struct RetentionOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Keep the newest so many.", valueName: "n")) var keepLast: Int?
    @Option(help: ArgumentHelp("Keep the newest of each of so many hours.", valueName: "n"))
    var keepHourly: Int?
    @Option(help: ArgumentHelp("Keep the newest of each of so many days.", valueName: "n"))
    var keepDaily: Int?
    @Option(help: ArgumentHelp("Keep the newest of each of so many weeks.", valueName: "n"))
    var keepWeekly: Int?
    @Option(help: ArgumentHelp("Keep the newest of each of so many months.", valueName: "n"))
    var keepMonthly: Int?
    @Option(help: ArgumentHelp("Keep the newest of each of so many years.", valueName: "n"))
    var keepYearly: Int?
    @Option(help: ArgumentHelp("Keep what is at most so much older than the newest: 7d.", valueName: "span"))
    var keepWithin: DurationArgument?
    @Option(help: ArgumentHelp("Keep what has this tag; may be repeated.", valueName: "tag"))
    var keepTag: [String] = []
    @Flag(help: "Say what would be removed, and how much that frees.") var dryRun = false
    @Flag(help: "Do not ask.") var yes = false
    @Flag(help: "Go on although more than half of the backups would go.") var allowMassDeletion = false

    func validate() throws {
        let numbers = [keepLast, keepHourly, keepDaily, keepWeekly, keepMonthly, keepYearly]
        guard numbers.allSatisfy({ ($0 ?? 0) >= 0 }), keepWithin.map({ $0.milliseconds > 0 }) ?? true else {
            throw ValidationError("a number of backups to keep is not negative, and a span not empty")
        }
    }

    /// The rules that were given, else those of the configuration, whose guarded values must be confirmed.
    func policy(_ place: String, _ context: Context) throws -> RetentionPolicy {
        var policy = RetentionPolicy()
        policy.last = keepLast ?? 0
        policy.hourly = keepHourly ?? 0
        policy.daily = keepDaily ?? 0
        policy.weekly = keepWeekly ?? 0
        policy.monthly = keepMonthly ?? 0
        policy.yearly = keepYearly ?? 0
        policy.within = UInt64(keepWithin?.milliseconds ?? 0)
        policy.tags = keepTag
        let numbers = [keepLast, keepHourly, keepDaily, keepWeekly, keepMonthly, keepYearly]
        guard policy.isEmpty, numbers.allSatisfy({ $0 == nil }) else { return policy }
        _ = try context.vault()
        return try RetentionPolicy(context.configuration(), place)
    }

    /// `--dry-run`.
    func announce(_ plan: PrunePlan, _ context: Context) {
        write(plan, freed: plan.bytes, isDone: false, context) { _ in
        } lines: {
            var table = Table(["ID", "CREATED", "OWN SIZE", "", "WHY"], flexible: 4)
            for row in plan.rows {
                table.add([
                    row.id.shortID, Timestamp(milliseconds: Int64(clamping: row.createdAt)).short,
                    sizeText(Int64(clamping: row.ownBytes)), row.isKept ? "keep" : "remove",
                    row.reasons.joined(separator: ", "),
                ])
            }
            let count = counted(plan.removed.count, "backup")
            return table.lines(width: context.console.width, style: context.console.style) + [
                "would remove \(count) of \(plan.rows.count) and \(counted(plan.packs, "pack")),"
                    + " \(sizeText(Int64(clamping: plan.bytes))) (\(plan.policy))"
            ]
        }
    }

    /// Asks before anything goes. Most of the backups go only with the extra word, and nobody is asked.
    func confirm(_ plan: PrunePlan) throws {
        guard !plan.removed.isEmpty else { return }
        let count = counted(plan.removed.count, "backup")
        guard allowMassDeletion || !plan.isMassDeletion else {
            throw Failure(
                .refusedByGuard, "this would remove \(count) of \(plan.rows.count): most of them",
                hint: "look at --dry-run; if it is what you want, add --allow-mass-deletion")
        }
        let question = "remove \(count) of \(plan.rows.count), \(sizeText(Int64(clamping: plan.bytes)))?"
        try Confirmation.require(question, yes: yes)
    }

    /// Tells what would be or was done.
    func write(
        _ plan: PrunePlan, freed: UInt64, isDone: Bool, _ context: Context,
        more: (inout JSONWriter) -> Void, lines: () -> [String]
    ) {
        context.console.emit({ writer in
            writer.object { writer in
                writer.field("dry_run", !isDone)
                writer.field("policy", plan.policy.description)
                writer.key("kept")
                writer.array { writer in
                    for row in plan.rows where row.isKept { row.write(to: &writer) }
                }
                writer.key("removed")
                writer.array { writer in
                    for row in plan.removed { row.write(to: &writer) }
                }
                writer.field("packs", plan.packs)
                writer.field("bytes", Int64(clamping: freed))
                more(&writer)
            }
        }, lines)
    }
}

extension PrunePlan.Row {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.field("id", id)
            writer.field("created_at", Timestamp(milliseconds: Int64(clamping: createdAt)))
            writer.field("device_id", device)
            writer.field("own_bytes", Int64(clamping: ownBytes))
            writer.field("reasons", reasons)
        }
    }
}
