import Backup
import KeyRing
import ObjectStorage
import Sync
import Vault

/// `sync status --privacy`: what the storage provider can see of this vault.
enum PrivacyReport {
    private static let seen = [
        "when each device writes and reads, from which address, and how much",
        "which device has seen what of which other one's segments: not from heads, whose content is "
            + "encrypted, but from who fetches what",
        "how many tasks are claimed, when, by which device and how often renewed; not which tasks",
        "sizes in steps: 1 KiB at least, above that rounded up by at most 12 %",
    ]
    private static let unseen = [
        "titles, texts and values", "names of devices, projects and people", "ids of tasks and documents",
        "which task or document a change is about", "exact sizes",
    ]

    static func print(_ context: Context) throws {
        let found = try SyncExposure(of: context.vault(), keys: context.unlock())
        context.console.emit({ writer in
            writer.object { writer in
                writer.key("sees")
                writer.object { write(found, to: &$0) }
                writer.field("also_sees", seen)
                writer.field("does_not_see", unseen)
            }
        }) {
            ["The storage provider sees:"] + numbers(found).map { "  \($0)" } + seen.map { "  \($0)" }
                + ["It does not see:"] + unseen.map { "  \($0)" }
        }
    }

    private static func write(_ found: SyncExposure, to writer: inout JSONWriter) {
        writer.key("devices")
        writer.object { writer in
            for (role, count) in found.roles { writer.field(role, count) }
        }
        writer.field("former_devices", found.former)
        writer.field("incarnations", found.incarnations)
        writer.field("roster_records", found.records)
        writer.field("epochs", found.epochs)
        writer.key("segments")
        writer.object { writer in
            for (stream, count) in found.segments { writer.field(stream, Int64(clamping: count)) }
        }
        writer.field("log_objects", Int64(clamping: found.logs))
        writer.field("heads", found.heads)
    }

    private static func numbers(_ found: SyncExposure) -> [String] {
        let all = found.roles.reduce(0) { $0 + $1.count }
        let roles = found.roles.map { "\($0.count) \($0.role)" }.joined(separator: ", ")
        let segments = found.segments.map { "\($0.count) of \($0.stream)" }.joined(separator: ", ")
        return [
            "\(counted(all, "device")) by public key and role (\(roles))"
                + (found.former > 0 ? ", \(found.former) that left" : ""),
            "\(counted(found.incarnations, "incarnation")): how often a device was restored or copied",
            "\(counted(found.records, "roster record")) with author and time, "
                + counted(found.epochs, "epoch") + ", and the roster's policy",
            "segments: " + (segments.isEmpty ? "none yet" : segments),
            "\(counted(Int(clamping: found.logs), "log object")), each with its device, day and size: "
                + "when a device logs, and about how much",
            "\(counted(found.heads, "head")): how often each device syncs",
        ]
    }
}

/// `sync status --cost`: this month's requests and what they come to.
enum CostReport {
    static func print(_ context: Context) throws {
        let now = Surroundings.system.now()
        let cost = try RequestCost(of: context.vault(), at: now)
        context.console.emit({ writer in
            writer.object { writer in
                writer.field("month", cost.month)
                write("so_far", cost.counts, to: &writer)
                write("projected", cost.projected, to: &writer)
                writer.key("prices")
                writer.object { writer in
                    writer.field("class_a_per_million_usd", RequestCost.prices.classA)
                    writer.field("class_b_per_million_usd", RequestCost.prices.classB)
                    writer.field("class_a_free", RequestCost.free.classA)
                    writer.field("class_b_free", RequestCost.free.classB)
                }
            }
        }) {
            [
                "\(cost.month), this device: " + line(cost.counts), "by its end:  " + line(cost.projected),
                "R2's prices of 2026: $4.50 a million of Class A (put, list), $0.36 of Class B (get); a "
                    + "million and ten are free each month, deletes and traffic always. Other devices and "
                    + "`backup cloud` come on top; S3 and others have prices of their own, a directory none.",
            ]
        }
    }

    private static func write(_ name: String, _ counts: RequestCounts, to writer: inout JSONWriter) {
        writer.key(name)
        writer.object { writer in
            writer.field("class_a", Int64(clamping: counts.writes))
            writer.field("class_b", Int64(clamping: counts.reads))
            writer.field("deletes", Int64(clamping: counts.deletes))
            writer.field("bytes_up", Int64(clamping: counts.bytesSent))
            writer.field("bytes_down", Int64(clamping: counts.bytesReceived))
            writer.field("list_usd", RequestCost.listPrice(counts))
            writer.field("billed_usd", RequestCost.bill(counts))
        }
    }

    private static func line(_ counts: RequestCounts) -> String {
        "\(counts.writes) Class A, \(counts.reads) Class B: \(dollars(RequestCost.listPrice(counts))), "
            + "\(dollars(RequestCost.bill(counts))) after what is free"
    }

    /// Four decimals, since small numbers are the point.
    private static func dollars(_ amount: Double) -> String {
        let parts = Int64((amount * 10_000).rounded())
        let decimals = String(parts % 10_000)
        return "$\(parts / 10_000)." + String(repeating: "0", count: 4 - decimals.count) + decimals
    }
}

/// `sync status --fingerprint`: six words to compare.
enum FingerprintReport {
    static func print(_ context: Context) throws {
        let keys = try context.unlock()
        let found = try VaultFingerprint(of: keys.roster)
        context.console.emit({ writer in
            writer.object { writer in
                writer.field("fingerprint", found.words.joined(separator: " "))
                writer.field("words", found.words)
                writer.field("roster_record", Int64(clamping: found.record))
                writer.field("vault_id", keys.vaultID.description)
            }
        }) {
            [
                found.words.joined(separator: " "), "",
                "They stand for this vault and its members as of roster record \(found.record). Read them to "
                    + "somebody who sees the same record after `ai-team sync pull`: if a word differs, the "
                    + "storage shows you two different rosters. They say nothing about tasks.",
            ]
        }
    }
}
