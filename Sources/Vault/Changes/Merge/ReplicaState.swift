/// A vault's travelling records in memory, without clocks, files and views: what simulations run and what
/// the database is tested against. The same set of batches gives the same state in whatever order.
public struct ReplicaState: Sendable {
    private var records: [RecordKey: RecordState] = [:]

    public init() {}

    /// Takes over a batch.
    public mutating func apply(_ batch: ChangeBatch) {
        for change in batch.changes {
            if Collection.control.contains(change.collection) {
                guard change.collection == Verdict.collection,
                    let verdict = Verdict(id: change.id, change.fields)
                else { continue }
                withRecord(verdict.write.key) { $0.apply(verdict) }
            } else {
                withRecord(RecordKey(change.collection, change.id)) { state in
                    state.apply(change.fields, dot: change.dot, stamp: batch.stamp, origin: batch.origin)
                }
            }
        }
    }

    private mutating func withRecord(_ key: RecordKey, _ body: (inout RecordState) -> Void) {
        guard key.isValid else { return }
        body(&records[key, default: RecordState(key)])
    }

    /// The state of one record; nil when nothing was ever changed in it.
    public subscript(_ key: RecordKey) -> RecordState? { records[key].flatMap { $0.exists ? $0 : nil } }

    /// The keys of all records, in their order.
    public var keys: [RecordKey] { records.filter { $0.value.exists }.keys.sorted() }

    /// All records, in the order of their keys.
    public var all: [RecordState] { keys.compactMap { records[$0] } }

    public func root() -> StateRoot {
        var hasher = StateRootHasher()
        for state in all { hasher.add(state) }
        return hasher.finalize()
    }
}
