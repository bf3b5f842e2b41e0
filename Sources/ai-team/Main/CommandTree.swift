import ArgumentParser

/// Every subcommand, in the order in which `--help` lists them.
enum CommandTree {
    static let all: [any ParsableCommand.Type] = [
        Init.self, Unlock.self, Lock.self, Status.self, Doctor.self, Config.self, CreateProject.self,
        ListProjects.self, ProjectsGroup.self, CreateTask.self, ListTasks.self, StartTask.self,
        CompleteTask.self, FailTask.self, TasksGroup.self, AgentGroup.self, DocumentGroup.self,
        BackupGroup.self, SyncGroup.self, Logs.self, Stats.self, KeyGroup.self, DeviceGroup.self,
        CompletionsCommand.self, AgentProcess.self, ReencryptionProcess.self,
    ]
}
