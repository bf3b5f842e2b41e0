import Glibc
import Vault

/// Where a command's results and notes go, by the global options and what the streams are.
struct Console: Sendable {
    let json: Bool
    let quiet: Bool
    let verbose: Bool
    let style: Style

    init(_ options: GlobalOptions) {
        json = options.json
        quiet = options.quiet
        verbose = options.verbose
        let plain = options.noColor || getenv("NO_COLOR").map { $0.pointee != 0 } == true
        let dumb = getenv("TERM").map { String(cString: $0) == "dumb" } ?? true
        style = Style(enabled: !plain && !dumb && !options.json && isatty(1) == 1)
    }

    /// Prints the one JSON value, or the lines for people.
    func emit(_ json: (inout JSONWriter) -> Void, _ lines: () -> [String]) {
        if self.json {
            var writer = JSONWriter()
            json(&writer)
            StandardOutput.write(writer.bytes)
            StandardOutput.write("\n")
        } else {
            for line in lines() { StandardOutput.write(line + "\n") }
        }
    }

    /// The same for what is read while it is printed: `people` prints itself.
    func emit(
        _ json: (inout JSONWriter) throws -> Void, streaming people: () throws -> Void
    ) throws {
        guard self.json else { return try people() }
        var writer = JSONWriter()
        try json(&writer)
        StandardOutput.write(writer.bytes)
        StandardOutput.write("\n")
    }

    /// Prints one record.
    func emit(_ record: some JSONEncodable, _ lines: () -> [String]) {
        emit({ record.encode(to: &$0) }, lines)
    }

    /// Prints a list: a bare array in JSON, a table for people, and a note when rows were left out.
    func emit<Record: JSONEncodable>(
        list page: Page<Record>, none: String, columns: [String], flexible: Int, _ cells: (Record) -> [String]
    ) {
        emit({ $0.array(page.items) }) {
            if page.items.isEmpty { return [none] }
            var table = Table(columns, flexible: flexible)
            for record in page.items { table.add(cells(record)) }
            return table.lines(width: width, style: style)
        }
        if page.hasMore {
            note("only the first \(page.items.count) are shown; --limit 0 shows all")
        }
    }

    /// Says what a person needs to know before a question: with the results, or beside them when these are
    /// JSON.
    func announce(_ lines: [String]) {
        let text = lines.map { $0 + "\n" }.joined()
        guard json else {
            StandardOutput.write(text)
            return StandardOutput.flush()
        }
        if !quiet { StandardError.write(text) }
    }

    /// The columns of the terminal on standard output; nil when it is none.
    var width: Int? {
        var size = winsize()
        guard isatty(1) == 1, ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
        return Int(size.ws_col)
    }

    /// A remark on standard error, unless `--quiet`.
    func note(_ text: String) {
        if !quiet { StandardError.write("ai-team: note: \(text)\n") }
    }

    /// A remark that only `--verbose` shows.
    func detail(_ text: String) {
        if verbose { StandardError.write("ai-team: \(text)\n") }
    }

    /// A warning on standard error; also with `--quiet`, because something is not as it should be.
    func warn(_ text: String) {
        StandardError.write("ai-team: warning: \(text)\n")
    }
}
