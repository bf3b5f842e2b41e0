/// What was decided about values that came stamped more than ten minutes ahead of the clock of whoever
/// received them first. It travels as a change of collection 50 with the record's id, so that all vaults
/// judge alike whatever their clocks say.
public struct Verdict: Sendable, Hashable {
    public let write: FieldWrite
    /// False: the values never count, and wait as candidates for somebody to take or drop them. True: that
    /// was done, they wait no longer. A settlement without its demotion demotes as well.
    public let settles: Bool

    public init(_ write: FieldWrite, settles: Bool) {
        self.write = write
        self.settles = settles
    }

    /// The collection of verdicts.
    public static let collection: UInt32 = 50

    private enum Field: UInt32 {
        case collection = 1
        case device, incarnation, stamp, field, settles
    }

    /// The change that carries it.
    public func change(dot: Dot) -> RecordChange {
        func field(_ field: Field, _ value: FieldValue) -> FieldChange { FieldChange(field.rawValue, value) }
        var fields = [
            field(.collection, .integer(Int64(write.key.collection))),
            field(.device, .blob(write.origin.device)),
            field(.incarnation, .integer(Int64(write.origin.incarnation))),
            field(.stamp, .integer(write.stamp.rawValue)),
        ]
        fields += write.fields.map { field(.field, .integer(Int64($0))) }
        if settles { fields.append(field(.settles, .integer(1))) }
        return RecordChange(collection: Self.collection, id: write.key.id, dot: dot, fields: fields)
    }

    /// - Returns: nil for a change that carries no verdict that this program understands; it is kept and
    ///   judges nothing.
    public init?(id: String, _ fields: [FieldChange]) {
        var (collection, device, incarnation): (UInt32?, [UInt8]?, UInt32?)
        var stamp: HybridTime?
        var written: [UInt32] = []
        var settles = false
        for change in fields {
            switch (Field(rawValue: change.field), change.value) {
            case (.collection, .integer(let number)): collection = UInt32(exactly: number)
            case (.device, .blob(let bytes)): device = bytes
            case (.incarnation, .integer(let number)): incarnation = UInt32(exactly: number)
            case (.stamp, .integer(let number)): stamp = HybridTime(rawValue: number)
            case (.field, .integer(let number)): written += UInt32(exactly: number).map { [$0] } ?? []
            case (.settles, .integer(let number)): settles = number != 0
            default: continue
            }
        }
        guard let collection, let device, let incarnation, let stamp,
            !Collection.control.contains(collection)
        else { return nil }
        self.init(
            FieldWrite(
                key: RecordKey(collection, id),
                origin: Origin(device: device, incarnation: incarnation), stamp: stamp, fields: written),
            settles: settles)
    }
}
