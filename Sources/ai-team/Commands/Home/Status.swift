import ArgumentParser
import KeyRing
import Vault

/// `status`: works locked, and always exits 0 where there is a home.
struct Status: Command {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Show whether the vault is locked, and what state it is in.",
        discussion: """
            EXAMPLES:
              ai-team status
              ai-team status --json
            """)

    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let home = try context.existingHome()
        let mode = try context.mode()
        let usage = try StorageUse(of: home)
        let keys = try context.unlockQuietly()
        let sync = try SyncSummary(context, home, keys)
        context.console.emit({ writer in
            writer.object { writer in
                writer.field("running", false)
                writer.field("pid", nil as Int?)
                writer.field("url", nil as String?)
                writer.field("home", home.path)
                writer.field("mode", mode.rawValue)
                writer.key("vault")
                writer.object { writer in
                    writer.field("locked", keys == nil)
                    writer.field("epoch", keys.map { Int($0.currentEpoch) })
                    writer.field("database_bytes", usage.databaseBytes)
                }
                writer.key("sync")
                writer.object { sync.write(to: &$0) }
                writer.key("backup")
                writer.object { writer in
                    writer.field("count", usage.backups)
                    writer.field("last_local_at", usage.lastBackup)
                    writer.field("last_cloud_at", usage.lastShipment)
                }
            }
        }) {
            details([
                ("home", home.path), ("mode", mode.rawValue),
                ("vault", keys.map { "unlocked, epoch \($0.currentEpoch)" } ?? "locked"),
                ("database", sizeText(usage.databaseBytes)),
                (
                    "backups",
                    "\(usage.backups)" + (usage.lastBackup.map { ", the last at \($0.short)" } ?? "")
                        + (usage.lastShipment.map { ", shipped last at \($0.short)" } ?? "")
                ), ("sync", sync.line),
            ])
        }
    }
}
