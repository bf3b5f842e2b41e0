import ArgumentParser
import Glibc

/// The life of one run: harden the process, take global options, parse, execute, map errors to exit codes.
enum Program {
    static func main(_ arguments: [String]) -> Never {
        let words = Array(arguments.dropFirst())
        if words == ["--version"] {  // the fast path: nothing else is touched
            StandardOutput.write(Version.text + "\n")
            StandardOutput.flush()
            exit(0)
        }
        Process.harden()
        Secrets.takeFromEnvironment()
        let json = words.prefix { $0 != "--" }.contains("--json")
        Signals.install(json: json)
        let status = run(words, json: json)
        StandardOutput.flush()
        exit(status)
    }

    private static func run(_ words: [String], json: Bool) -> Int32 {
        do {
            let (leading, rest) = try LeadingOptions.take(from: words, root: AITeam.self)
            // Not ArgumentParser's own flag, which would take every subcommand's `--version N` for itself.
            if rest == ["--version"] {
                StandardOutput.write(Version.text + "\n")
                return 0
            }
            var command = try AITeam.parseAsRoot(rest)
            guard let ours = command as? any Command else {
                try command.run()  // help, a group without a subcommand
                return 0
            }
            let options = ours.global.merged(under: leading)
            let context = Context(options: options, given: ours.global)
            return try execute(ours, context)
        } catch {
            return report(error, json: json)
        }
    }

    /// Does the command's work and closes the vault whatever happens. What a command throws is never usage,
    /// unless it says so.
    private static func execute(_ command: any Command, _ context: Context) throws -> Int32 {
        do {
            if let records = command as? any RecordCommand, let sync = try ModeSync(context) {
                context.exchange = sync
                try sync.around(sends: type(of: records).changesRecords) { try command.execute(context) }
            } else {
                try command.execute(context)
            }
            context.maintain()
            context.goOnReencrypting()
            try context.close()
            return context.exitStatus
        } catch {
            do { try context.close() } catch let later { context.console.detail("closing: \(later)") }
            throw Failure(describing: error) ?? Failure(.failed, "\(error)")
        }
    }

    /// Prints what went wrong and returns the exit code; help and version are no errors.
    private static func report(_ error: any Error, json: Bool) -> Int32 {
        if let failure = Failure(describing: error) {
            failure.print(json: json)
            return failure.code.exitStatus
        }
        let code = AITeam.exitCode(for: error)
        let text = AITeam.fullMessage(for: error)
        if code.isSuccess {
            StandardOutput.write(text.isEmpty ? "" : text + "\n")
            return 0
        }
        let message = AITeam.message(for: error).lowercasedFirst
        Failure(.usage, message.isEmpty ? "wrong usage" : message, hint: usage(in: text)).print(json: json)
        return Failure.Code.usage.exitStatus
    }

    /// The usage line of ArgumentParser's full message, without the global options, as what to do next.
    private static func usage(in text: String) -> String {
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("Usage: ") }) else {
            return "see ai-team --help"
        }
        let words = String(line.dropFirst(7))
        let own = words.firstRange(of: " [--home <dir>]").map { String(words[..<$0.lowerBound]) }
        return "usage: \(own ?? words); see --help"
    }
}

extension String {
    /// The string with its first letter in lower case.
    fileprivate var lowercasedFirst: String { prefix(1).lowercased() + dropFirst() }
}
