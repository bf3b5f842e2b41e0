import ArgumentParser
import Vault

/// `stats`: counts and sizes.
struct Stats: Command {
    static let configuration = CommandConfiguration(
        commandName: "stats", abstract: "Show counts and sizes.",
        discussion: """
            EXAMPLES:
              ai-team stats
              ai-team stats --json
            """)

    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let home = try context.existingHome()
        let statistics = try context.vault().read { try $0.statistics() }
        let usage = try StorageUse(of: home)
        let sync = try SyncSummary(context, home, context.unlock())
        context.console.emit({ Self.write(statistics, usage, sync, &$0) }) {
            Self.lines(statistics, usage, sync)
        }
    }

    private static func write(
        _ found: Statistics, _ usage: StorageUse, _ sync: SyncSummary, _ writer: inout JSONWriter
    ) {
        func object(_ name: String, _ writer: inout JSONWriter, _ body: (inout JSONWriter) -> Void) {
            writer.key(name)
            writer.object { body(&$0) }
        }
        writer.object { writer in
            object("tasks", &writer) { writer in
                writer.field("total", found.tasks)
                for status in TaskStatus.allCases {
                    writer.field(status.rawValue, found.tasksByStatus[status] ?? 0)
                }
                writer.field("blocked", found.blockedTasks)
                writer.field("ready", found.readyTasks)
                writer.field("overdue", found.overdueTasks)
                writer.field("trash", found.tasksInTrash)
                writer.key("completed_per_day")
                writer.array { writer in for day in found.completedPerDay { writer.value(Int64(day)) } }
            }
            writer.field("projects", found.projects)
            object("documents", &writer) { writer in
                writer.field("count", found.documents)
                writer.field("versions", found.documentVersions)
                writer.field("bytes", found.documentBytes)
                writer.field("blobs", found.blobs)
                writer.field("blob_bytes", found.blobBytes)
                writer.field("indexed", found.indexedDocuments)
                writer.field("chunks", found.chunks)
            }
            object("vectors", &writer) { $0.field("count", found.vectors) }
            object("backups", &writer) { writer in
                writer.field("count", usage.backups)
                writer.field("bytes", usage.backupBytes)
            }
            object("sync", &writer) { writer in
                sync.write(to: &writer)
                writer.field("changes", found.changes)
            }
            object("agents", &writer) { writer in
                writer.field("total", AgentCatalogue.all.count)
                writer.field("busy", found.busyAgents)
            }
            object("storage", &writer) { writer in
                writer.field("database_bytes", usage.databaseBytes)
                writer.field("documents_bytes", usage.documentBytes)
                writer.field("backups_bytes", usage.backupBytes)
                writer.field("log_lines", found.logLines)
            }
        }
    }

    private static func lines(
        _ found: Statistics, _ usage: StorageUse, _ sync: SyncSummary
    ) -> [String] {
        let states = TaskStatus.allCases.compactMap { status in
            found.tasksByStatus[status].flatMap { $0 > 0 ? "\($0) \(status.rawValue)" : nil }
        }
        return details([
            ("tasks", "\(found.tasks)" + (states.isEmpty ? "" : " (\(states.joined(separator: ", ")))")),
            ("ready", "\(found.readyTasks), \(found.blockedTasks) blocked, \(found.overdueTasks) overdue"),
            ("done a day", chart(found.completedPerDay)), ("projects", "\(found.projects)"),
            (
                "documents",
                "\(found.documents) in \(counted(found.documentVersions, "version")), "
                    + "\(counted(found.chunks, "passage")) in the search index"
            ),
            ("backups", "\(usage.backups)"), ("sync", sync.line),
            ("agents", "\(AgentCatalogue.all.count), \(found.busyAgents) busy"),
            ("log", counted(found.logLines, "line")),
            (
                "storage",
                "database \(sizeText(usage.databaseBytes)), documents \(sizeText(usage.documentBytes)), "
                    + "backups \(sizeText(usage.backupBytes))"
            ),
        ])
    }

    /// One bar a day, today last.
    private static func chart(_ days: [Int]) -> String {
        let bars = Array("▁▂▃▄▅▆▇█")
        let top = max(1, days.max() ?? 0)
        return String(days.map { $0 == 0 ? "·" : bars[($0 * bars.count - 1) / top] })
    }
}
