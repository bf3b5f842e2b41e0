package import Vault

/// What sync means, as simply as it can be said: every operation is kept in a list, and a question is
/// answered by looking at all of them.
package struct ReferenceModel {
    private struct Operation {
        let key: RecordKey
        let dot: Dot
        let register: Register
        let field: UInt32
    }

    private var operations: [Operation] = []
    private var dots: [(key: RecordKey, dot: Dot)] = []
    private var verdicts: [Verdict] = []

    package init() {}

    package mutating func apply(_ batch: ChangeBatch) {
        for change in batch.changes {
            if change.collection == Verdict.collection {
                verdicts += Verdict(id: change.id, change.fields).map { [$0] } ?? []
                continue
            }
            let key = RecordKey(change.collection, change.id)
            dots.append((key, change.dot))
            operations += change.fields.map { field in
                Operation(
                    key: key, dot: change.dot,
                    register: Register(field.value, stamp: batch.stamp, origin: batch.origin),
                    field: field.field)
            }
        }
    }

    package var keys: [RecordKey] { Set(dots.map(\.key)).sorted() }

    package func dot(_ key: RecordKey) -> Dot? { dots.filter { $0.key == key }.map(\.dot).min() }

    package func purge(_ key: RecordKey) -> Register? { all(key, 101).max() }

    package func winner(_ key: RecordKey, _ field: UInt32) -> Register? {
        guard purge(key) == nil else { return nil }
        let counting = all(key, field).filter { judged(key, $0, field) == nil }
        let completed = counting.filter { $0.value == .text("completed") }
        return (key.collection == 1 && field == 4 && !completed.isEmpty ? completed : counting).max()
    }

    package func candidates(_ key: RecordKey, _ field: UInt32) -> [Register] {
        guard purge(key) == nil else { return [] }
        return Set(all(key, field)).filter { judged(key, $0, field) == false }.sorted()
    }

    private func all(_ key: RecordKey, _ field: UInt32) -> [Register] {
        operations.filter { $0.key == key && $0.field == field }.map(\.register)
    }

    /// Nil: no verdict. False: demoted. True: settled as well.
    private func judged(_ key: RecordKey, _ register: Register, _ field: UInt32) -> Bool? {
        let about = verdicts.filter {
            $0.write.key == key && $0.write.origin == register.origin && $0.write.stamp == register.stamp
                && $0.write.fields.contains(field)
        }
        return about.isEmpty ? nil : about.contains { $0.settles }
    }
}
