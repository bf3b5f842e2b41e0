import ArgumentParser
import Backup
import KeyRing
import Sync
import Vault

/// `key status`.
struct KeyStatus: Command {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show the epochs, what is left under old ones, and what unlocks the vault.",
        discussion: """
            EXAMPLES:
              ai-team key status
              ai-team key status --json
            """)

    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let vault = try context.vault()
        let keys = try vault.currentKeys(context.unlock())
        let old = try OldEpochs(vault)
        let job = try vault.read { try $0.reencryptionJob() }
        let isRunning = try Reencryption.isRunning(in: context.existingHome())
        let epochs = try EpochRow.all(keys, old, backups: context.backups().list().backups)
        let left = job?.remainingMilliseconds(old)
        let behind = try Self.behind(vault, keys)
        context.console.emit({ writer in
            writer.object { writer in
                writer.field("epoch", Int(keys.currentEpoch))
                writer.field("created_at", keys.epochCreatedAt)
                writer.field("algorithm", Self.algorithm)
                writer.field("waits_for_remote", keys.hasWaitingEpoch)
                writer.field("pages_remaining", old.pages)
                writer.field("objects_remaining", old.objects)
                writer.key("epochs")
                writer.array { writer in for epoch in epochs { epoch.write(to: &writer) } }
                writer.key("re_encryption")
                if let job {
                    Self.write(job, isRunning, left, to: &writer)
                } else {
                    writer.value(nil as String?)
                }
                writer.key("writers_behind")
                writer.array { writer in
                    for row in behind {
                        writer.object {
                            $0.field("device", row.device.description)
                            $0.field("epoch", Int(row.epoch))
                        }
                    }
                }
                writer.key("slots")
                writer.array { writer in for slot in keys.slots { writer.slot(slot, keys) } }
            }
        }) {
            details([
                ("vault", keys.vaultID.description), ("device", keys.device.description),
                ("epoch", "\(keys.currentEpoch), since \(keys.epochCreatedAt.short)"),
                ("algorithm", Self.algorithm),
                ("re-encryption", Self.line(job, old, isRunning: isRunning, left)),
                (
                    "under old keys",
                    behind.isEmpty
                        ? nil
                        : behind.map { "\($0.name.printable) (epoch \($0.epoch))" }
                            .joined(separator: ", ")
                ),
            ]) + [""] + EpochRow.lines(epochs, context.console) + [""]
                + KeySlotsList.lines(keys, context.console)
        }
    }

    private static let algorithm = "XAES-256-GCM"

    /// The other devices whose newest head that was seen is under an older epoch.
    private static func behind(
        _ vault: Vault, _ keys: UnlockedKeys
    ) throws -> [(device: DeviceID, name: String, epoch: UInt32)] {
        try VaultSync.overview(of: vault, keys: keys).devices.compactMap { device in
            guard let epoch = device.epoch, epoch < keys.currentEpoch else { return nil }
            let member = keys.roster.member(device.author.device)
            let name = try member.map { try keys.label(of: $0) } ?? device.author.device.description
            return (device.author.device, name, epoch)
        }
    }

    private static func write(
        _ job: ReencryptionJob, _ isRunning: Bool, _ left: Int64?, to writer: inout JSONWriter
    ) {
        writer.object { writer in
            writer.field("epoch", Int(job.epoch))
            writer.field("started_at", job.startedAt)
            writer.field("step", job.step?.rawValue)
            writer.field("running", isRunning)
            writer.field("estimated_ms", left)
            writer.field("finished_at", job.finishedAt)
            writer.field("verified_pages", job.isPending ? nil : job.verifiedPages)
            writer.field("verified_objects", job.isPending ? nil : job.verifiedBlobs)
            writer.field("failure", job.failure)
        }
    }

    private static func line(
        _ job: ReencryptionJob?, _ old: OldEpochs, isRunning: Bool, _ left: Int64?
    ) -> String? {
        guard let job else { return nil }
        if let end = job.finishedAt {
            return "finished at \(end.short), \(job.verifiedPages) pages and "
                + "\(counted(Int(job.verifiedBlobs), "object")) read back"
        }
        let rest = "\(old.pages) pages and \(counted(old.objects, "object")) left"
        if let failure = job.failure, !isRunning { return "\(rest), stopped: \(failure.printable)" }
        let time = left.map { ", about \(spanText($0))" } ?? ""
        return rest + time + (isRunning ? "" : ", the next command goes on")
    }
}

/// What stands under one epoch.
private struct EpochRow {
    let epoch: UInt32
    let createdAt: Timestamp
    let pages: Int64
    let objects: Int
    let bytes: Int64
    let backups: Int
    let isRetired: Bool

    static func all(_ keys: UnlockedKeys, _ old: OldEpochs, backups: [VaultBackups.Summary]) -> [EpochRow] {
        let pages = Dictionary(uniqueKeysWithValues: old.pagesByEpoch.map { ($0.epoch, $0.count) })
        let blobs = Dictionary(uniqueKeysWithValues: old.blobs.map { ($0.epoch, $0) })
        return keys.epochs.map { epoch in
            EpochRow(
                epoch: epoch,
                createdAt: Timestamp(milliseconds: Int64(clamping: keys.roster.epochTime(epoch) ?? 0)),
                pages: pages[epoch] ?? 0, objects: blobs[epoch]?.count ?? 0, bytes: blobs[epoch]?.bytes ?? 0,
                backups: backups.count { $0.epoch == epoch }, isRetired: keys.roster.isRetired(epoch))
        }
    }

    func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("epoch", Int(epoch))
            $0.field("created_at", createdAt)
            $0.field("pages", pages)
            $0.field("objects", objects)
            $0.field("bytes", bytes)
            $0.field("backups", backups)
            $0.field("retired", isRetired)
        }
    }

    static func lines(_ rows: [EpochRow], _ console: Console) -> [String] {
        var table = Table(["EPOCH", "SINCE", "PAGES", "OBJECTS", "BACKUPS", ""], flexible: 5)
        for row in rows {
            table.add([
                "\(row.epoch)", row.createdAt.short, "\(row.pages)", "\(row.objects)", "\(row.backups)",
                row.isRetired ? "retired" : "",
            ])
        }
        return table.lines(width: console.width, style: console.style)
    }
}
