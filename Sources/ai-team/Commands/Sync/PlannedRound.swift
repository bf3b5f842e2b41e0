import Backup
import ObjectStorage
import Sync
import Vault

/// What a round would do, as `--dry-run` shows it.
struct PlannedRound {
    private let plan: SyncPlan
    private let counts: RequestCounts
    private let conflicts: Int
    private let duration: Duration

    /// Makes the plan. What a remote honours is not tried out, since that would write there.
    init(_ context: Context, _ remote: RemoteOption, pulls: Bool, pushes: Bool) throws {
        let began = ContinuousClock.now
        let store = try context.cloud(remote).store
        let vault = try context.vault()
        plan = try SyncPlan(
            vault: vault, home: try context.existingHome(), keys: try context.unlock(), store: store.store,
            pulls: pulls, pushes: pushes, now: Surroundings.system.now().milliseconds)
        counts = store.counts
        conflicts = try vault.read { try $0.conflicts().count }
        duration = began.duration(to: .now)
    }

    /// Prints it, then fails as reading did.
    func print(_ context: Context) throws {
        context.console.emit({ write(to: &$0) }) { lines }
        for alarm in plan.alarms { context.console.warn("\(alarm)") }
        if let failure = plan.failure { throw failure }
        if !plan.alarms.isEmpty {
            throw Failure(
                .integrityFailure, "the remote or a device is not what it should be: \(plan.alarms[0])",
                hint: "the plan leaves out what could not be verified; nothing was changed")
        }
    }

    private func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.field("dry_run", true)
            writer.field("pushed", plan.outgoing?.segments ?? 0)
            writer.field("pulled", plan.incoming?.segments ?? 0)
            writer.field("pulled_changes", plan.incoming?.changes ?? 0)
            writer.field("conflicts", conflicts + (plan.incoming?.conflicts.count ?? 0))
            writer.field("bytes_up", plan.outgoing?.bytes ?? 0)
            writer.field("bytes_down", Int64(clamping: counts.bytesReceived))
            writer.field("requests", Int64(clamping: counts.requests))
            writer.field("duration_ms", Int64(duration / .milliseconds(1)))
            if let outgoing = plan.outgoing {
                writer.key("push")
                writer.object { writer in
                    Self.write(outgoing.records, outgoing.losses, to: &writer)
                }
            }
            if let incoming = plan.incoming {
                writer.key("pull")
                writer.object { writer in
                    Self.write(incoming.records, incoming.losses, to: &writer)
                    writer.key("new_conflicts")
                    writer.array(incoming.conflicts)
                }
            }
            writer.field("alarms", plan.alarms)
        }
    }

    private static func write(
        _ records: SyncPlan.Records, _ losses: [SyncPlan.Loss], to writer: inout JSONWriter
    ) {
        writer.key("records")
        writer.object { writer in
            for record in records { writer.field(record.name, record.count) }
        }
        writer.key("deletes")
        writer.object { writer in
            for loss in losses { writer.field(loss.collection.rawValue, loss.deleted) }
        }
        writer.key("purges")
        writer.object { writer in
            for loss in losses { writer.field(loss.collection.rawValue, loss.purged) }
        }
        writer.field("needs_allow_mass_delete", losses.contains(where: \.needsConsent))
    }

    private var lines: [String] {
        var lines: [String] = []
        if let incoming = plan.incoming {
            let got = incoming.segments == 0 ? "nothing" : counted(incoming.segments, "segment")
            lines.append("would get \(got)" + Self.text(incoming.records))
            lines += Self.text(incoming.losses)
            lines += incoming.conflicts.map { "  conflict: \($0.kind.rawValue) in \($0.key.id)" }
        }
        if let outgoing = plan.outgoing {
            let sent =
                outgoing.segments == 0
                ? "nothing"
                : "\(counted(outgoing.segments, "segment")), \(sizeText(Int64(outgoing.bytes)))"
            lines.append("would send \(sent)" + Self.text(outgoing.records))
            lines += Self.text(outgoing.losses)
        }
        return lines + ["nothing was changed (\(counted(Int(clamping: counts.requests), "request")))"]
    }

    private static func text(_ records: SyncPlan.Records) -> String {
        guard !records.isEmpty else { return "" }
        return " with changes in "
            + records.map { "\($0.count) \($0.name.replacing("_", with: " "))" }.joined(separator: ", ")
    }

    private static func text(_ losses: [SyncPlan.Loss]) -> [String] {
        losses.map { loss in
            "  deletes \(loss.deleted) \(loss.collection.rawValue)"
                + (loss.purged > 0 ? ", \(loss.purged) of them for good" : "")
                + (loss.needsConsent ? ": needs --allow-mass-delete" : "")
        }
    }
}
