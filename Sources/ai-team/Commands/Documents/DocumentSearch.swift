import ArgumentParser
import Knowledge
import Vault

/// How `kb search` ranks, in the words of the command line.
enum RankingOption: String, ExpressibleByArgument, CaseIterable {
    case hybrid, vector, text

    var mode: SearchMode {
        switch self {
        case .hybrid: .hybrid
        case .vector: .vector
        case .text: .text
        }
    }
}

/// `kb search QUERY`.
struct DocumentSearch: Command {
    static let configuration = CommandConfiguration(
        commandName: "search", abstract: "Find passages of documents.",
        discussion: """
            One Chinese character is enough, and Traditional and Simplified find each other. Text in \
            quotation marks and identifiers such as ERR_TLS_104 come first where they stand as they are \
            written; then passages with all words, then those with any. Unless --mode text is given, vectors \
            add passages that are near in meaning, as far as the model that makes them knows meaning. Of \
            each document the best passage shows. No match is an empty list and exit 0.

            EXAMPLES:
              ai-team kb search "JWT 認證"
              ai-team kb search '"key rotation" epoch' --category docs --limit 5
              ai-team kb search ERR_TLS_104 --since 30d --json
            """)

    @Argument(help: "Words; text in quotation marks is searched as it stands.") var query: String
    @Option(help: ArgumentHelp("How to rank: hybrid, vector or text.", valueName: "mode"))
    var mode = RankingOption.hybrid
    @Option(help: "At most this many documents.") var limit = 10
    @Option(help: ArgumentHelp("Only this category.", valueName: "category")) var category: String?
    @Option(help: ArgumentHelp("Only documents with this tag.", valueName: "tag")) var tag: String?
    @Option(help: ArgumentHelp("Only documents of this project, by id or name.", valueName: "project"))
    var project: String?
    @Option(help: ArgumentHelp("Changed since: so long ago (7d), or a time.", valueName: "since"))
    var since: SinceArgument?
    @OptionGroup(title: "Global options") var common: CommonOptions

    /// `--mode` behind `search` is the ranking; where a command may ask the remote stands before `kb`.
    var global: GlobalOptions { common.global }

    func validate() throws {
        if !(1...1000).contains(limit) { throw ValidationError("the limit must be from 1 to 1000") }
    }

    func execute(_ context: Context) throws {
        let vault = try context.vault()
        let left = try context.catchUpIndex(vault)
        // Signs alone have a vector as well, and it is near to whatever has many signs.
        let isSearchable = context.isSearchable(query)
        let vectors = mode == .text || !isSearchable ? nil : try context.vectorSide(vault, query)
        let hits = try vault.read { tx in
            var filter = DocumentFilter()
            filter.category = category
            filter.tag = tag
            filter.project = try project.map(tx.resolveProject)
            filter.since = since?.time(now: tx.now)
            return try HybridRanking.hits(tx, query, mode.mode, filter, limit: limit, vectors: vectors)
        }
        context.console.emit({ writer in
            writer.object {
                $0.field("results", hits)
                $0.field("mode", mode.rawValue)
                $0.field("model", vectors?.model.model)
                $0.field("is_index_complete", !left)
            }
        }) { hits.isEmpty ? ["no matches"] : hits.flatMap(Self.lines) }
        if left {
            context.console.warn(
                "not all documents are in the index yet: search again, or run `ai-team kb reindex`")
        }
    }

    private static func lines(_ hit: SearchHit) -> [String] {
        let passage = hit.passage
        let heading = passage.heading.isEmpty ? "" : "  \(passage.heading.printable)"
        let snippet = passage.snippet.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        return [
            "\(hit.rank). \(passage.title.printable)  (\(passage.documentID.shortID), \(passage.category))",
            "   \(snippet.printable)", "  \(heading)",
        ].filter { !$0.allSatisfy { $0 == " " } }
    }
}

extension Context {
    /// Whether a query holds anything to search for; says so when it does not.
    func isSearchable(_ query: String) -> Bool {
        let isSearchable = SearchText.isSearchable(query)
        if !isSearchable {
            console.warn("the query holds no letter, digit or ideograph, so there is nothing to search for")
        }
        return isSearchable
    }

    /// Brings documents into the index that are not in it, for a moment at most.
    ///
    /// - Returns: whether some are left.
    func catchUpIndex(_ vault: Vault) throws -> Bool {
        let report = try vault.indexDocuments(indexer(), patience: .seconds(3))
        for id in report.unreadable {
            console.warn("the content of \(id) is damaged and can't be searched: run `ai-team doctor`")
        }
        return !report.isComplete
    }
}

/// `kb reindex`.
struct DocumentReindex: Command {
    static let configuration = CommandConfiguration(
        commandName: "reindex", abstract: "Build the search index anew from the documents.",
        discussion: """
            Searches keep working meanwhile. When it is interrupted, the next call goes on.

            EXAMPLES:
              ai-team kb reindex
            """)

    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let vault = try context.vault()
        let total = try vault.read { try $0.statistics().documents }
        let progress = Progress("indexing", console: context.console)
        let report = try vault.reindexDocuments(context.indexer()) {
            progress.update(done: Int64($0), total: Int64(total))
        }
        progress.finish()
        let counts = try vault.read { try $0.indexCounts() }
        context.console.emit({ writer in
            writer.object {
                $0.field("documents", counts.documents)
                $0.field("chunks", counts.chunks)
                $0.field("unreadable", report.unreadable)
            }
        }) {
            ["indexed \(counted(counts.documents, "document")), \(counted(counts.chunks, "passage"))"]
        }
        for id in report.unreadable { context.console.warn("the content of \(id) is damaged") }
        if !report.unreadable.isEmpty { context.exitStatus = Failure.Code.failed.exitStatus }
    }
}
