/// A record on its way through an `apply`.
struct TouchedRecord {
    var state: RecordState
    /// How many changes were added.
    private(set) var changes: Int64 = 0
    /// Nothing was known of it before.
    let isNew: Bool
    /// Nothing but believed values was added: what shows follows from the fields that were touched.
    var isPlain: Bool
    /// What counted before, of the fields that were touched.
    private(set) var before: [(field: UInt32, winner: Register?)] = []
    private(set) var latest: HybridTime?

    init(_ state: RecordState) {
        self.state = state
        isNew = !state.exists
        isPlain = !state.isJudged && state.purge == nil
    }

    mutating func apply(
        _ fields: [FieldChange], _ dot: Dot, _ stamp: HybridTime, _ origin: Origin, _ believed: HybridTime
    ) {
        changes += 1
        isPlain = isPlain && stamp <= believed && (state.dot.map { $0 <= dot } ?? true)
        if isPlain && !isNew {
            for field in fields where !before.contains(where: { $0.field == field.field }) {
                before.append((field.field, state.winner(field.field)))
            }
        }
        if !fields.isEmpty { latest = max(latest ?? stamp, stamp) }
        state.apply(fields, dot: dot, stamp: stamp, origin: origin)
        isPlain = isPlain && state.purge == nil
    }

    /// The fields that show something else now.
    var changed: [UInt32] { before.filter { $0.winner != state.winner($0.field) }.map(\.field) }
}
