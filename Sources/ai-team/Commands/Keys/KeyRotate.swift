import ArgumentParser
import EncryptedSQLite
import KeyRing
import Sync
import Vault

/// `key rotate`.
struct KeyRotate: Command {
    static let configuration = CommandConfiguration(
        commandName: "rotate", abstract: "Give the vault new keys, and encrypt what it holds under them.",
        discussion: """
            The root, the epoch and this device's key pairs are new. Other processes go on with them. Where \
            there is a remote, it is asked first: everything must be sent, got and readable.

            What is encrypted anew is the database and the documents here; --re-encrypt now waits for it, \
            background (unless said otherwise) leaves it to a process of its own, never encrypts only new \
            data under the new keys. An interrupted re-encryption is gone on with by the next command. \
            Backups that are there, and what other devices hold, stay under the keys of their time. Where \
            there are backups, --re-encrypt now makes one more, which leans on none of them, reads it back, \
            ships it where there is a remote, and says how the older ones are removed. It has backup.paths, \
            and no PATHs that were named by hand.

            EXAMPLES:
              ai-team key rotate
              ai-team key rotate --re-encrypt now
              ai-team key rotate --resume
              ai-team key rotate --dry-run --json
            """)

    @Option(name: .customLong("re-encrypt"), help: "When what is there is encrypted anew.")
    var reEncrypt = ReencryptionTime.background
    @Flag(help: "Make no new keys; wait for the re-encryption that was begun.") var resume = false
    @Flag(help: "Show what would be done; change nothing, here or there.") var dryRun = false
    @Flag(help: "Do not ask.") var yes = false
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let vault = try context.vault()
        let old = try OldEpochs(vault)
        if dryRun { return try show(old, context.unlock(), context) }
        if resume { return try goOn(context) }
        if !yes, let terminal = Terminal(), try !terminal.confirm("give the vault new keys?") {
            throw Failure(.failed, "stopped, nothing was changed")
        }
        let check = try RotationCheck(context)
        try check.run()
        let changed = try context.changeKeys(
            reencrypts: reEncrypt != .never, publishes: check.hasRemote
        ) {
            try KeyRing.replaceKeys(in: $0, keys: $1, time: $2)
        }
        try check.publish()
        let job = reEncrypt == .now ? try context.finishReencryption() : nil
        let backup = reEncrypt == .now ? try FreshBackup.make(context) : nil
        try tell(job, backup, changed.roster.currentEpoch, context)
    }

    /// Ends what was interrupted, or failed for want of room.
    private func goOn(_ context: Context) throws {
        let job = try context.vault().read { try $0.reencryptionJob() }
        guard let job, job.isPending else {
            throw Failure(.conflict, "nothing is left to be encrypted anew", hint: "ai-team key status")
        }
        guard try context.unlock().currentEpoch >= job.epoch else {
            throw Failure(
                .refusedByGuard, "the newest keys are not at the remote yet", hint: "run ai-team sync both")
        }
        try tell(context.finishReencryption(), nil, job.epoch, context, isWaited: true)
    }

    private func show(_ old: OldEpochs, _ keys: UnlockedKeys, _ context: Context) throws {
        let pages = old.pagesByEpoch.reduce(0) { $0 + $1.count }
        let objects = old.blobs.reduce(0) { $0 + $1.count }
        let job = try context.vault().read { try $0.reencryptionJob() }
        let bytes = old.blobs.reduce(0) { $0 + $1.bytes }
        let time = job.flatMap { known in
            known.pages.milliseconds(for: pages).flatMap { first in
                bytes == 0 ? first : known.bytes.milliseconds(for: bytes).map { first + $0 }
            }
        }
        let next = keys.roster.currentEpoch + 1
        context.console.emit({ writer in
            writer.object {
                $0.field("dry_run", true)
                $0.field("epoch", Int(next))
                $0.field("re_encrypt", reEncrypt.rawValue)
                $0.field("pages", pages)
                $0.field("objects", objects)
                $0.field("bytes", bytes)
                $0.field("estimated_ms", time)
            }
        }) {
            let what = reEncrypt == .never ? "would stay under their keys" : "would be encrypted anew"
            let span = time.map { ", in about \(spanText($0))" } ?? ""
            return [
                "the epoch would be \(next); \(pages) pages and \(counted(objects, "object"))"
                    + " (\(sizeText(bytes))) \(what)\(span)"
            ]
        }
    }

    private func tell(
        _ job: ReencryptionJob?, _ backup: FreshBackup?, _ epoch: UInt32, _ context: Context,
        isWaited: Bool = false
    ) throws {
        let kind = isWaited ? ReencryptionTime.now : reEncrypt
        let old = try OldEpochs(context.vault())
        context.console.emit({ writer in
            writer.object {
                $0.field("epoch", Int(epoch))
                $0.field("re_encrypt", kind.rawValue)
                $0.field("pages_remaining", old.pages)
                $0.field("objects_remaining", old.objects)
                $0.field("verified_pages", job?.verifiedPages)
                $0.field("verified_objects", job?.verifiedBlobs)
                if let backup {
                    $0.field("backup_id", backup.id)
                    $0.field("backup_shipped", backup.isShipped)
                    $0.field("older_backups", backup.older)
                }
            }
        }) {
            let first = isWaited ? "the epoch is \(epoch)" : "the vault's keys are new; the epoch is \(epoch)"
            return switch kind {
            case .now:
                [
                    first,
                    "\(job?.verifiedPages ?? 0) pages and \(counted(Int(job?.verifiedBlobs ?? 0), "object"))"
                        + " are under it and were read back",
                ] + (backup?.lines ?? [])
            case .background: [first, "the rest goes on in the background: ai-team key status"]
            case .never: [first, "what was written before stays under the keys of its time"]
            }
        }
    }
}

/// The bars of a re-encryption's steps.
final class ReencryptionBar {
    private let bars: [ReencryptionJob.Step: Progress]

    init(_ console: Console) {
        bars = [
            .database: Progress("encrypting the database", console: console),
            .documents: Progress("encrypting documents", console: console),
            .verification: Progress("reading back", console: console),
        ]
    }

    func show(_ step: ReencryptionJob.Step, _ done: Int64, _ total: Int64) {
        bars[step]?.update(done: done, total: total)
        if done >= total { bars[step]?.finish() }
    }

    func finish() { for bar in bars.values { bar.finish() } }
}

/// A span for people: `45 s`, `12 min`, `3 h`.
func spanText(_ milliseconds: Int64) -> String {
    let seconds = max(1, milliseconds / 1000)
    if seconds < 120 { return "\(seconds) s" }
    return seconds < 7200 ? "\(seconds / 60) min" : "\(seconds / 3600) h"
}
