import Dispatch
import Synchronization
import Testing
import Vault

@Suite struct ChangeLogTests {
    /// Everything a person can see of the tasks and projects.
    private func state(_ vault: Vault) throws -> [String] {
        try vault.read { tx in
            var trash = TaskFilter()
            trash.deleted = true
            let tasks = try tx.tasks().items + tx.tasks(trash).items
            return try tasks.map(\.json).sorted() + tx.projects().map(\.json)
                + tasks.flatMap { try tx.comments(of: $0.id).map(\.json) }.sorted()
        }
    }

    @Test func theLogReplayedGivesTheSameState() throws {
        let seed = UInt64.random(in: 1...100_000)
        print("seed \(seed)")
        let test = try TestVault(seed: seed)
        let world = test.world
        var ids: [String] = []
        for step in 0..<120 {
            world.advance(milliseconds: Int64(world.below(5000)))
            let draft = TaskDraft(title: "task \(step)")
            try test.vault.write { tx in
                guard ids.count > 3, world.below(3) > 0 else {
                    return ids.append(try tx.createTask(draft).id)
                }
                let id = ids[world.below(ids.count)]
                var update = TaskUpdate()
                update.title = "title \(step)"
                update.tags = ["t\(step)"]
                let task = try tx.task(id)
                if task.deletedAt != nil { return _ = try tx.restoreTask(id) }
                switch world.below(6) {
                case 0: try tx.updateTask(id, update)
                case 1: try tx.deleteTask(id)
                case 2: try tx.comment("note \(step)", on: id)
                case 3 where task.status == .pending: try tx.completeTask(id, output: "o")
                case 4:
                    let later = ids.firstIndex(of: id) ?? 0
                    guard later > 0, try tx.task(ids[later - 1]).deletedAt == nil else { return }
                    try tx.addLink(id, TaskLink(kind: .related, id: ids[later - 1]))
                default:
                    try tx.purgeTask(id)
                    ids.removeAll { $0 == id }
                }
            }
        }
        let batches = try test.vault.read { try $0.changes(after: 0) }
        let copy = try TestVault(seed: seed + 1, device: 2)
        try copy.vault.write { try $0.apply(batches) }
        #expect(try state(copy.vault) == state(test.vault))
    }

    @Test func theOrderOfArrivalDoesNotMatter() throws {
        let (one, two) = (try TestVault(seed: 1, device: 1), try TestVault(seed: 2, device: 2))
        let id = try one.task("begin").id
        let start = try one.vault.read { try $0.changes(after: 0) }
        try two.vault.write { try $0.apply(start) }
        var update = TaskUpdate()
        update.title = "from one"
        update.description = "only one"
        try one.vault.write { try $0.updateTask(id, update) }
        two.world.advance(milliseconds: 10)
        update = TaskUpdate()
        update.title = "from two"
        try two.vault.write { try $0.updateTask(id, update) }
        let fromOne = try one.vault.read { try $0.changes(after: start[0].sequence) }
        let fromTwo = try two.vault.read { try $0.changes(after: 2) }
        try one.vault.write { try $0.apply(fromTwo) }
        try two.vault.write { try $0.apply(fromOne) }
        for vault in [one.vault, two.vault] {
            let task = try vault.read { try $0.task(id) }
            #expect(task.title == "from two" && task.description == "only one")
        }
    }

    @Test func claimsFromManyThreadsNeverMeet() throws {
        let test = try TestVault()
        let tasks = try (0..<40).map { try test.task("t\($0)").id }
        let taken = Mutex<[String]>([])
        DispatchQueue.concurrentPerform(iterations: 8) { worker in
            do {
                while let claim = try test.vault.write({ try $0.claimTask(agent: "w\(worker)") }) {
                    taken.withLock { $0.append(claim.task.id) }
                }
            } catch { Issue.record("\(error)") }
        }
        #expect(taken.withLock { $0.sorted() } == tasks.sorted())
    }

    @Test func aLeaseThatRunsOutIsLost() throws {
        let test = try TestVault()
        let id = try test.task("t").id
        let first = try #require(try test.vault.write { try $0.claimTask(agent: "a") })
        test.world.advance(milliseconds: 200_000)
        try test.vault.write { try $0.heartbeat(id, lease: first.leaseToken) }
        test.world.advance(milliseconds: 299_000)
        #expect(try test.vault.write { try $0.claimTask(agent: "b") } == nil)
        test.world.advance(milliseconds: 2000)
        let second = try #require(try test.vault.write { try $0.claimTask(agent: "b") })
        #expect(second.task.tries == 1)
        expect(.leaseLost) { try test.vault.write { try $0.completeTask(id, lease: first.leaseToken) } }
        for _ in 0..<2 {
            test.world.advance(milliseconds: 301_000)
            _ = try test.vault.write { try $0.claimTask(agent: "c") }
        }
        #expect(try test.vault.read { try $0.task(id).status } == .failed)
    }

    @Test func importsAreWholeAndRepeatable() throws {
        let test = try TestVault()
        let lines = """
            {"id":"x-1","title":"第一","dependencies":["x-2"],"points":5,"tags":["a"]}

            {"id":"x-2","title":"two","priority":"critical","status":"completed","project":"電商"}
            """
        let report = try test.vault.write { try $0.importTasks(jsonLines: Array(lines.utf8)) }
        #expect(report.created == 2 && report.ids == ["x-1", "x-2"])
        let again = try test.vault.write { try $0.importTasks(jsonLines: Array(lines.utf8)) }
        #expect(again.unchanged == 2 && again.created == 0)
        let one = try test.vault.read { try $0.task("x-1") }
        #expect(one.dependencies == ["x-2"] && one.metadata["points"] == .integer(5) && one.isReady)
        let bad = expect(.invalid) {
            try test.vault.write { try $0.importTasks(jsonLines: Array("{\"title\":\"a\"}\n{}".utf8)) }
        }
        #expect(bad?.message.hasPrefix("line 2") == true)
        var exported: [UInt8] = []
        try test.vault.read { try $0.exportTasks { exported += $0 } }
        let copy = try TestVault(seed: 2)
        let taken = try copy.vault.write { try $0.importTasks(jsonLines: exported) }
        #expect(taken.created == 2)
        #expect(try copy.vault.read { try $0.task("x-1").tags } == ["a"])
    }
}
