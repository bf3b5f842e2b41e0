import ArgumentParser
import Vault

/// `sync conflicts`.
struct SyncConflicts: Command {
    static let configuration = CommandConfiguration(
        commandName: "conflicts", abstract: "List what merging left for a person to decide.",
        discussion: """
            Values from a device whose clock was ahead, documents that were changed in two places, and what \
            was changed after its deletion. Identical changes are no conflict.

            EXAMPLES:
              ai-team sync conflicts
              ai-team sync conflicts 7f3k2q
            """)

    @Argument(help: "Show this one whole, with the merge of both texts: its id, or 4 characters of it.")
    var id: String?
    @Flag(help: "Exit with 5 when there is any.") var failOnConflict = false
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let vault = try context.vault()
        let conflicts = try vault.read { transaction in
            try id.map { [try transaction.conflict(named: $0)] } ?? transaction.conflicts()
        }
        let proposal = try id == nil ? nil : self.proposal(conflicts[0], vault, context)
        context.console.emit({ writer in writer.array(conflicts) }) {
            guard !conflicts.isEmpty else { return ["no conflicts"] }
            let lines = conflicts.flatMap { conflict in
                [
                    "\(conflict.id.shortID)  \(conflict.kind.rawValue)  \(conflict.key.id), "
                        + "\(conflict.time.short)",
                    "  here:  \(Self.shown(conflict.local))", "  there: \(Self.shown(conflict.remote))",
                ]
            }
            return lines + (proposal.map(Self.shown) ?? [])
        }
        if failOnConflict, !conflicts.isEmpty {
            throw Failure(
                .conflict, "\(counted(conflicts.count, "conflict")) to decide",
                hint: "ai-team sync resolve ID --take local|remote|merged")
        }
    }

    /// A side for people: which version it is, or what was written into which fields.
    private static func shown(_ side: JSONValue) -> String {
        guard let members = side.object?.members else { return side.text.printable }
        if let version = side.object?["version"]?.integer, let size = side.object?["size"]?.integer {
            let time = side.object?["created_at"]?.string.flatMap(Timestamp.init)?.short
            return "version \(version), \(sizeText(size))" + (time.map { ", \($0)" } ?? "")
        }
        return members.map { "\($0.key): \($0.value.string ?? $0.value.text)".printable }
            .joined(separator: ", ")
    }

    /// What the two texts come to, and what both changed in one place, between marks.
    private static func shown(_ proposal: LineMerge) -> [String] {
        let text = String(
            decoding: proposal.text(local: "here", remote: "there", base: "before"), as: UTF8.self)
        var lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        if lines.last == "" { lines.removeLast() }
        let title =
            proposal.hasConflicts
            ? "  both changed what stands between the marks (--take merged --file FILE):"
            : "  merged by lines (--take merged):"
        return [title]
            + lines.map { line in
                let parts = line.split(separator: "\t", omittingEmptySubsequences: false)
                return "    " + parts.map { String($0).printable }.joined(separator: "\t")
            }
    }

    /// Both texts and the one they come from; nil when one of them can't be had now.
    private func proposal(_ conflict: Conflict, _ vault: Vault, _ context: Context) throws -> LineMerge? {
        let missing = try vault.missingContent(conflict: conflict.id)
        guard context.tryToFetch(missing, of: conflict.key.id, inEveryMode: true) else { return nil }
        return try vault.mergeProposal(conflict: conflict.id)
    }
}

/// `sync resolve`.
struct SyncResolve: Command {
    static let configuration = CommandConfiguration(
        commandName: "resolve", abstract: "Decide a conflict: keep what is here, what is there, or a merge.",
        discussion: """
            Without --file `merged` merges by lines what both sides changed in different places.

            EXAMPLES:
              ai-team sync resolve 7f3k2q --take remote
              ai-team sync resolve 7f3k2q --take merged --file merged.md
            """)

    enum Side: String, ExpressibleByArgument, CaseIterable { case local, remote, merged }

    @Argument(help: "Its id, or 4 characters of it.") var id: String
    @Option(help: ArgumentHelp("What shall count.", valueName: "local|remote|merged")) var take: Side
    @Option(help: ArgumentHelp("The merged content; - is standard input.", valueName: "file")) var file:
        String?
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        guard file == nil || take == .merged else {
            throw Failure(.usage, "--file belongs to --take merged")
        }
        let vault = try context.vault()
        let conflict = try vault.read { try $0.conflict(named: id) }
        let choice: ConflictChoice =
            switch take {
            case .local: .local
            case .remote: .remote
            case .merged: .merged(try file.map { try InputFile.bytes($0) })
            }
        if take == .merged, file == nil {
            let missing = try vault.missingContent(conflict: conflict.id)
            try context.fetch(missing, of: conflict.key.id, inEveryMode: true)
        }
        let settled = try vault.resolve(conflict: conflict.id, take: choice)
        context.console.emit(settled) { ["settled \(settled.id.shortID): \(take.rawValue)"] }
    }
}
