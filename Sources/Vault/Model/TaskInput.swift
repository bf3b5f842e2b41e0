/// What a new task is made from.
public struct TaskDraft: Sendable {
    /// An id from elsewhere, `[A-Za-z0-9._-]{1,64}`; nil makes a new one.
    public var id: String?
    public var title: String
    public var type: TaskType = .implementFeature
    public var description = ""
    public var priority: TaskPriority = .medium
    public var assignedTo: String?
    /// A full id.
    public var projectID: String?
    /// Full ids of the tasks it waits for.
    public var dependencies: [String] = []
    public var links: [TaskLink] = []
    public var deadline: Timestamp?
    public var tags: [String] = []
    public var metadata = JSONObject()
    /// Nil means the one who writes.
    public var createdBy: String?

    public init(title: String) { self.title = title }
}

/// What to change in a task. A nil leaves the field alone; for a field that may be empty, `.some(nil)`
/// empties it.
public struct TaskUpdate: Sendable {
    public var title: String?
    public var type: TaskType?
    public var description: String?
    public var priority: TaskPriority?
    public var assignedTo: String??
    public var projectID: String??
    public var deadline: Timestamp??
    public var output: String??
    public var error: String??
    public var review: ReviewState?
    public var tags: [String]?
    public var metadata: JSONObject?
    public var addLinks: [TaskLink] = []
    public var removeLinks: [TaskLink] = []
    /// The change is made only when the task still has this version; otherwise `conflict`.
    public var ifVersion: Int?

    public init() {}
}

/// Which tasks to list. Nothing set means all that are not in the trash.
public struct TaskFilter: Sendable {
    public var statuses: [TaskStatus] = []
    public var projectID: String?
    public var assignedTo: String?
    public var type: TaskType?
    public var priority: TaskPriority?
    public var tag: String?
    /// Only tasks that may be started now.
    public var readyOnly = false
    /// Only open tasks past their deadline.
    public var overdueOnly = false
    /// The trash instead of what is not in it.
    public var deleted = false
    /// At most so many; 0 means all.
    public var limit = 0

    public init() {}
}

/// A list that may have been cut off.
public struct Page<Element: Sendable>: Sendable {
    public var items: [Element]
    /// True when there are more than were asked for.
    public var hasMore: Bool

    public init(items: [Element], hasMore: Bool) {
        self.items = items
        self.hasMore = hasMore
    }
}
