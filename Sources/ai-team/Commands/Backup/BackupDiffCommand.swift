import ArgumentParser
import Backup
import Vault

/// `backup diff A [B]`.
struct BackupDiffCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "diff", abstract: "Show what happened between two backups.",
        discussion: """
            Projects, tasks, comments and documents that were created, changed or removed, with the fields \
            that changed; between two backups also files from outside the vault. Without B the backup is \
            compared with the vault as it is now.

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
        context.report(found.diff.outside?.problems ?? [])
        try context.console.emit({ writer in
            try writer.object { writer in
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
                writer.key("outside")
                guard let outside = found.diff.outside else { return writer.value(nil as String?) }
                try outside.write(to: &writer)
            }
        }, streaming: {
            for line in lines(found.diff, found.from, found.to, context.console.style) {
                StandardOutput.write(line + "\n")
            }
            try found.diff.outside?.tell(context.console.style)
        })
    }

    private func lines(
        _ diff: BackupDiff, _ from: VaultBackups.Summary, _ to: VaultBackups.Summary?, _ style: Style
    ) -> [String] {
        let until = to.map { "backup \($0.id.shortID)" } ?? "now"
        let span = "between backup \(from.id.shortID) and \(until)"
        if diff.changes.isEmpty {
            let isSame = diff.outside.map { $0.counts == OutsideDiff.Counts() } ?? true
            return ["\(isSame ? "nothing" : "no record") changed \(span)"]
        }
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

extension OutsideDiff {
    /// Differences may be many: what was written goes out before the next ones come.
    fileprivate func write(to writer: inout JSONWriter) throws {
        try writer.object { writer in
            writer.key("counts")
            writer.object {
                $0.field("created", counts.created)
                $0.field("changed", counts.changed)
                $0.field("removed", counts.removed)
            }
            writer.key("changes")
            try writer.array { writer in
                try forEach { change in
                    change.write(to: &writer)
                    if writer.bytes.count > 1 << 16 { StandardOutput.write(writer.drain()) }
                }
            }
        }
    }

    fileprivate func tell(_ style: Style) throws {
        let total = counts.created + counts.changed + counts.removed
        guard total > 0 else { return }
        try forEach { StandardOutput.write($0.line + "\n") }
        let said = "\(counts.created) created, \(counts.changed) changed, \(counts.removed) removed"
        StandardOutput.write(style.dim("\(counted(total, "file")) outside: \(said)") + "\n")
    }
}

extension OutsideDiff.Change {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.pathField("path", path)
            writer.field("type", type)
            writer.field("change", kind.rawValue)
            writer.field("fields", fields)
            writer.field("size_before", sizeBefore.map { Int64(clamping: $0) })
            writer.field("size_after", sizeAfter.map { Int64(clamping: $0) })
        }
    }

    fileprivate var line: String {
        let name = String(decoding: path, as: UTF8.self).printable
        let what = fields.isEmpty ? "" : ": " + fields.joined(separator: ", ")
        return "\(kind.rawValue) \(type) \(name)\(what)"
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
