import ArgumentParser
import Backup
import Vault

/// `backup list`.
struct BackupList: Command {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the backups, oldest first.",
        discussion: """
            WHERE says what a remote had when this home last looked there; nobody is asked for it now. \
            `backup cloud list` asks, and shows what is there alone. Backups that can't be believed are \
            named on standard error; the exit status is then 6.

            EXAMPLES:
              ai-team backup list
              ai-team backup list --json
            """)

    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let isWriter = try context.isWriterHome()
        let found = try isWriter ? context.writer().list() : context.backups().list()
        context.report(found.problems)
        let rows = try found.backups.map { backup in
            (backup: backup, name: try isWriter ? nil : context.makers(of: backup))
        }
        context.console.emit({ writer in
            writer.array { writer in
                for row in rows {
                    row.backup.write(to: &writer, name: row.name, at: row.backup.places)
                }
            }
        }) {
            if rows.isEmpty { return ["no backups; `ai-team backup create` makes one"] }
            var table = Table(["ID", "CREATED", "DEVICE", "SIZE", "STORED", "WHERE", "TAGS"], flexible: 6)
            for (backup, name) in rows {
                table.add([
                    backup.id.shortID, Timestamp(milliseconds: Int64(clamping: backup.createdAt)).short,
                    name ?? backup.device.shortID, sizeText(Int64(clamping: backup.bytesLogical)),
                    sizeText(Int64(clamping: backup.bytesAdded)), backup.places.joined(separator: ", "),
                    backup.tags.joined(separator: ", "),
                ])
            }
            return table.lines(width: context.console.width, style: context.console.style)
        }
    }
}

/// `backup show ID`.
struct BackupShow: Command {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show what is in a backup.",
        discussion: """
            EXAMPLES:
              ai-team backup show 7f3k2q
            """)

    @Argument(help: "The backup's id, or at least 4 characters of its beginning or end.") var id: String
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let found = try context.backups().show(id)
        let name = try context.deviceName(found.summary.device)
        let voucher = try found.summary.statement.flatMap { try context.deviceName($0.device) }
        context.console.emit({ writer in
            found.summary.write(to: &writer, name: name) { writer in
                writer.field("packs", found.packs)
                writer.field("pack_bytes", Int64(clamping: found.packBytes))
                writer.field("database_pages", Int64(found.databasePages))
                writer.field("outside_files", found.outsideFiles)
                writer.key("added")
                writer.object { writer in
                    for part in found.parts {
                        writer.key(part.name)
                        writer.object {
                            $0.field("items", Int64(clamping: part.items))
                            $0.field("bytes", Int64(clamping: part.bytes))
                            $0.field("added", Int64(clamping: part.added))
                            $0.field("bytes_added", Int64(clamping: part.bytesAdded))
                        }
                    }
                }
                writer.key("documents")
                writer.array { writer in
                    for document in found.documents {
                        writer.object {
                            $0.field("id", document.id)
                            $0.pathField("name", document.name)
                            $0.field("version", Int64(document.version))
                            $0.field("size", Int64(clamping: document.size))
                        }
                    }
                }
            }
        }) { lines(found, name, voucher) }
    }

    private func lines(
        _ found: VaultBackups.Details, _ name: String?, _ voucher: String?
    ) -> [String] {
        let summary = found.summary
        let packs = counted(found.packs, "pack")
        return details([
            ("id", summary.id),
            ("created", Timestamp(milliseconds: Int64(clamping: summary.createdAt)).description),
            ("signed by", [name, summary.device].compactMap(\.self).joined(separator: ", ")),
            (
                "state by",
                summary.statement.map {
                    [voucher, $0.device].compactMap(\.self).joined(separator: ", ") + ", at "
                        + Timestamp(milliseconds: Int64(clamping: $0.time)).description
                } ?? (summary.isUnanchored ? "nobody who may vouches for it" : nil)
            ),
            ("sequence", "\(summary.sequence) of incarnation \(summary.incarnation)"),
            ("tags", summary.tags.joined(separator: ", ")),
            ("paths", summary.paths.map { String(decoding: $0, as: UTF8.self) }.joined(separator: ", ")),
            ("size", sizeText(Int64(clamping: summary.bytesLogical))),
            ("stored", "\(packs), \(sizeText(Int64(clamping: found.packBytes)))"),
            ("database", "\(found.databasePages) pages"),
            ("documents", counted(found.documents.count, "version")),
            ("outside", found.outsideFiles > 0 ? counted(found.outsideFiles, "file") : nil),
            ("added", sizeText(Int64(clamping: summary.bytesAdded)) + ": " + why(found)),
        ])
    }

    /// Why bytes were added: what of each kind the backup before did not have.
    private func why(_ found: VaultBackups.Details) -> String {
        let nouns = ["database": "page", "documents": "document file", "outside": "outside file"]
        let parts = found.parts.filter { $0.bytesAdded > 0 || $0.added > 0 }.map { part in
            counted(Int(clamping: part.added), nouns[part.name] ?? part.name)
                + " (\(sizeText(Int64(clamping: part.bytesAdded))))"
        }
        return parts.isEmpty ? "nothing new" : parts.joined(separator: ", ")
    }
}

extension VaultBackups.Summary {
    /// Where a backup of the home is, as far as the home knows.
    var places: [String] { isKnownAtRemote ? ["local", "cloud"] : ["local"] }

    /// The backup as `list` and `show` print it.
    func write(
        to writer: inout JSONWriter, name: String?, at location: [String] = ["local"],
        more: (inout JSONWriter) -> Void = { _ in }
    ) {
        writer.object { writer in
            writer.field("id", id)
            writeNumbers(to: &writer)
            writer.field("location", location)
            writer.field("signed_by", device)
            writer.field("device_name", name)
            writer.field("incarnation", Int64(incarnation))
            writer.field("sequence", Int64(clamping: sequence))
            writer.field("vouched_by", statement?.device)
            writer.field(
                "vouched_at", statement.map { Timestamp(milliseconds: Int64(clamping: $0.time)) })
            more(&writer)
        }
    }
}

extension Context {
    /// Who made a backup, and of whose state, for people; nil for what the roster does not know.
    func makers(of backup: VaultBackups.Summary) throws -> String? {
        guard let maker = try deviceName(backup.device), let statement = backup.statement else {
            return try deviceName(backup.device)
        }
        return "\(maker) of \(try deviceName(statement.device) ?? statement.device.shortID)"
    }

    /// Names what is wrong on standard error; the exit status becomes 6.
    func report(_ problems: [VaultBackups.Problem]) {
        for problem in problems { console.warn("\(problem.object.printable): \(problem.reason.printable)") }
        if !problems.isEmpty { exitStatus = Failure.Code.integrityFailure.exitStatus }
    }
}

extension JSONWriter {
    /// `failed: [{object, reason}]`.
    mutating func failures(_ problems: [VaultBackups.Problem]) {
        key("failed")
        array { writer in
            for problem in problems {
                writer.object {
                    $0.field("object", problem.object)
                    $0.field("reason", problem.reason)
                }
            }
        }
    }
}
