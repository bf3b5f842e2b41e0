import ArgumentParser
import Vault

/// `tasks search QUERY`.
struct TasksSearch: Command {
    static let configuration = CommandConfiguration(
        commandName: "search", abstract: "Find tasks by the words in their titles, texts and tags.",
        discussion: """
            Tasks with all words come before those with any. One Chinese character is enough. No match is \
            an empty list and exit 0.

            EXAMPLES:
              ai-team tasks search 認證
              ai-team tasks search "login flow" --limit 5
            """)

    @Argument(help: "Words; text in quotation marks is searched as it stands.") var query: String
    @OptionGroup var limit: LimitOption
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        var filter = TaskFilter()
        filter.limit = limit.limit
        _ = context.isSearchable(query)
        let page = try context.vault().read { try $0.searchTasks(query, filter: filter) }
        context.console.emit(
            list: page, none: "no matches", columns: ["ID", "STATUS", "TITLE", "FOUND"], flexible: 3
        ) { (hit: TaskHit) in
            [hit.task.id.shortID, hit.task.status.rawValue, hit.task.title, hit.snippet]
        }
    }
}
