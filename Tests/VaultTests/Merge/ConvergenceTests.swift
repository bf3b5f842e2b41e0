import TestSupport
import Testing
import Vault

@Suite struct ConvergenceTests {
    /// Three vaults write and hand over at random; in the end all see the same, and so does a plain fold.
    @Test func vaultsThatGotEverythingAgree() throws {
        let seed = UInt64.random(in: 0...1 << 40)
        print("seed \(seed)")
        var random = SplitMix64(seed: seed)
        func below(_ limit: Int) -> Int { Int(random.next() % UInt64(limit)) }
        let exchange = try Exchange(seed: seed)
        for step in 0..<150 {
            let who = below(3)
            exchange.vaults[who].world.advance(milliseconds: Int64(below(4000)))
            try exchange.vaults[who].act(step: step)
            if below(3) == 0 { try exchange.deliver(from: below(3), to: who, limit: 1 + below(6)) }
        }
        try exchange.settle()
        let (roots, visible) = (try exchange.roots(), try exchange.visible())
        #expect(roots[1] == roots[0] && roots[2] == roots[0])
        #expect(visible[1] == visible[0] && visible[2] == visible[0])
        var plain = ReplicaState()
        for batch in try exchange.vaults[0].vault.read({ try $0.changes(after: 0) }) { plain.apply(batch) }
        #expect(plain.root() == roots[0])
        for key in plain.keys {
            let stored = try exchange.vaults[1].vault.read { try $0.state(key) }
            #expect(stored.canonicalBytes() == plain[key]?.canonicalBytes(), "\(key)")
        }
    }

    /// The tables are what the log says, whoever wrote: nothing is left of how it came about.
    @Test func theTablesShowWhatTheLogSays() throws {
        let seed = UInt64.random(in: 0...1 << 40)
        print("seed \(seed)")
        let exchange = try Exchange(seed: seed, count: 2)
        for step in 0..<80 {
            try exchange.vaults[step % 2].act(step: step)
            if step % 7 == 0 { try exchange.deliver(from: 0, to: 1, limit: 4) }
        }
        try exchange.settle()
        let test = exchange.vaults[0]
        let before = try visibleState(test.vault)
        let everything = try test.vault.read { try $0.changes(after: 0) }
        let copy = try TestVault(seed: seed, device: 9)
        copy.world.advance(milliseconds: 10_000_000)
        for batch in everything.reversed() { try copy.vault.write { try $0.apply([batch]) } }
        #expect(try visibleState(copy.vault) == before)
    }

    /// Under one stamp the values would count by their bytes, and "cancelled" more than "pending".
    @Test func theLastOfSeveralChangesInATransactionCounts() throws {
        let exchange = try Exchange(seed: 11, count: 2)
        let id = try exchange.vaults[0].task("t").id
        try exchange.vaults[0].vault.write { tx in
            try tx.startTask(id)
            try tx.cancelTask(id)
            try tx.reopenTask(id)
        }
        try exchange.settle()
        for test in exchange.vaults {
            let task = try test.vault.read { try $0.task(id) }
            #expect(task.status == .pending && task.version == 4)
            let actions = try test.vault.read { try $0.history(of: id) }.map(\.action)
            #expect(actions == ["created", "started", "cancelled", "reopened"])
        }
    }

    /// One clock jumps to and fro, another vault demotes what comes from ahead: once all clocks are right,
    /// all see the same and have the same to decide, which is what the plain fold says.
    @Test func wrongClocksLeaveTheSameToDecideEverywhere() throws {
        let seed = UInt64.random(in: 0...1 << 40)
        print("seed \(seed)")
        var random = SplitMix64(seed: seed)
        func below(_ limit: Int) -> Int { Int(random.next() % UInt64(limit)) }
        let exchange = try Exchange(seed: seed)
        let hour: Int64 = 3_600_000
        var ahead: Int64 = 0
        for step in 0..<120 {
            let who = below(3)
            exchange.vaults[who].world.advance(milliseconds: Int64(below(4000)))
            if who == 2, below(6) == 0 {
                let jump = ahead == 0 ? hour * Int64(1 + below(100)) : -ahead
                exchange.vaults[2].world.advance(milliseconds: jump)
                ahead += jump
            }
            try exchange.vaults[who].act(step: step)
            let from = below(3)
            guard below(2) == 0, from != who else { continue }
            let report = try exchange.deliver(from: from, to: who, limit: 1 + below(6))
            if who == 0 { try exchange.vaults[0].vault.write { try $0.demote(report.future) } }
        }
        exchange.vaults[2].world.advance(milliseconds: -ahead)
        var isOpen = true
        while isOpen {
            try exchange.settle()
            let future = try exchange.vaults[0].vault.read { try $0.futureWrites() }
            try exchange.vaults[0].vault.write { try $0.demote(future) }
            isOpen = !future.isEmpty
        }
        let roots = try exchange.roots()
        #expect(roots[1] == roots[0] && roots[2] == roots[0])
        var plain = ReplicaState()
        for batch in try exchange.vaults[1].vault.read({ try $0.changes(after: 0) }) { plain.apply(batch) }
        #expect(plain.root() == roots[0])
        let ids = try exchange.vaults.map { try $0.vault.read { try $0.conflicts() } }
            .map { $0.filter { $0.kind == .candidate }.map(\.id).sorted() }
        #expect(ids[1] == ids[0] && ids[2] == ids[0])
        let waiting = plain.all.flatMap { state in
            state.fieldNumbers.flatMap { state.candidates($0) }
                .map { "\(state.key) \($0.stamp) \($0.origin)" }
        }
        #expect(ids[0].count == Set(waiting).count)
        // Whoever takes or drops them all ends it everywhere.
        for id in ids[1] {
            let choice: ConflictChoice = below(2) == 0 ? .local : .remote
            try exchange.vaults[1].vault.resolve(conflict: id, take: choice)
        }
        try exchange.settle()
        let after = try exchange.roots()
        #expect(after[1] == after[0] && after[2] == after[0])
        for test in exchange.vaults {
            #expect(try test.vault.read { try $0.conflicts().filter { $0.kind == .candidate } }.isEmpty)
        }
    }

    /// What lost against a change that knew nothing of it is what a model says that remembers every delivery.
    @Test func theHistoryKnowsWhatWasConcurrent() throws {
        let seed = UInt64.random(in: 0...1 << 40)
        print("seed \(seed)")
        var random = SplitMix64(seed: seed)
        func below(_ limit: Int) -> Int { Int(random.next() % UInt64(limit)) }
        let exchange = try Exchange(seed: seed)
        let id = try exchange.vaults[0].task("title 0").id
        try exchange.settle()
        var known: [Set<Int>] = Array(repeating: [0], count: 3)
        var waiting = [[Set<Int>]](repeating: [Set<Int>](repeating: [], count: 3), count: 3)
        var knew: [Int: Set<Int>] = [:]
        for step in 1..<60 {
            let (who, from) = (below(3), below(3))
            exchange.vaults[who].world.advance(milliseconds: Int64(below(50)))
            if below(2) == 0, from != who {
                try exchange.deliver(from: from, to: who)
                known[who].formUnion(waiting[from][who])
                waiting[from][who] = []
                continue
            }
            var update = TaskUpdate()
            update.title = "title \(step)"
            try exchange.vaults[who].vault.write { try $0.updateTask(id, update) }
            knew[step] = known[who]
            known[who].insert(step)
            for other in 0..<3 where other != who { waiting[who][other].insert(step) }
        }
        try exchange.settle()
        for test in exchange.vaults {
            let history = try test.vault.read { try $0.history(of: id) }
            let steps = history.compactMap { event in
                event.fields["title"]?.string.flatMap { Int($0.dropFirst(6)) }
            }
            let lost = zip(steps, history).filter { !$0.1.overruled.isEmpty }.map(\.0)
            let expected = zip(steps, steps.dropFirst()).filter { !(knew[$1]?.contains($0) ?? true) }.map(\.0)
            #expect(lost == expected, "seed \(seed)")
        }
    }

    @Test func whatCannotBeShownIsKeptAndShowsAsTheDefault() throws {
        let test = try TestVault()
        let origin = Origin(device: [UInt8](repeating: 5, count: 16), incarnation: 0)
        let wrong: [FieldChange] = [
            FieldChange(1, .integer(4)), FieldChange(2, .null), FieldChange(4, .blob([1])),
            FieldChange(5, .text("high")), FieldChange(9, .real(.nan)), FieldChange(16, .text("[1")),
            FieldChange(17, .text("[]")), FieldChange(60, .text("later")), FieldChange(100, .text("x")),
        ]
        let batch = ChangeBatch(
            sequence: 0, stamp: HybridTime(now: test.world.now, after: nil), origin: origin, actor: "x",
            changes: [
                RecordChange(
                    collection: 1, id: "task-x", dot: Dot(origin: origin, counter: 1), fields: wrong),
                RecordChange(
                    collection: 6, id: "ver-x", dot: Dot(origin: origin, counter: 2),
                    fields: [FieldChange(4, .integer(-1)), FieldChange(6, .integer(1 << 40))]),
                RecordChange(
                    collection: 77, id: "later", dot: Dot(origin: origin, counter: 3),
                    fields: [FieldChange(1, .text("of a later program"))]),
            ])
        try test.vault.write { try $0.apply([batch]) }
        let task = try test.vault.read { try $0.task("task-x") }
        #expect(task.title == "" && task.status == .pending && task.priority == .medium && task.tags == [])
        let kept = try test.vault.read { try $0.changes(after: 0) }.first { $0.origin == origin }
        #expect(kept?.changes.map { $0.fields.map(\.field) } == batch.changes.map { $0.fields.map(\.field) })
        #expect(try test.vault.read { try $0.state(RecordKey(77, "later")) }.winner(1) != nil)
    }
}
