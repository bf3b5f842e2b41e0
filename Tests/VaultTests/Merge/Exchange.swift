import TestSupport
import Vault

/// Several vaults that hand each other their changes, as sync does: each device's in its own order, but late,
/// in parts, and those of different devices in any order.
final class Exchange {
    let vaults: [TestVault]
    /// By receiver and author: the author's last batch that the receiver has.
    private var positions: [[Int64]]

    init(seed: UInt64, count: Int = 3) throws {
        vaults = try (0..<count).map { try TestVault(seed: seed + UInt64($0), device: UInt8($0 + 1)) }
        positions = Array(repeating: Array(repeating: 0, count: count), count: count)
    }

    /// What an author has written itself and the receiver has not got yet.
    func waiting(from author: Int, for receiver: Int) throws -> [ChangeBatch] {
        let own = [UInt8](repeating: UInt8(author + 1), count: 16)
        return try vaults[author].vault.read { try $0.changes(after: positions[receiver][author]) }
            .filter { $0.origin.device == own && !$0.changes.isEmpty }
    }

    /// Hands over up to `limit` batches.
    @discardableResult
    func deliver(from author: Int, to receiver: Int, limit: Int = .max) throws -> MergeReport {
        let batches = Array(try waiting(from: author, for: receiver).prefix(limit))
        guard let last = batches.last else { return MergeReport() }
        positions[receiver][author] = last.sequence
        return try vaults[receiver].vault.write { try $0.apply(batches) }
    }

    /// Hands everything to everybody until nothing is left.
    func settle() throws {
        var isQuiet = false
        while !isQuiet {
            isQuiet = true
            for author in vaults.indices {
                for receiver in vaults.indices where receiver != author {
                    isQuiet = try deliver(from: author, to: receiver) == MergeReport() && isQuiet
                }
            }
        }
    }

    func roots() throws -> [StateRoot] { try vaults.map { try $0.vault.read { try $0.stateRoot() } } }

    /// Everything a person can see, of each vault.
    func visible() throws -> [[String]] { try vaults.map { try visibleState($0.vault) } }
}

/// Everything a person can see of the tasks, projects and documents.
func visibleState(_ vault: Vault) throws -> [String] {
    try vault.read { tx in
        var trash = TaskFilter()
        trash.deleted = true
        var tasks = try tx.tasks().items + tx.tasks(trash).items
        // Links have no order of their own.
        for index in tasks.indices {
            tasks[index].dependencies.sort()
            tasks[index].links.sort { ($0.kind.rawValue, $0.id) < ($1.kind.rawValue, $1.id) }
            tasks[index].leaseExpiresAt = nil
            tasks[index].tries = 0
        }
        let comments = try tasks.flatMap { try tx.comments(of: $0.id).map(\.json) }
        let projects = try tx.projects() + tx.projects(deleted: true)
        let documents = try tx.documents().items + tx.documents(deleted: true).items
        return tasks.map(\.json).sorted() + comments.sorted() + projects.map(\.json).sorted()
            + documents.map(\.json).sorted()
    }
}

extension TestVault {
    /// One random transaction on the tasks, as people and agents make them.
    func act(step: Int) throws {
        try vault.write(actor: "someone") { tx in
            var trash = TaskFilter()
            trash.deleted = true
            let tasks = try tx.tasks().items + tx.tasks(trash).items
            guard tasks.count > 3, world.below(6) > 0 else {
                var draft = TaskDraft(title: "task \(step)")
                draft.tags = ["t\(step % 3)"]
                return _ = try tx.createTask(draft)
            }
            let task = tasks[world.below(tasks.count)]
            if task.deletedAt != nil {
                if world.below(8) == 0 { return try tx.purgeTask(task.id) }
                return _ = try tx.restoreTask(task.id)
            }
            var update = TaskUpdate()
            update.title = "title \(step)"
            switch world.below(9) {
            case 0: _ = try tx.deleteTask(task.id)
            case 1: _ = try tx.comment("note \(step)", on: task.id)
            case 2 where task.status.successors.contains(.completed):
                try tx.completeTask(task.id, output: "out \(step)")
            case 3: _ = try tx.claimTask(agent: "agent-\(step % 3)")
            case 4 where task.status == .inProgress:
                // Twice in one transaction: the later one counts.
                try tx.releaseTask(task.id)
                try tx.cancelTask(task.id)
                try tx.reopenTask(task.id)
            case 5:
                let other = tasks[world.below(tasks.count)]
                guard other.id != task.id, other.deletedAt == nil else { return }
                let link = TaskLink(kind: .related, id: other.id)
                if task.links.contains(link) { try tx.removeLink(task.id, link) } else {
                    try tx.addLink(task.id, link)
                }
            case 6: _ = try tx.createProject(name: "project \(step)")
            default: _ = try tx.updateTask(task.id, update)
            }
        }
    }
}
