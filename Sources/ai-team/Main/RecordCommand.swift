import ArgumentParser

/// A command that shows or changes records: where the mode says so it exchanges with the remote around its
/// work (`ModeSync`).
protocol RecordCommand: Command {
    /// Whether it changes any.
    static var changesRecords: Bool { get }
}

extension RecordCommand {
    static var changesRecords: Bool { true }
}

/// One that only shows.
protocol RecordReader: RecordCommand {}

extension RecordReader {
    static var changesRecords: Bool { false }
}

extension ListTasks: RecordReader {}
extension TasksList: RecordReader {}
extension TasksShow: RecordReader {}
extension TasksHistory: RecordReader {}
extension TasksSearch: RecordReader {}
extension TasksExport: RecordReader {}
extension ListProjects: RecordReader {}
extension ProjectsShow: RecordReader {}
extension DocumentList: RecordReader {}
extension DocumentShow: RecordReader {}
extension DocumentHistory: RecordReader {}
extension DocumentGet: RecordReader {}
extension DocumentExport: RecordReader {}
extension AgentList: RecordReader {}
extension AgentStatus: RecordReader {}
extension AgentMetricsCommand: RecordReader {}
extension SyncConflicts: RecordReader {}

extension CreateTask: RecordCommand {}
extension TasksCreate: RecordCommand {}
extension TasksUpdate: RecordCommand {}
extension TasksComment: RecordCommand {}
extension StartTask: RecordCommand {}
extension CompleteTask: RecordCommand {}
extension FailTask: RecordCommand {}
extension TasksCancel: RecordCommand {}
extension TasksReopen: RecordCommand {}
extension TasksClaim: RecordCommand {}
extension TasksHeartbeat: RecordCommand {}
extension TasksRelease: RecordCommand {}
extension TasksDelete: RecordCommand {}
extension TasksRestore: RecordCommand {}
extension TasksImport: RecordCommand {}
extension CreateProject: RecordCommand {}
extension ProjectsRename: RecordCommand {}
extension ProjectsArchive: RecordCommand {}
extension ProjectsDelete: RecordCommand {}
extension ProjectsRestore: RecordCommand {}
extension DocumentUpload: RecordCommand {}
extension DocumentDelete: RecordCommand {}
extension DocumentRestore: RecordCommand {}
extension SyncResolve: RecordCommand {}
