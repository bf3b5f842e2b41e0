import ArgumentParser

/// `tasks …`: every verb for tasks.
struct TasksGroup: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tasks",
        abstract: "List, show, change, search, import and export tasks.",
        subcommands: [
            TasksList.self, TasksCreate.self, TasksShow.self, TasksUpdate.self, TasksSearch.self,
            TasksHistory.self, TasksComment.self, TasksClaim.self, TasksHeartbeat.self, TasksRelease.self,
            TasksCancel.self, TasksReopen.self, TasksDelete.self, TasksRestore.self, TasksImport.self,
            TasksExport.self,
        ])
}
