import Glibc
import TestSupport
import Vault

/// `[TASKS]`: times taking over changes from elsewhere: 12 fields that make each task, then single edits in
/// batches of their own. Once as a fold in memory, once through an encrypted vault, and the root over it.
enum MergeBench {
    static func run(_ arguments: [String]) throws {
        let count = arguments.first.flatMap { Int($0) } ?? 10_000
        var random = SplitMix64(seed: 1)
        let creations = (0..<count).map { creation($0) }
        let edits = (0..<count).map { edit($0, of: Int(random.next() % UInt64(count))) }
        try fold("fold", creations + edits)
        let home = try VaultHome()
        let vault = try home.open()
        try merge("vault, creations", creations, vault)
        try merge("vault, edits", edits, vault)
        let start = ContinuousClock.now
        _ = try vault.read { try $0.stateRoot() }
        print("root over \(count) tasks: \(ContinuousClock.now - start)")
        try vault.close()
    }

    private static func fold(_ name: String, _ batches: [ChangeBatch]) throws {
        var state = ReplicaState()
        rate(name, batches) { for batch in batches { state.apply(batch) } }
    }

    private static func merge(_ name: String, _ batches: [ChangeBatch], _ vault: Vault) throws {
        try rate(name, batches) {
            for start in stride(from: 0, to: batches.count, by: 1000) {
                let part = Array(batches[start..<min(start + 1000, batches.count)])
                try vault.write { try $0.apply(part) }
            }
        }
    }

    private static func rate(
        _ name: String, _ batches: [ChangeBatch], _ body: () throws -> Void
    ) rethrows {
        let fields = batches.reduce(0) { $0 + $1.changes.reduce(0) { $0 + $1.fields.count } }
        let (start, processor) = (ContinuousClock.now, clock())
        try body()
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        let busy = Double(clock() - processor) / Double(CLOCKS_PER_SEC)
        func rate(_ seconds: Double) -> Int { Int(Double(fields) / seconds) }
        print("\(name): \(fields) fields, \(rate(seconds)) a second, \(rate(busy)) of the processor's")
    }

    private static let origin = Origin(device: [UInt8](repeating: 7, count: 16), incarnation: 0)
    private static let begin: Int64 = 1_700_000_000_000

    private static func batch(_ time: Int, _ task: Int, _ fields: [FieldChange]) -> ChangeBatch {
        ChangeBatch(
            sequence: 0, stamp: HybridTime(rawValue: (begin + Int64(time)) << 16), origin: origin,
            actor: "bench",
            changes: [
                RecordChange(
                    collection: 1, id: "task-\(String(100_000_000_000 + task, radix: 32))-bench",
                    dot: Dot(origin: origin, counter: Int64(task + 1)), fields: fields)
            ])
    }

    private static func creation(_ task: Int) -> ChangeBatch {
        batch(
            task, task,
            [
                FieldChange(1, .text("implement_feature")), FieldChange(2, .text("task number \(task)")),
                FieldChange(3, .text("what it is about, in some words, \(task)")),
                FieldChange(4, .text("pending")), FieldChange(5, .integer(1)),
                FieldChange(6, .text("backend-dev")), FieldChange(7, .text("proj-0123456789")),
                FieldChange(8, .text("user")), FieldChange(9, .integer(begin)),
                FieldChange(12, .integer(begin)), FieldChange(16, .text("[\"a\"]")),
                FieldChange(17, .text("{}")),
            ])
    }

    private static func edit(_ number: Int, of task: Int) -> ChangeBatch {
        let fields = [
            FieldChange(4, .text("in_progress")), FieldChange(5, .integer(Int64(number % 4))),
            FieldChange(10, .integer(begin)), FieldChange(2, .text("task \(task), edit \(number)")),
        ]
        return batch(10_000_000 + number, task, number % 4 == 3 ? [fields[3]] : [fields[number % 3]])
    }
}
