import ArgumentParser
import Glibc
import Vault

/// `logs`: the encrypted log.
struct Logs: Command {
    static let configuration = CommandConfiguration(
        commandName: "logs", abstract: "Show the encrypted log.",
        discussion: """
            EXAMPLES:
              ai-team logs --level warning --since 7d
              ai-team logs --task 7f3k2q --tail 20
              ai-team logs --follow --json
            """)

    @Option(help: "This level and above.") var level: LogLevel = .debug
    @Option(help: "The last lines; 0 for all.") var tail = 100
    @Option(help: ArgumentHelp("Only lines about this agent.", valueName: "agent")) var agent: String?
    @Option(help: ArgumentHelp("Only lines about this task.", valueName: "id")) var task: String?
    @Option(help: ArgumentHelp("So long ago (7d), or a time.", valueName: "since")) var since: SinceArgument?
    @Flag(help: "Go on showing lines as they come, until interrupted.") var follow = false
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func validate() throws {
        if tail < 0 { throw ValidationError("--tail can't be negative") }
    }

    func execute(_ context: Context) throws {
        let vault = try context.vault()
        var filter = LogFilter()
        filter.level = level
        filter.tail = tail
        filter.agentID = try agent.map(AgentCatalogue.resolve)
        let records = try vault.read { reader in
            filter.taskID = try task.map { try reader.resolve($0, .task, inTrash: true) }
            filter.since = since?.time(now: reader.now)
            return try reader.logs(filter)
        }
        if follow {
            try stream(records, filter, vault, context.console)
        } else {
            context.console.emit({ $0.array(records) }) {
                records.isEmpty ? ["no log lines"] : records.map { Self.line($0, context.console.style) }
            }
        }
    }

    /// One JSON object or one line a record, for as long as somebody reads.
    private func stream(
        _ first: [LogRecord], _ filter: LogFilter, _ vault: Vault, _ console: Console
    ) throws {
        var filter = filter
        var records = first
        filter.after = try first.last?.sequence ?? vault.read { try $0.lastLogSequence() }
        filter.tail = 0
        while true {
            for record in records {
                console.emit(record) { [Self.line(record, console.style)] }
            }
            StandardOutput.flush()
            usleep(500_000)
            records = try vault.read { try $0.logs(filter) }
            filter.after = records.last?.sequence ?? filter.after
        }
    }

    private static func line(_ record: LogRecord, _ style: Style) -> String {
        let level = record.level.name
        let padded = level + String(repeating: " ", count: max(0, 8 - level.count))
        let shown =
            record.level >= .error
            ? style.red(padded) : record.level == .warning ? style.yellow(padded) : padded
        let about = [record.agentID, record.taskID].compactMap(\.self).joined(separator: " ")
        let fields = record.fields.members.map { "\($0.key)=\($0.value.string ?? $0.value.text)" }
        let tail = ([about] + fields).filter { !$0.isEmpty }.joined(separator: " ")
        return "\(record.time) \(shown) \(record.component): \(record.message.printable)"
            + (tail.isEmpty ? "" : " " + style.dim("(\(tail.printable))"))
    }
}
