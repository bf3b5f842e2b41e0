import ArgumentParser
import Backup
import Vault

/// `backup find NAME`.
struct BackupFind: Command {
    static let configuration = CommandConfiguration(
        commandName: "find", abstract: "Find a file in all backups.",
        discussion: """
            Looks for documents and files from outside by a part of their name or path, or by a pattern with \
            *, ? or […], and lists each one's versions with the backups that have them.

            EXAMPLES:
              ai-team backup find report
              ai-team backup find '*.pdf' --json
            """)

    @Argument(help: "A part of the name, or a pattern.") var name: String
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let backups = try context.backups()
        let found = try backups.find(RawArguments.bytes(of: [name])[0])
        context.report(found.problems)
        guard !found.files.isEmpty || context.console.json else {
            throw Failure(.notFound, "no backup has a file like '\(name.printable)'")
        }
        context.console.emit({ writer in
            writer.array { writer in
                for file in found.files { file.write(to: &writer) }
            }
        }) { found.files.flatMap { lines($0, context.console.style) } }
    }

    private func lines(_ file: FoundFile, _ style: Style) -> [String] {
        let path = String(decoding: file.name, as: UTF8.self).printable
        var title = path
        if case .document(let id) = file.place { title += "  " + style.dim(id) }
        return [title]
            + file.versions.map { version in
                let number = version.number.map { "version \($0)" }
                let time = version.modified.map { Timestamp(milliseconds: $0 / 1_000_000).short }
                let first = version.backups.first?.shortID ?? ""
                let last = version.backups.last?.shortID ?? ""
                let span = first == last ? first : "\(first) to \(last)"
                return "  " + [
                    number ?? time ?? "", sizeText(Int64(clamping: version.size)),
                    "in \(counted(version.backups.count, "backup")): \(span)",
                ].joined(separator: "  ")
            }
    }
}

extension FoundFile {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.object { writer in
            switch place {
            case .document(let id):
                writer.field("kind", "document")
                writer.field("id", id)
            case .outside:
                writer.field("kind", "outside")
                writer.field("id", nil as String?)
            }
            writer.pathField("name", name)
            writer.key("versions")
            writer.array { writer in
                for version in versions {
                    writer.object {
                        $0.field("version", version.number.map { Int64($0) })
                        $0.field("size", Int64(clamping: version.size))
                        $0.field(
                            "modified_at",
                            version.modified.map { Timestamp(milliseconds: $0 / 1_000_000) })
                        $0.field("backups", version.backups)
                    }
                }
            }
        }
    }
}
