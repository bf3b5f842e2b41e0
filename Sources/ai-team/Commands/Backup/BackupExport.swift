import ArgumentParser
import Backup
import FileSystem
import Glibc
import Vault

/// `backup export ID -o F.tar`.
struct BackupExportCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write a backup as a plain tar, in plain text.",
        discussion: """
            Any tar lists and extracts it: the database as an SQLite file and as JSON Lines, documents under \
            their names, files from outside the vault. Whoever reads the file reads everything.

            EXAMPLES:
              ai-team backup export 7f3k2q -o vault.tar
              ai-team backup export 7f3k2q -o - | tar tvf -
            """)

    @Argument(help: "The backup's id, or at least 4 characters of its beginning or end.") var id: String
    @Option(name: .shortAndLong, help: ArgumentHelp("A new file; - is standard output.", valueName: "file"))
    var output: String
    @Option(
        help: ArgumentHelp(
            "Only what fits in the exported tree, a table, or a task, project or document; may be repeated.",
            valueName: "pattern|id"))
    var only: [String] = []
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        guard !(output == "-" && context.console.json) else {
            throw Failure(.usage, "--json and the archive can't both go to standard output")
        }
        let bar = Progress("exporting", console: context.console)
        defer { bar.finish() }
        let patterns = RawArguments.bytes(of: only)
        guard output != "-" else {
            let report = try context.backups().export(
                id, to: .archive { StandardOutput.write($0) }, only: patterns)
            return context.report(report.failures)
        }
        let file = try File.open(output, .createNew)
        var offset: Int64 = 0
        let report: VaultBackups.ExportReport
        do {
            let sink = { (bytes: UnsafeRawBufferPointer) throws in
                try file.write(bytes, at: offset)
                offset += Int64(bytes.count)
            }
            report = try context.backups().export(id, to: .archive(sink), only: patterns) {
                bar.update(done: Int64(clamping: $0), total: Int64(clamping: $1))
            }
            try file.sync()
        } catch {
            unlink(output)  // what was written is not the whole backup
            throw error
        }
        bar.finish()
        context.tell(report, path: output)
    }
}

extension Home {
    /// Nobody writes plain text into a vault's home.
    func requirePlainPlace() throws {
        guard try exists() else { return }
        throw Failure(
            .conflict, "\(path.printable) is a vault's home, and these files are plain text",
            hint: "name another directory")
    }
}

extension Context {
    /// What an export or a partial restore wrote, in plain text.
    ///
    /// - Parameters:
    ///   - requests: to a remote, where it came from one.
    ///   - isDone: false for what would be written.
    func tell(
        _ report: VaultBackups.ExportReport, path: String, requests: UInt64? = nil, isDone: Bool = true
    ) {
        if !console.json { self.report(report.failures) }
        if !report.failures.isEmpty { exitStatus = Failure.Code.integrityFailure.exitStatus }
        console.emit({ writer in
            writer.object { writer in
                writer.field("ok", report.failures.isEmpty)
                writer.field("checked", Int64(clamping: report.files))
                writer.failures(report.failures)
                writer.field("bytes", Int64(clamping: report.bytes))
                writer.field("backup_id", report.backup.id)
                writer.field("path", path)
                if !isDone { writer.field("dry_run", true) }
                if let requests { writer.field("requests", Int64(clamping: requests)) }
            }
        }) {
            let files = counted(Int(clamping: report.files), "file")
            let asked = requests.map { " (\(counted(Int(clamping: $0), "request")))" } ?? ""
            let verb = isDone ? "wrote" : "would write"
            return [
                "\(verb) \(files), \(sizeText(Int64(clamping: report.bytes))), in plain text"
                    + " to \(path.printable)\(asked)"
            ]
        }
    }
}
