import Vault

/// How people see tasks.
extension Console {
    /// A list of tasks, most urgent first as the vault gives them.
    func emit(tasks page: Page<TaskRecord>, none: String = "no tasks") {
        emit(
            list: page, none: none,
            columns: ["ID", "STATUS", "PRIORITY", "TITLE", "AGENT", "DEADLINE"], flexible: 3
        ) { task in
            [
                task.id.shortID, task.isBlocked ? "\(task.status.rawValue) (blocked)" : task.status.rawValue,
                task.priority.name, task.title, task.assignedTo ?? "-", task.deadline?.short ?? "-",
            ]
        }
    }

    /// One task after a change: its id and state on a line.
    func emit(changed task: TaskRecord, _ verb: String) {
        emit(task) { ["\(verb) \(task.id): \(task.title.printable) (\(task.status.rawValue))"] }
    }

    /// Everything about one task.
    func emit(task: TaskRecord, comments: [TaskComment]) {
        emit(task) {
            let links = task.links.map { "\($0.kind.rawValue) \($0.id)" }
            var lines = details([
                ("id", task.id), ("title", task.title), ("type", task.type.rawValue),
                ("status", task.isBlocked ? "\(task.status.rawValue), blocked" : task.status.rawValue),
                ("priority", task.priority.name), ("assigned to", task.assignedTo),
                ("project", task.projectID), ("depends on", task.dependencies.joined(separator: ", ")),
                ("links", links.joined(separator: ", ")), ("tags", task.tags.joined(separator: ", ")),
                ("deadline", task.deadline?.short),
                ("created", "\(task.createdAt.short) by \(task.createdBy)"),
                ("updated", task.updatedAt.short), ("started", task.startedAt?.short),
                ("completed", task.completedAt?.short), ("error", task.error),
            ])
            if !task.description.isEmpty { lines += ["", task.description.printableLines] }
            if let output = task.output, !output.isEmpty { lines += ["", "output:", output.printableLines] }
            for comment in comments {
                lines += ["", "\(comment.author.printable), \(comment.createdAt.short):"]
                lines.append(comment.text.printableLines)
            }
            return lines
        }
    }
}

extension String {
    /// Text of several lines, harmless to a terminal.
    var printableLines: String {
        split(separator: "\n", omittingEmptySubsequences: false).map { String($0).printable }
            .joined(separator: "\n")
    }
}
