import TestSupport
import Vault

/// Batches as several devices could have written them, with ties, ends of tasks, deletions, purges, fields
/// and collections of later programs, and verdicts: few records and few stamps, so that everything meets.
struct RandomBatches {
    private var random: SplitMix64
    private let origins: [Origin]
    private(set) var batches: [ChangeBatch] = []

    init(seed: UInt64, devices: Int = 4) {
        random = SplitMix64(seed: seed)
        origins = (0..<devices).map { device in
            Origin(device: [UInt8](repeating: UInt8(device), count: 16), incarnation: UInt32(device % 2))
        }
    }

    mutating func below(_ limit: Int) -> Int { Int(random.next() % UInt64(limit)) }

    mutating func make(_ count: Int) -> [ChangeBatch] {
        for _ in 0..<count {
            let origin = origins[below(origins.count)]
            let changes = (0...below(4)).map { _ in below(8) == 0 ? verdict() : change() }
            batches.append(
                ChangeBatch(
                    sequence: 0, stamp: HybridTime(rawValue: Int64(below(60))), origin: origin, actor: "a",
                    changes: changes))
        }
        return batches
    }

    mutating func shuffled() -> [ChangeBatch] { batches.shuffled(using: &random) }

    private mutating func dot() -> Dot {
        Dot(origin: origins[below(origins.count)], counter: Int64(below(3)))
    }

    private mutating func change() -> RecordChange {
        let fields = (0...below(4)).map { _ in FieldChange([1, 2, 3, 4, 4, 60, 100][below(7)], value()) }
        let isPurge = below(40) == 0
        return RecordChange(
            collection: [1, 1, 1, 4, 5, 6, 9, 33][below(8)], id: "r\(below(5))", dot: dot(),
            fields: isPurge ? [FieldChange(101, .integer(Int64(below(9))))] : fields)
    }

    private mutating func value() -> FieldValue {
        switch below(7) {
        case 0: .null
        case 1: .integer(Int64(bitPattern: random.next()))
        case 2: .real(Double(bitPattern: random.next()))
        case 3: .text("completed")
        case 4: .blob([UInt8](repeating: 7, count: below(4)))
        case 5: .text(["\u{E9}", "e\u{301}"][below(2)])
        default: .text("t\(below(30))")
        }
    }

    /// Of something that was written, or will be, or never is.
    private mutating func verdict() -> RecordChange {
        var key = RecordKey(1, "r\(below(5))")
        var (origin, stamp, fields) = (origins[0], Int64(below(60)), [UInt32(below(6))])
        if let batch = batches.isEmpty ? nil : batches[below(batches.count)],
            let change = batch.changes.first, change.collection != Verdict.collection
        {
            key = RecordKey(change.collection, change.id)
            (origin, stamp) = (batch.origin, batch.stamp.rawValue)
            fields = change.fields.map(\.field)
        }
        let write = FieldWrite(
            key: key, origin: origin, stamp: HybridTime(rawValue: stamp), fields: fields)
        return Verdict(write, settles: below(3) == 0).change(dot: dot())
    }
}
