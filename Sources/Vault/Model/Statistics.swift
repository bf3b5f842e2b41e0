/// Counts and sizes of what the vault holds.
public struct Statistics: Sendable, Equatable {
    public var tasksByStatus: [TaskStatus: Int] = [:]
    public var tasksByPriority: [TaskPriority: Int] = [:]
    public var blockedTasks = 0
    public var readyTasks = 0
    public var overdueTasks = 0
    public var tasksInTrash = 0
    /// Completed on each of the last days, oldest first, today last.
    public var completedPerDay: [Int] = []
    public var projects = 0
    public var documents = 0
    public var documentVersions = 0
    public var documentBytes: Int64 = 0
    public var blobs = 0
    public var blobBytes: Int64 = 0
    /// Documents in the search index, and their passages.
    public var indexedDocuments = 0
    public var chunks = 0
    /// Vectors of passages.
    public var vectors = 0
    public var busyAgents = 0
    public var logLines = 0
    public var changes: Int64 = 0

    public var tasks: Int { tasksByStatus.values.reduce(0, +) }
}
