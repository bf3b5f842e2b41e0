import ArgumentParser
import Backup
import Vault

/// `backup diff A [B]`.
struct BackupDiffCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "diff", abstract: "Show what happened between two backups.",
        discussion: """
            Projects, tasks, comments and documents that were created, changed or removed, with the fields \
            that changed. Without B the backup is compared with the vault as it is now.

            EXAMPLES:
              ai-team backup diff 7f3k2q 9m4x0a
              ai-team backup diff 7f3k2q
            """)

    @Argument(help: "The earlier backup's id.") var from: String
    @Argument(help: "The later backup's id.") var to: String?
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let bar = BackupBar("reading", context.console)
        defer { bar.finish() }
        let found = try context.backups().diff(
            from, to, vault: { try context.vault() }, progress: bar.show)
        bar.finish()
        context.console.emit({ writer in
            writer.object { writer in
                writer.field("from", found.from.id)
                writer.field("to", found.to?.id)
                writer.key("counts")
                writer.object { writer in
                    for kind in [BackupDiff.Kind.created, .changed, .removed] {
                        writer.field(kind.rawValue, found.diff.changes.count { $0.kind == kind })
                    }
                }
                writer.key("changes")
                writer.array { writer in
                    for change in found.diff.changes { change.write(to: &writer) }
                }
            }
        }) { lines(found.diff, found.from, found.to, context.console.style) }
    }

    private func lines(
        _ diff: BackupDiff, _ from: VaultBackups.Summary, _ to: VaultBackups.Summary?, _ style: Style
    ) -> [String] {
        let until = to.map { "backup \($0.id.shortID)" } ?? "now"
        let span = "between backup \(from.id.shortID) and \(until)"
        if diff.changes.isEmpty { return ["nothing changed \(span)"] }
        var lines: [String] = []
        for change in diff.changes {
            let noun = change.collection.dropLast()
            let title = change.title.map { " \"\($0.printable)\"" } ?? ""
            lines.append("\(change.kind.rawValue) \(noun) \(change.id.shortID)\(title)")
            for field in change.fields {
                lines.append("  \(field.name): \(Self.text(field.before)) → \(Self.text(field.after))")
            }
        }
        return lines + [style.dim("\(counted(diff.changes.count, "record")) \(span)")]
    }

    /// A value for people: short, on one line.
    private static func text(_ value: JSONValue?) -> String {
        guard let value, value != .null else { return "none" }
        let text = (value.string ?? value.text).printable
        return text.isEmpty ? "empty" : text.count > 60 ? text.prefix(57) + "…" : text
    }
}

extension BackupDiff.Change {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.field("collection", collection)
            writer.field("id", id)
            writer.field("title", title)
            writer.field("change", kind.rawValue)
            writer.key("fields")
            writer.array { writer in
                for field in fields {
                    writer.object {
                        $0.field("name", field.name)
                        $0.field("before", field.before ?? .null)
                        $0.field("after", field.after ?? .null)
                    }
                }
            }
        }
    }
}
