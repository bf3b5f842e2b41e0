internal import TestSupport
internal import Vault

/// What is written in a simulation: mostly values of few fields of few records, so that everything meets; now
/// and then the end of a task, a deletion, a restore, a purge, or a verdict on a value that is there.
///
/// It has randomness of its own, so that what is written changes nothing of what goes wrong.
struct ModelWrites {
    private var random: SplitMix64
    private static let (task, status, deleted, purged): (UInt32, UInt32, UInt32, UInt32) = (1, 4, 100, 101)

    init(seed: UInt64) { random = SplitMix64(seed: seed ^ 0xF1E1D) }

    /// The change of a record that a device writes next.
    ///
    /// - Parameters:
    ///   - field: what gets the value, where nothing else is written.
    ///   - value: another one each time.
    mutating func change(id: String, field: UInt32, value: Int64, on disk: ModelDisk) -> RecordChange {
        let fields: FieldChange
        switch Int.random(in: 0..<100, using: &random) {
        case ..<64: fields = FieldChange(field, .integer(value))
        case ..<72: fields = FieldChange(Self.status, .text(value % 2 == 0 ? "completed" : "pending"))
        case ..<80: fields = FieldChange(Self.deleted, .integer(value))
        case ..<88: fields = FieldChange(Self.deleted, .null)
        case ..<91: fields = FieldChange(Self.purged, .integer(value))
        default:
            if let verdict = verdict(on: disk.fold) { return verdict.change(dot: disk.nextDot) }
            fields = FieldChange(field, .integer(value))
        }
        return RecordChange(collection: Self.task, id: id, dot: disk.nextDot, fields: [fields])
    }

    /// The time of a write. One in four is rounded, so that devices give the same stamps.
    mutating func time(_ now: Int64) -> Int64 {
        Int.random(in: 0..<4, using: &random) == 0 ? now - now % 20_000 : now
    }

    /// About any value that some field of some record was ever given.
    private mutating func verdict(on fold: ReplicaState) -> Verdict? {
        guard let key = fold.keys.randomElement(using: &random), let record = fold[key],
            let field = record.fieldNumbers.randomElement(using: &random),
            let register = record.registers(field).randomElement(using: &random)
        else { return nil }
        let write = FieldWrite(key: key, origin: register.origin, stamp: register.stamp, fields: [field])
        return Verdict(write, settles: Bool.random(using: &random))
    }
}
