import Testing
import Vault

@Suite struct TaskTests {
    @Test func aNewTaskHasItsFields() throws {
        let test = try TestVault()
        let project = try test.vault.write { try $0.createProject(name: "電商平台開發") }
        let first = try test.task("first")
        let task = try test.task("實現 API Gateway 🚪") {
            $0.priority = .high
            $0.projectID = project.id
            $0.assignedTo = "agent-backend-dev"
            $0.dependencies = [first.id]
            $0.tags = ["a", "b", "a"]
            $0.metadata = ["points": .integer(5)]
        }
        #expect(task.id.hasPrefix("task-") && task.id.utf8.count == 31)
        #expect(task.status == .pending)
        #expect(task.assignedTo == "backend-dev")
        #expect(task.tags == ["a", "b"])
        #expect(task.dependencies == [first.id])
        #expect(task.isBlocked && !task.isReady)
        #expect(task.metadata["points"] == .integer(5))
        #expect(try test.vault.read({ try $0.project(project.id).taskCount }) == 1)
    }

    @Test func listsPutTheMostUrgentFirst() throws {
        let test = try TestVault()
        let low = try test.task("low") { $0.priority = .low }
        let late = try test.task("late") { $0.deadline = Timestamp("2027-01-01") }
        let soon = try test.task("soon") { $0.deadline = Timestamp("2026-12-01") }
        let critical = try test.task("critical") { $0.priority = .critical }
        let none = try test.task("no deadline")
        let ids = try test.vault.read { try $0.tasks().items.map(\.id) }
        #expect(ids == [critical, soon, late, none, low].map(\.id))
        var filter = TaskFilter()
        filter.limit = 2
        let page = try test.vault.read { try $0.tasks(filter) }
        #expect(page.items.count == 2 && page.hasMore)
    }

    @Test func aCircleIsRefusedWithItsPath() throws {
        let test = try TestVault()
        let a = try test.task("a")
        let b = try test.task("b") { $0.dependencies = [a.id] }
        let c = try test.task("c") { $0.dependencies = [b.id] }
        let error = expect(.conflict) {
            try test.vault.write { try $0.addLink(a.id, TaskLink(kind: .onFailure, id: c.id)) }
        }
        #expect(error?.message.contains("\(a.id) -> \(c.id) -> \(b.id) -> \(a.id)") == true)
        expect(.conflict) { try test.vault.write { try $0.addLink(a.id, TaskLink(kind: .blocks, id: a.id)) } }
        try test.vault.write { try $0.addLink(a.id, TaskLink(kind: .related, id: c.id)) }
        #expect(try test.vault.read { try $0.task(a.id) }.dependencies == [])
    }

    @Test func dependantsBecomeReadyWhenAllIsDone() throws {
        let test = try TestVault()
        let a = try test.task("a")
        let b = try test.task("b") { $0.dependencies = [a.id] }
        let cleanup = try test.task("cleanup") { $0.links = [TaskLink(kind: .onFailure, id: a.id)] }
        expect(.conflict) { try test.vault.write { try $0.startTask(b.id) } }
        try test.vault.write { try $0.completeTask(a.id, output: "done") }
        var ready = TaskFilter()
        ready.readyOnly = true
        #expect(try test.vault.read({ try $0.tasks(ready).items.map(\.id) }) == [b.id])
        #expect(try test.vault.read { try $0.task(cleanup.id).isBlocked })
    }

    @Test(arguments: TaskStatus.allCases, TaskStatus.allCases)
    func onlyLegalTransitionsHappen(from: TaskStatus, to: TaskStatus) throws {
        let test = try TestVault()
        let id = try test.task("t") { $0.assignedTo = "qa" }.id
        try test.vault.write { tx in
            switch from {
            case .pending: break
            case .assigned: try tx.assignTask(id, to: "qa")
            case .inProgress: try tx.startTask(id)
            case .completed: try tx.completeTask(id)
            case .failed:
                try tx.startTask(id)
                try tx.failTask(id, error: "e")
            case .cancelled: try tx.cancelTask(id)
            }
        }
        if from == to || from.successors.contains(to) {
            try test.vault.write { try $0.setStatus(id, to) }
            #expect(try test.vault.read({ try $0.task(id).status }) == to)
        } else {
            let error = expect(.conflict) { try test.vault.write { try $0.setStatus(id, to) } }
            #expect(error?.hint?.isEmpty == false)
            #expect(try test.vault.read({ try $0.task(id).status }) == from)
        }
    }

    @Test func shortenedIdsAreResolvedOrNamed() throws {
        let test = try TestVault()
        let a = try test.task("a")
        let b = try test.task("b")
        func resolve(_ text: String) throws -> String { try test.vault.read { try $0.resolve(text, .task) } }
        #expect(try resolve(String(a.id.suffix(6))) == a.id)
        #expect(try resolve(String(a.id.suffix(6)).uppercased()) == a.id)
        let ambiguous = expect(.ambiguousID) { try resolve(String(a.id.prefix(12))) }
        #expect(ambiguous?.candidates == [a.id, b.id])
        for text in ["zzzzzz", "abc", "task-%", "", "task-"] { expect(.notFound) { try resolve(text) } }
        try test.vault.write { try $0.deleteTask(a.id) }
        let error = expect(.notFound) { _ = try test.vault.read { try $0.resolve(a.id, .task) } }
        #expect(error?.message.contains("trash") == true)
    }

    @Test func theTrashKeepsThirtyDays() throws {
        let test = try TestVault()
        let a = try test.task("a secret title")
        try test.vault.write { try $0.comment("note", on: a.id) }
        try test.vault.write { try $0.deleteTask(a.id) }
        #expect(try test.vault.read { try $0.tasks().items.isEmpty })
        try test.vault.write { try $0.restoreTask(a.id) }
        #expect(try test.vault.read({ try $0.tasks().items.count }) == 1)
        try test.vault.write { try $0.deleteTask(a.id) }
        test.world.advance(milliseconds: 29 * 86_400_000)
        #expect(try test.vault.write { try $0.emptyTrash() } == 0)
        test.world.advance(milliseconds: 2 * 86_400_000)
        #expect(try test.vault.write { try $0.emptyTrash() } == 1)
        expect(.notFound) { _ = try test.vault.read { try $0.task(a.id) } }
        let values = try test.vault.read { try $0.changes(after: 0) }
            .flatMap(\.changes).flatMap(\.fields).map(\.value)
        #expect(!values.contains(.text("a secret title")) && !values.contains(.text("note")))
    }

    @Test func historyTellsWhatHappened() throws {
        let test = try TestVault()
        let a = try test.task("a")
        let b = try test.task("b")
        try test.vault.write(actor: "mia") { tx in
            var update = TaskUpdate()
            update.assignedTo = .some("qa")
            update.addLinks = [TaskLink(kind: .related, id: b.id)]
            try tx.updateTask(a.id, update)
        }
        try test.vault.write { try $0.startTask(a.id) }
        try test.vault.write { try $0.comment("hm", on: a.id) }
        try test.vault.write { try $0.releaseTask(a.id) }
        try test.vault.write { try $0.cancelTask(a.id) }
        try test.vault.write { try $0.reopenTask(a.id) }
        let history = try test.vault.read { try $0.history(of: a.id) }
        #expect(
            history.map(\.action) == [
                "created", "assigned", "linked", "started", "commented", "released", "cancelled", "reopened",
            ])
        #expect(history[1].actor == "mia")
        #expect(history[1].fields["assigned_to"] == .string("qa"))
    }

    @Test func aStaleVersionIsAConflict() throws {
        let test = try TestVault()
        let a = try test.task("a")
        var update = TaskUpdate()
        update.title = "b"
        update.ifVersion = a.version
        let changed = try test.vault.write { try $0.updateTask(a.id, update) }
        #expect(changed.version == a.version + 1)
        expect(.conflict) { try test.vault.write { try $0.updateTask(a.id, update) } }
    }
}
